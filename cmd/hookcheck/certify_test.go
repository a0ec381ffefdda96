package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/report"
)

func TestWhatWasJudgedIsPrintedWhateverBecameOfTheRun(t *testing.T) {
	nothing := report.Report{Version: report.Version, Verdict: report.NoVerdict}
	judged := nothing
	judged.Requirements = []report.Requirement{{ID: "SIG-01", Item: "signature", Status: report.Passed}}
	for _, c := range []struct {
		name, format string
		result       report.Report
		failed       error
		want         string
	}{
		{"it ended well", "text", nothing, nil, "no verdict"},
		{"it did not begin", "text", nothing, errors.New("no receiver"), ""},
		{"it did not begin, for a program", "json", nothing, errors.New("no receiver"), `"verdict": "no verdict"`},
		{"its report could not be written", "text", judged, errors.New("no space"), "no verdict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := (&certifyFlags{format: c.format}).write(&out, c.result, c.failed)
			if err != nil || !strings.Contains(out.String(), c.want) || c.want == "" && out.Len() > 0 {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func TestProgressInALogIsALineForEachStepAndFailure(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, 4, false)
	p.step("preparing")
	must := report.Requirement{ID: "SIG-02", Title: "is refused", Level: "MUST", Required: true, Status: report.Failed}
	should := report.Requirement{ID: "SIG-22", Title: "is refused, too", Level: "SHOULD", Status: report.Failed}
	p.judged(report.Requirement{ID: "SIG-01", Status: report.Passed})
	p.judged(must)
	p.judged(should)
	p.awaiting(report.Requirement{ID: "SIG-23", Title: "comes next"})
	waiting := p.text(0)
	p.judged(report.Requirement{ID: "SIG-23", Status: report.Passed})
	p.status.end()
	var said []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(line, "s ") // behind the time
		said = append(said, strings.TrimSpace(text))
	}
	if got, want := strings.Join(said, "|"), "preparing|SIG-02 is refused: failed|SIG-22 is refused, too: not met, a SHOULD"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if want := "  0.0s 3 of 4 judged, 1 failed; waiting for SIG-23 comes next"; waiting != want {
		t.Errorf("%q", waiting)
	}
	if want := "  0.0s 4 judged, 1 failed; removing what was started"; p.text(0) != want {
		t.Errorf("%q", p.text(0))
	}
}
