package mutants

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/template"
	"time"
)

// configuration is the hookcheck.yaml of a mutant. Its waits are short, so that
// all mutants are through in minutes: the receiver declares them, and keeps them.
var configuration = template.Must(template.New("hookcheck.yaml").Parse(`receiver:
  name: {{.Name}}
{{- if .URL}}
  url: {{.URL}}
secret: {{.Secret}}
{{- else}}
  exec: [{{.Receiver}}]
  ready: /healthz
  startTimeout: 30s
  env:
    MUTANT: {{.Mutant}}
    MONCRENEAU_WEBHOOK_SECRET: "{{"{{.Secret}}"}}"
    PORT: "{{"{{.Port}}"}}"
    DATA_DIR: "{{"{{.DataDir}}"}}"
{{- if not .Totals}}
    DOWNSTREAM_URL: "{{"{{.EffectURL}}"}}"
{{- end}}
    RATE_LIMIT: "{{"{{.RateLimit.Requests}}/{{.RateLimit.Window}}"}}"
    RETRY_BACKOFF: {{.Backoff}}
    DOWNSTREAM_TIMEOUT: {{if .ShortAck}}2500ms{{else}}2s{{end}}
    ALLOWLIST: 41.223.45.0/24,41.223.46.0/24
    TRUSTED_PROXIES: 127.0.0.1/32
    SLOW: 2200ms
observe:
  metrics: {path: /metrics}
{{- if not .Totals}}
  sink: {eventId: "body:/eventId"}
  logs: json
{{- end}}
declare:
  ack: {{if .ShortAck}}2s{{else}}5s{{end}}
  timeout: 3s
  retries: {attempts: 3, backoff: {{.Backoff}}, factor: 2}
  allowlist: {cidrs: [41.223.45.0/24, 41.223.46.0/24]}
  replay: {exec: [{{.Receiver}}, replay, "{{"{{.EventID}}"}}"]}
runbook: {{.Runbook}}
patience: 5s
{{- end}}
`))

// stage is what one certification needs, in a folder of its own.
type stage struct {
	dir    string
	config string   // hookcheck.yaml
	flags  []string // further flags of hookcheck certify
	env    []string // further environment of hookcheck
	strike func() error
}

// set prepares the certification of m. The stage must be struck afterwards.
func (r *runner) set(ctx context.Context, m Mutant) (*stage, error) {
	s := &stage{dir: filepath.Join(r.dir, m.Name), strike: func() error { return nil }}
	s.config = filepath.Join(s.dir, "hookcheck.yaml")
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return nil, err
	}
	runbook := filepath.Join(s.dir, "runbook.md")
	values := map[string]any{
		"Name": m.Name, "Mutant": m.defect(), "Receiver": r.receiver,
		"Runbook": runbook, "ShortAck": m.ShortAck, "Totals": m.Totals, "Backoff": cmp.Or(m.Backoff, 400*time.Millisecond),
	}
	headings := runbookSections
	if m.Runbook != nil {
		headings = m.Runbook
	}
	if err := writeRunbook(runbook, headings); err != nil {
		return nil, err
	}
	if m.Certificate != "" {
		secret := rand.Text()
		url, strike, err := r.serveHTTPS(ctx, s.dir, m, secret)
		if err != nil {
			return nil, err
		}
		values["URL"], values["Secret"], s.strike = url, secret, strike
		s.flags = []string{"--only", "https"}
		s.env = []string{"SSL_CERT_FILE=" + r.authority.file}
	}
	file, err := os.Create(s.config)
	if err != nil {
		return nil, errors.Join(err, s.strike())
	}
	if err := errors.Join(configuration.Execute(file, values), file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("hookcheck.yaml: %w", err), s.strike())
	}
	return s, nil
}

// runbookSections are the headings of a complete runbook.
var runbookSections = []string{"Overview", "Configuration and deployment", "Monitoring", "Troubleshooting", "Replaying dead letters", "Contacts"}

func writeRunbook(path string, headings []string) error {
	text := "# Runbook\n"
	for _, heading := range headings {
		text += "\n## " + heading + "\n\nSee the README.\n"
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// serveHTTPS starts the receiver of m with its certificate, because hookcheck
// reaches receivers that it starts itself over plain HTTP only. It returns the
// URL to certify and a function that stops the receiver.
func (r *runner) serveHTTPS(ctx context.Context, dir string, m Mutant, secret string) (url string, strike func() error, err error) {
	certFile, keyFile, err := r.authority.issue(dir, m.Certificate)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, r.receiver) //nolint:gosec // the program that was just built
	cmd.Env = append(os.Environ(), "MUTANT="+m.defect(), "MONCRENEAU_WEBHOOK_SECRET="+secret, "PORT=0", "DATA_DIR="+dir,
		"TLS_CERT_FILE="+certFile, "TLS_KEY_FILE="+keyFile)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("receiver over HTTPS: %w", err)
	}
	strike = func() error {
		_ = cmd.Cancel() // it may have ended already
		err := cmd.Wait()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) || ctx.Err() != nil {
			return nil
		}
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct{ Message, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "Listening" {
			go func() { // the receiver must not block on a full pipe; ends with it
				for lines.Scan() {
				}
			}()
			return "https://" + line.Address + "/webhooks/moncreneau", strike, nil
		}
	}
	return "", nil, errors.Join(errors.New("receiver over HTTPS: it ended before it listened"), strike())
}
