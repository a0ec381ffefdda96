package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/report"
)

func TestStandardOutputIsTheReportAndNothingElse(t *testing.T) {
	t.Parallel()
	run := hookcheck(t, withExec("declare: {rateLimit: none}\n"), "certify", "--only", "SIG-17", "--format", "json")
	if code, output := run.run(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	var result report.Report
	if err := json.Unmarshal(run.stdout.Bytes(), &result); err != nil || result.Verdict != report.Conformant {
		t.Errorf("%v, %s\n%s", err, result.Verdict, run.stdout.String())
	}
	for line := range strings.Lines(run.stderr.String()) {
		if !strings.Contains(line, "s ") || strings.Contains(line, "Ginkgo") || strings.Contains(line, "\x1b") {
			t.Errorf("standard error has more than progress: %q", line)
		}
	}
}

func TestQuietSaysNothingOnStandardErrorAndNothingIsColouredInAFile(t *testing.T) {
	t.Parallel()
	run := hookcheck(t, withExec("declare: {rateLimit: none}\n"), "certify", "--only", "SIG-10,SIG-17", "--quiet")
	code, output := run.run(t)
	if code != 1 || run.stderr.Len() > 0 || strings.Contains(output, "\x1b") {
		t.Errorf("exit code %d\n%q", code, output)
	}
}

func TestTheShellCompletesRequirementsAndItems(t *testing.T) {
	t.Parallel()
	code, output := hookcheck(t, nil, "__complete", "certify", "--only", "").run(t)
	if code != 0 || !strings.Contains(output, "idempotency\n") || !strings.Contains(output, "SIG-04\t") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}
