package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// What reference/README.md promises: copy two folders into a module of yours, replace
// the handler, build, and the copy is as good as the original.
func TestACopyOfTheReferenceReceiverWithAnotherHandlerIsConformantEvenWhenStrict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyReference(t, dir)
	for _, args := range [][]string{{"vet", "./receiver"}, {"build", "-o", "acme", "./cmd/receiver"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off") // ours are there already
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	result, code, out := certify(t, "--strict", "--config", filepath.Join(dir, "hookcheck.yaml"))
	if code != 0 || result.Verdict != report.Conformant || result.Profile != "lifecycle" {
		t.Errorf("exit code %d, %s (%s)\n%s", code, result.Verdict, result.Profile, out)
	}
}

// copyReference does in dir, as example.com/acme, what reference/README.md says.
func copyReference(t *testing.T, dir string) {
	t.Helper()
	for from, to := range map[string]string{"../reference": "receiver", "../cmd/receiver": "cmd/receiver"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"example_effects.go", "handler_test.go"} {
		if err := os.Remove(filepath.Join(dir, "receiver", name)); err != nil {
			t.Fatal(err)
		}
	}
	// The versions are pinned by ours, so that nothing is looked for in the network.
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), strings.Replace(string(content), "module github.com/moncreneau/hookcheck", "module example.com/acme", 1))
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		write(t, path, strings.ReplaceAll(string(content), "github.com/moncreneau/hookcheck/reference", "example.com/acme/receiver"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "receiver", "handler.go"), anotherHandler)
	write(t, filepath.Join(dir, "hookcheck.yaml"), configOfTheCopy)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const anotherHandler = `package reference

import (
	"context"
	"errors"
	"net/http"
)

// NewHandler is called once at the start.
func NewHandler(_ context.Context, config Config) (Handler, error) {
	return crm{config.DownstreamURL}, nil
}

type crm struct{ url string }

func (c crm) Handle(ctx context.Context, event Event) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Acme-Once", event.ID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the CRM answered " + resp.Status)
	}
	return nil
}

func (crm) OrderKey(Event) string { return "" }
`

const configOfTheCopy = `
receiver:
  name: acme
  exec: [./acme]
  ready: /readyz
  env:
    MONCRENEAU_WEBHOOK_SECRET: "{{.Secret}}"
    PORT: "{{.Port}}"
    DATA_DIR: "{{.DataDir}}"
    DOWNSTREAM_URL: "{{.EffectURL}}"
    ATTEMPT_TIMEOUT: 5s
    RATE_LIMIT: "{{.RateLimit.Requests}}/{{.RateLimit.Window}}"
observe:
  sink: {eventId: "header:X-Acme-Once"}
  metrics: {path: /metrics}
  logs: json
declare:
  replay: {exec: [./acme, replay, "{{.EventID}}"]}
runbook: receiver/docs/runbook.md
`
