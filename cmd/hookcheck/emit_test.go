package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

const testSecret = "whsec_test_0123456789abcdef0123456789abcdef"

// exiting runs the command line and returns what it says and its exit code.
func exiting(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	stdout, stderr, err := hookcheck(t.Context(), args...)
	if err != nil {
		stderr += err.Error()
	}
	return stdout, stderr, exitCode(err)
}

// judging answers 200 to what is rightly signed and a JSON object with an id, and a 4xx otherwise.
func judging(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := hmac.New(sha256.New, []byte(testSecret))
		h.Write(body)
		if r.Header.Get("X-Moncreneau-Signature") != "sha256="+hex.EncodeToString(h.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestEmitSendsAndSumsUp(t *testing.T) {
	t.Setenv(secretVariable, testSecret)
	url := judging(t)
	record := filepath.Join(t.TempDir(), "record.jsonl")
	stdout, stderr, code := exiting(t, "emit", "--to", url, "--count", "40", "--rate", "max", "--seed", "3",
		"--type", "appointment.created=2", "--type", "appointment.updated", "--bad-signature", "25%", "--duplicate", "20%",
		"--record", record, "--format", "json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var result chaos.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if c := result.Counts; c.Events != 40 || c.Broken == 0 || c.Acknowledged != c.Genuine || result.Latency.P99 <= 0 {
		t.Errorf("%+v", result)
	}
	text, err := os.ReadFile(record)
	if err != nil || bytes.Count(text, []byte(`{"attempt":`)) != result.Counts.Attempts {
		t.Errorf("the record has not each of %d attempts: %v", result.Counts.Attempts, err)
	}
	if strings.Contains(string(text)+stdout+stderr, testSecret) {
		t.Error("the secret is in the output or in the record")
	}
}

func TestEmitExitCodes(t *testing.T) {
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(testSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"all acknowledged, secret from a file": {[]string{"--to", judging(t), "--secret-file", secretFile}, exitOK, "verdict  passed"},
		"nothing acknowledged":                 {[]string{"--to", refusing.URL}, exitFailed, "404"},
		"nobody listens":                       {[]string{"--to", closed.URL}, exitNoResult, "reach the receiver"},
		"no receiver named":                    {nil, exitUsage, `"to"`},
		"not a URL":                            {[]string{"--to", "localhost"}, exitUsage, "--to: receiver URL"},
		"bad rate":                             {[]string{"--to", closed.URL, "--rate", "fast"}, exitUsage, "--rate"},
		"bad share":                            {[]string{"--to", closed.URL, "--malformed", "120%"}, exitUsage, "--malformed"},
		"bad delay":                            {[]string{"--to", closed.URL, "--delay", "3s..1s"}, exitUsage, "--delay"},
		"unknown type":                         {[]string{"--to", closed.URL, "--type", "appointment.moved"}, exitUsage, "appointment.moved"},
		"no events":                            {[]string{"--to", closed.URL, "--count", "0"}, exitUsage, "--count"},
		"secret file that is not there":        {[]string{"--to", closed.URL, "--secret-file", "/nowhere"}, exitUsage, "--secret-file"},
		"two secrets":                          {[]string{"--to", closed.URL, "--secret-file", secretFile, "--secret", "x"}, exitUsage, "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(secretVariable, testSecret)
			args := append([]string{"emit", "--count", "3", "--rate", "max"}, c.args...)
			stdout, stderr, code := exiting(t, args...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("exit %d, want %d and %q in\n%s%s", code, c.code, c.says, stdout, stderr)
			}
		})
	}
}

func TestEmitWithoutASecretSaysHowToGiveOne(t *testing.T) {
	t.Setenv(secretVariable, "")
	_, stderr, code := exiting(t, "emit", "--to", "http://127.0.0.1:1")
	if code != exitUsage || !strings.Contains(stderr, secretVariable) || !strings.Contains(stderr, "--secret-file") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
