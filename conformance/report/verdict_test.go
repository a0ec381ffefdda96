package report

import (
	"strings"
	"testing"
)

func judged(id, status string, required bool) Requirement {
	return Requirement{ID: id, Item: "signature", Level: "MUST", Status: status, Required: required}
}

func waivedBecause(r Requirement) Requirement {
	r.Waive("a reason")
	return r
}

func TestTheVerdictFollowsFromWhatBecameOfTheRequirements(t *testing.T) {
	for _, c := range []struct {
		name         string
		requirements []Requirement
		verdict      string
		reason       string // a part of it
		exitCode     int
	}{
		{"every requirement that counts has passed", []Requirement{judged("A", Passed, true), judged("B", Passed, true)}, Conformant, "", 0},
		{"one that counts has failed", []Requirement{judged("A", Passed, true), judged("B", Failed, true)}, NonConformant, "1 requirement not met: B", 1},
		{"two that count have failed", []Requirement{judged("A", Failed, true), judged("B", Failed, true)}, NonConformant, "2 requirements not met: A, B", 1},
		{"one that does not count has failed", []Requirement{judged("A", Passed, true), judged("B", Failed, false)}, Conformant, "", 0},
		{"one that counts was not observed", []Requirement{judged("A", Passed, true), judged("B", NotObserved, true)}, NoVerdict, "1 requirement could not be judged: B", 3},
		{"one that does not count was not observed", []Requirement{judged("A", Passed, true), judged("B", NotObserved, false)}, Conformant, "", 0},
		{"a failure outweighs what was not observed", []Requirement{judged("A", Failed, true), judged("B", NotObserved, true)}, NonConformant, "not met: A", 1},
		{"a failure that counts is waived", []Requirement{judged("A", Passed, true), waivedBecause(judged("B", Failed, true))}, Conformant, "", 0},
		{"a waiver of one that passes fails the run", []Requirement{judged("A", Passed, true), waivedBecause(judged("B", Passed, true))}, NonConformant, "waived although it passes: B", 1},
		{"a waiver does not stand in for an observation", []Requirement{judged("A", Passed, true), waivedBecause(judged("B", NotObserved, true))}, NoVerdict, "could not be judged: B", 3},
		{"nothing was chosen", nil, NoVerdict, "nothing was judged", 3},
		{"nothing applies", []Requirement{judged("A", NotApplicable, false)}, NoVerdict, "nothing was judged", 3},
		{"nothing was observed, and nothing of it counts", []Requirement{judged("A", NotObserved, false)}, NoVerdict, "nothing was judged", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Report{Requirements: c.requirements}
			r.Decide()
			if r.Verdict != c.verdict || !strings.Contains(r.Reason, c.reason) || c.reason == "" && r.Reason != "" {
				t.Errorf("%s (%s), want %s (%s)", r.Verdict, r.Reason, c.verdict, c.reason)
			}
			if r.ExitCode() != c.exitCode {
				t.Errorf("exit code %d, want %d", r.ExitCode(), c.exitCode)
			}
		})
	}
}

func TestAReportWithoutVerdictDoesNotExitWithSuccess(t *testing.T) {
	if code := (Report{}).ExitCode(); code != 3 {
		t.Errorf("exit code %d", code)
	}
}

func TestAnItemPassesOnlyIfSomethingOfItHasPassed(t *testing.T) {
	for _, c := range []struct {
		name         string
		requirements []Requirement
		status       string
	}{
		{"all have passed", []Requirement{judged("A", Passed, true)}, Passed},
		{"one that counts has failed", []Requirement{judged("A", Passed, true), judged("B", Failed, true)}, Failed},
		{"one that does not count has failed beside a pass", []Requirement{judged("A", Passed, true), judged("B", Failed, false)}, Passed},
		{"one that does not count has failed alone", []Requirement{judged("A", Failed, false)}, Failed},
		{"one that counts was not observed", []Requirement{judged("A", Passed, true), judged("B", NotObserved, true)}, NotObserved},
		{"one that does not count was not observed", []Requirement{judged("A", Passed, true), judged("B", NotObserved, false)}, Passed},
		{"the only one is waived", []Requirement{waivedBecause(judged("A", Failed, true))}, Waived},
		{"the only one was not observed", []Requirement{judged("A", NotObserved, false)}, NotObserved},
		{"the only one does not apply", []Requirement{judged("A", NotApplicable, false)}, NotApplicable},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Report{Requirements: c.requirements}
			r.Decide()
			if len(r.Checklist) != 1 || r.Checklist[0].Status != c.status {
				t.Errorf("%+v, want %s", r.Checklist, c.status)
			}
		})
	}
}
