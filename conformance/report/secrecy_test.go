package report

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

func TestNoFormOfTheSecretIsInAnythingThatIsWritten(t *testing.T) {
	for _, secret := range []string{runSecret, `whsec_with "quotes", <angles> & é and a \`} {
		inJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		for form, echo := range map[string]string{
			"as it is":                 secret,
			"in JSON":                  string(inJSON),
			"in Go's quotes":           fmt.Sprintf("%q", secret),
			"in a query":               url.QueryEscape(secret),
			"in a path":                url.PathEscape(secret),
			"in base64":                base64.StdEncoding.EncodeToString([]byte(secret)),
			"in hex":                   fmt.Sprintf("%x", secret),
			"without its prefix":       strings.TrimPrefix(secret, "whsec_"),
			"where a long body is cut": strings.Repeat("x", shown-len(secret)/2) + secret,
		} {
			t.Run(form, func(t *testing.T) {
				dir := t.TempDir()
				leaky(t, dir, secret, echo)
				err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
					if err != nil || entry.IsDir() {
						return err
					}
					content, err := os.ReadFile(path)
					for _, part := range []string{secret, echo, secret[:len(secret)/2], secret[len(secret)/2:]} {
						if strings.Contains(string(content), part) {
							t.Errorf("%s holds %q", filepath.Base(path), part)
						}
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// leaky writes the report on a receiver that tells the secret wherever it can.
func leaky(t *testing.T, dir, secret, echo string) {
	t.Helper()
	event := fixtures.Event{ID: "evt_1", Type: "appointment.created", Body: []byte(`{"id":"evt_1"}`)}
	recorder := Recorder{URL: "http://127.0.0.1:8080/?key=" + url.QueryEscape(secret), Secret: secret, Bodies: map[string][]byte{}}
	q := Requirement{ID: "SEC-03", Item: "security", Status: Failed, Required: true}
	recorder.Find(&q, Finding{Expected: "not " + echo, Actual: "got " + echo, Diagnosis: echo}, []emitter.Attempt{{
		Delivery: emitter.NewDelivery(event, secret, "dlv_1"), Status: 500,
		Header: http.Header{"X-Debug": {echo}}, Body: []byte("key=" + echo + "!"), Err: errors.New("broken by " + echo),
	}})
	unseen := Requirement{ID: "SEC-04", Item: "security", Status: NotObserved, Reason: recorder.Redact("the log says " + echo)}
	r := Report{Version: Version, Requirements: []Requirement{q, unseen}}
	r.Decide()
	if err := r.WriteDir(dir, recorder.Bodies); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"text.txt", "colour.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), written(t, writers(r)[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCredentialsInTheURLStayOutOfTheReport(t *testing.T) {
	recorder := Recorder{URL: "https://user:hunter2@example.org/hook"}
	var q Requirement
	recorder.Witness(&q, emitter.Attempt{})
	if got := q.Evidence[0].Request.URL + q.Evidence[0].Curl; strings.Contains(got, "hunter2") {
		t.Error(got)
	}
}

func TestNothingThatAReceiverSaysIsObeyed(t *testing.T) {
	r, _ := sample()
	for name, write := range writers(r) {
		text := string(written(t, write))
		for what, bad := range map[string]string{
			"a terminal's escape": "\x1b]", "a bell": "\a", "a carriage return": "\r", "a NUL": "\x00",
			"a change of direction": "\u202e", "an 8-bit escape": "\u009b",
		} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %s", name, what)
			}
		}
		switch name {
		case "report.html", "summary.md", "badge.svg", "junit.xml":
			if strings.Contains(text, "<script>alert") {
				t.Errorf("%s holds an element of the receiver's", name)
			}
		}
		if name == "summary.md" {
			for _, bad := range []string{"**bold**", "[link](", "@everyone", "\nconformant"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s holds %q unescaped", name, bad)
				}
			}
		}
	}
}
