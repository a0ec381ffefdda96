package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is a buffer that a test reads while the command writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// simulated is a running `hookcheck simulate`.
type simulated struct {
	stdout, stderr output
	ended          chan error
	stop           func() error // as Ctrl-C does
}

func simulate(t *testing.T, args ...string) *simulated {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &simulated{ended: make(chan error, 1)}
	root := newRootCommand()
	root.SetArgs(append([]string{"simulate", "--listen", "127.0.0.1:0"}, args...))
	root.SetOut(&s.stdout)
	root.SetErr(&s.stderr)
	go func() { s.ended <- root.ExecuteContext(ctx) }()
	s.stop = func() error {
		cancel()
		return s.wait(t)
	}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

// wait waits until the command has ended; it may be called again.
func (s *simulated) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- err
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("simulate does not end")
		return nil
	}
}

// shows waits until the output matches, and returns the last group.
func (s *simulated) shows(t *testing.T, pattern string) string {
	t.Helper()
	return s.stdout.shows(t, pattern)
}

func (o *output) shows(t *testing.T, pattern string) string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found := wanted.FindStringSubmatch(o.String()); found != nil {
			return found[len(found)-1]
		}
	}
	t.Fatalf("no %s in\n%s", pattern, o.String())
	return ""
}

type post struct{ signature, body string }

func endpointServer(t *testing.T) (url string, got <-chan post) {
	t.Helper()
	posts := make(chan post, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			posts <- post{r.Header.Get("X-Moncreneau-Signature"), string(body)}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/webhooks/moncreneau", posts
}

func wantSigned(t *testing.T, got <-chan post, secret string) {
	t.Helper()
	select {
	case p := <-got:
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(p.body))
		if p.signature != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the event is signed %q, not with the secret %q", p.signature, secret)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no event comes")
	}
}

// The two commands of the README: simulate, and the curl line that it prints.
func TestFirstSignedEventTakesTwoCommands(t *testing.T) {
	t.Setenv(secretVariable, "")
	url, got := endpointServer(t)
	s := simulate(t, "--memory", "--endpoint", url)
	command := s.shows(t, `curl -X POST (http://\S+)`)
	secret := s.shows(t, `secret +(whsec_\S+)`)
	res, err := http.Post(command, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	wantSigned(t, got, secret)
	s.stderr.shows(t, "msg=acknowledged .* status=200")
	if err := s.stop(); err != nil {
		t.Errorf("Ctrl-C ends it with %v", err)
	}
	if strings.Contains(s.stderr.String(), secret) {
		t.Errorf("the log shows the secret:\n%s", s.stderr.String())
	}
}

func TestSimulateTakesTheSecretAndDoesNotShowIt(t *testing.T) {
	t.Setenv(secretVariable, "whsec_from_the_environment")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("whsec_from_a_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		secret string
	}{
		"from the environment": {nil, "whsec_from_the_environment"},
		"from a file":          {[]string{"--secret-file", file}, "whsec_from_a_file"},
	} {
		t.Run(name, func(t *testing.T) {
			url, got := endpointServer(t)
			s := simulate(t, append(c.args, "--memory", "--endpoint", url)...)
			res, err := http.Post(s.shows(t, `curl -X POST (http://\S+)`), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			wantSigned(t, got, c.secret)
			if strings.Contains(s.stdout.String()+s.stderr.String(), "whsec_") {
				t.Errorf("the secret is shown:\n%s", s.stdout.String())
			}
		})
	}
}

func TestSimulateKeepsItsStateAndItsEndpoint(t *testing.T) {
	t.Setenv(secretVariable, "")
	url, got := endpointServer(t)
	dir := t.TempDir()
	first := simulate(t, "--data", dir, "--endpoint", url)
	secret := first.shows(t, `secret +(whsec_\S+)`)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := simulate(t, "--data", dir, "--endpoint", url)
	second.shows(t, `secret +as before: curl http://\S+/_hookcheck/webhooks/wh_\S+/secret`)
	res, err := http.Post(second.shows(t, `curl -X POST (http://\S+)`), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	wantSigned(t, got, secret)
	third := simulate(t, "--data", dir)
	if err := third.wait(t); exitCode(err) != exitNoResult || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second one on the same state: %v", err)
	}
}

func TestSimulateRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a port in use":               {[]string{"--listen", taken.Addr().String()}, exitNoResult, "address already in use"},
		"an unknown schedule":         {[]string{"--retry", "often"}, exitUsage, `--retry: retry schedule "often"`},
		"a negative wait":             {[]string{"--retry", "2s,-1s"}, exitUsage, `"-1s" is neither a duration`},
		"an unknown dialect":          {[]string{"--dialect", "french"}, exitUsage, "want docs or sdk"},
		"a limit without a window":    {[]string{"--rate-limit", "5"}, exitUsage, "such as 1000/1h"},
		"too much jitter":             {[]string{"--jitter", "2"}, exitUsage, "from 0 to 1"},
		"no time to answer":           {[]string{"--timeout", "0s"}, exitUsage, "--timeout"},
		"no concurrency":              {[]string{"--concurrency", "0"}, exitUsage, "at least 1"},
		"an endpoint elsewhere":       {[]string{"--endpoint", "http://example.org/"}, exitUsage, "--allow-host example.org"},
		"an endpoint without a host":  {[]string{"--endpoint", "localhost:8080"}, exitUsage, "http://"},
		"a secret file that is not":   {[]string{"--secret-file", "/nowhere"}, exitUsage, "--secret-file"},
		"state here and nowhere":      {[]string{"--data", "."}, exitUsage, "[data memory]"},
		"an argument":                 {[]string{"now"}, exitUsage, "unknown command"},
		"a log level that is not one": {[]string{"--log", "loud"}, exitUsage, "want debug, info, warn or error"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, _, err := hookcheck(t.Context(), append([]string{"simulate", "--memory", "--listen", "127.0.0.1:0"}, c.args...)...)
			if exitCode(err) != c.code || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("exit %d, %v; want %d and %q", exitCode(err), err, c.code, c.says)
			}
			if stdout != "" {
				t.Errorf("it says that it serves:\n%s", stdout)
			}
		})
	}
}
