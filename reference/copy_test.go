package reference

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What README.md promises: copy two folders into a module of yours, replace the
// handler, build.
func TestTheFolderCanBeCopiedIntoAnotherModule(t *testing.T) {
	if _, err := os.Stat("../cmd/receiver"); err != nil {
		t.Skip("this is the copy")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{".": "receiver", "../cmd/receiver": "cmd/receiver"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	// The versions are pinned by ours, so that nothing is looked for in the network.
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		content = []byte(strings.Replace(string(content), "module github.com/moncreneau/hookcheck", "module example.com/acme", 1))
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content = []byte(strings.ReplaceAll(string(content), "github.com/moncreneau/hookcheck/reference", "example.com/acme/receiver"))
		return os.WriteFile(path, content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example_effects.go", "handler_test.go"} {
		if err := os.Remove(filepath.Join(dir, "receiver", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "receiver", "handler.go"), []byte(anotherHandler), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", "./receiver"}, {"build", "-o", filepath.Join(dir, "acme"), "./cmd/receiver"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if out, err := exec.Command(filepath.Join(dir, "acme"), "--help").CombinedOutput(); err != nil || !strings.Contains(string(out), "dead-letters") {
		t.Errorf("the copy's help: %v\n%s", err, out)
	}
}

const anotherHandler = `package reference

import "context"

// NewHandler is called once at the start.
func NewHandler(context.Context, Config) (Handler, error) { return mine{}, nil }

type mine struct{}

func (mine) Handle(context.Context, Event) error { return nil }

func (mine) OrderKey(event Event) string { return event.Type }
`
