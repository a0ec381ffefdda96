package conformance_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance"
	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

const (
	certifiedSecret = "whsec_of_the_run_that_was_certified"
	presentSecret   = "whsec_of_the_receiver_as_it_is_today"
)

// certified is a report with one finding, on receivers that take a
// signature with junk behind it.
func certified(t *testing.T, accepts report.Answers) conformance.Replay {
	t.Helper()
	recorder := report.Recorder{URL: "http://127.0.0.1:1/", Secret: certifiedSecret, Bodies: map[string][]byte{}}
	d := emitter.NewDelivery(fixtures.NewGenerator(1).Event("appointment.created"), certifiedSecret, "dlv_1")
	fault.BadSignature{Kind: "junk-after"}.Apply(&d, certifiedSecret)
	found := report.Requirement{ID: "SIG-22", Status: report.Failed}
	recorder.Find(&found, report.Finding{Expected: "401", Actual: "200", Accepts: accepts}, []emitter.Attempt{{Delivery: d, Status: 200}})
	told := report.Requirement{ID: "RATE-02", Status: report.Failed, Findings: []report.Finding{{Expected: "a header", Actual: "none"}}}
	r := report.Report{Version: report.Version, Requirements: []report.Requirement{found, {ID: "SIG-01", Status: report.Passed}, told}}
	dir := t.TempDir()
	if err := r.WriteDir(dir, recorder.Bodies); err != nil {
		t.Fatal(err)
	}
	replay := conformance.Replay{Report: r, Dir: dir, Requirement: "sig-22", Receiver: config.Default()}
	replay.Receiver.Secret = presentSecret
	return replay
}

// receiving verifies signatures with the present secret. A lenient one
// compares only as much as the right signature is long.
func receiving(t *testing.T, lenient bool) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(presentSecret))
		mac.Write(body)
		want, got := "sha256="+hex.EncodeToString(mac.Sum(nil)), r.Header.Get("X-Moncreneau-Signature")
		if lenient && !strings.HasPrefix(got, want) || !lenient && got != want {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestReplaySaysWhetherTheAnswerIsNowRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		lenient bool
		accepts report.Answers
		status  int
		outcome string
	}{
		{"a receiver that still takes it, with another secret", true, report.Answers{"401", "403"}, 200, conformance.Unmet},
		{"a receiver that has been mended", false, report.Answers{"401", "403"}, 401, conformance.Met},
		{"a finding that is not about the answer", true, nil, 200, conformance.Undecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			replay := certified(t, c.accepts)
			replay.Receiver.Receiver.URL = receiving(t, c.lenient)
			got, err := replay.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != c.outcome || len(got.Now) != 1 || got.Now[0].Response.Status != c.status {
				t.Errorf("%s, %+v; want %s after %d", got.Outcome, got.Now, c.outcome, c.status)
			}
		})
	}
}

func TestReplayRefusesWhatItCannotRepeat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(r *conformance.Replay)
		want string
	}{
		{"an unknown requirement", func(r *conformance.Replay) { r.Requirement = "SIG-99" }, `no requirement "SIG-99"`},
		{"a requirement that has passed", func(r *conformance.Replay) { r.Requirement = "SIG-01" }, "SIG-01 has no finding in this report; it is passed"},
		{"a finding that is not there", func(r *conformance.Replay) { r.Finding = 2 }, "SIG-22 has no finding 2, only 1 to 1"},
		{"a finding that no exchange shows", func(r *conformance.Replay) { r.Requirement = "RATE-02" }, "no exchange shows finding 1 of RATE-02"},
		{"a folder without the bodies", func(r *conformance.Replay) { r.Dir = "testdata" }, "bodies of the report"},
		{"no secret to sign with", func(r *conformance.Replay) { r.Receiver.Secret = "" }, "secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			replay := certified(t, nil)
			replay.Receiver.Receiver.URL = "http://127.0.0.1:1/"
			c.edit(&replay)
			_, err := replay.Run(t.Context())
			var usage *conformance.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a usage error with %q", err, c.want)
			}
		})
	}
}

func TestReplayOfAReceiverThatIsGoneIsNoVerdict(t *testing.T) {
	t.Parallel()
	replay := certified(t, report.Answers{"401"})
	replay.Receiver.Receiver.URL = "http://127.0.0.1:1/"
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := replay.Run(ctx)
	var usage *conformance.UsageError
	if err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "http://127.0.0.1:1") {
		t.Errorf("%v, want an error that names the receiver and is not one of usage", err)
	}
}

// Certify the guide's sample, then repeat its finding: against the sample, which
// the command starts again with the secret of the run, and against a receiver that
// does it right.
func TestAFindingIsRepeatedWithOneCommand(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	needs(t, "python3")
	dir := t.TempDir()
	sample := filepath.Join("testdata", "receivers", "naive", "hookcheck.yaml")
	correct := filepath.Join("testdata", "receivers", "python", "hookcheck.yaml")
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"certify", "--quiet", "--config", sample, "--only", "SIG-22,ACK-05", "--patience", "4s", "--report", dir}, 1, "SIG-22"},
		{[]string{"replay", dir, "SIG-22", "--config", sample}, 1, "now       200"},
		{[]string{"replay", filepath.Join(dir, "report.json"), "sig-22", "--config", correct}, 0, "now       401"},
		{[]string{"replay", dir, "SIG-22", "--config", correct, "--format", "json"}, 0, `"outcome": "met"`},
		{[]string{"replay", dir, "ACK-05", "--config", sample}, 3, "--only ACK-05"},
		{[]string{"replay", dir, "SIG-01", "--config", sample}, 2, `no requirement "SIG-01"`},
		{[]string{"replay", sample, "SIG-22", "--config", sample}, 2, "hookcheck.yaml: line 1: invalid character"},
	} {
		cmd := bounded(t, step.args...)
		cmd.Env = append(os.Environ(), "MONCRENEAU_WEBHOOK_SECRET=")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != step.code || !strings.Contains(string(out), step.want) {
			t.Errorf("hookcheck %s: exit code %d, want %d and %q in\n%s", strings.Join(step.args, " "), code, step.code, step.want, out)
		}
	}
}
