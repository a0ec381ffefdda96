package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// certify runs hookcheck as a user would and returns what it left behind.
func certify(t *testing.T, args ...string) (result report.Report, exitCode int, output string) {
	t.Helper()
	dir := t.TempDir()
	cmd := bounded(t, append([]string{"certify", "--quiet", "--report", dir}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	result, _, err = report.Read(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return result, cmd.ProcessState.ExitCode(), out.String()
}

// certifiedWithin bounds a whole certification, under a rate limit that cannot be
// set and on a machine that is busy with others.
const certifiedWithin = 5 * time.Minute

// bounded is hookcheck with arguments. If it takes too long, it is told to clean up
// and end.
func bounded(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), certifiedWithin)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error {
		t.Errorf("hookcheck %s: still running after %v", strings.Join(args, " "), certifiedWithin)
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = interruptWithin
	return cmd
}

// needs skips a test where a language is not installed, but never in CI.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing in CI", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

func failures(result report.Report) (ids []string) {
	for _, r := range result.Requirements {
		if r.Status == report.Failed {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func TestCorrectReceiversOfOtherDesignsAreConformantEvenWhenStrict(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{"python": "python3", "node": "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, program)
			result, code, out := certify(t, "--strict", "--config", filepath.Join("testdata/receivers", name, "hookcheck.yaml"))
			if code != 0 || result.Verdict != report.Conformant || result.Profile != "lifecycle" {
				t.Errorf("exit code %d, %s (%s)\n%s", code, result.Verdict, result.Profile, out)
			}
			if bound := 1.5 * result.LongestWait.Seconds; result.DurationSeconds > bound {
				t.Logf("it took %.1f s, more than 1.5 times the longest wait (%.1f s)", result.DurationSeconds, bound)
			}
		})
	}
}

// A receiver is judged by what it declares.
func TestAReceiverThatDoesNotRetryIsNotAskedTo(t *testing.T) {
	t.Parallel()
	config := pythonObserved(t, "metrics: {path: /metrics}\ndeclare:\n  retries: {attempts: 1}")
	result, code, out := certify(t, "--strict", "--config", config, "--env", "RETRY_ATTEMPTS=1", "--env", "DOWNSTREAM_URL={{.EffectURL}}")
	if code != 0 || result.Profile != "lifecycle" {
		t.Errorf("exit code %d, profile %s\n%s", code, result.Profile, out)
	}
}

// The guide's sample code, taken literally, has these defects and no others:
// it validates before it verifies, answers before it queues, and keeps the
// queue and the ids it has seen in memory; its verifier takes what follows the
// digits, and it checks neither the inside of an appointment nor what a body is
// or how large.
func TestTheGuidesSampleIsRefusedForWhatItsCodeShows(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	result, code, out := certify(t, "--config", "testdata/receivers/naive/hookcheck.yaml")
	if code != 1 || result.Verdict != report.NonConformant {
		t.Errorf("exit code %d, %s\n%s", code, result.Verdict, out)
	}
	must := []string{"SIG-18", "ACK-05", "ACK-06", "ACK-07", "IDEM-06", "RET-08"}
	should := []string{"SIG-22", "SIG-23", "VAL-07", "VAL-15", "VAL-16"}
	want := append(slices.Clone(must), should...)
	got := failures(result)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("refused for %v\nwant        %v\n%s", got, want, out)
	}
	for id, trap := range map[string]string{"ACK-05": "acknowledgement before persistence", "IDEM-06": "in memory only", "SIG-18": "before the signature is verified"} {
		r, _ := result.Requirement(id)
		if len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Diagnosis, trap) {
			t.Errorf("%s does not name the trap %q", id, trap)
		}
	}
}
