package mutants

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// parse reads a report as hookcheck writes it.
func parse(t *testing.T, text string) (r report) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

const sample = `{"verdict": "non-conformant", "reason": "1 requirement not met: A-1", "requirements": [
	{"id": "A-1", "status": "failed", "findings": [{"diagnosis": "known trap: memory only"}]},
	{"id": "A-2", "status": "passed"}, {"id": "A-3", "status": "not observed"}]}`

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		mutant             Mutant
		missed, unexpected []string
		problem            string
	}{
		"a mutant that is caught by what should catch it": {mutant: Mutant{Caught: []string{"A-1"}, Trap: "memory only"}},
		"a mutant that survives":                          {mutant: Mutant{Caught: []string{"A-1", "A-2"}}, missed: []string{"A-2"}},
		"an accusation that is not in the table":          {mutant: Mutant{Caught: []string{"A-2"}}, missed: []string{"A-2"}, unexpected: []string{"A-1"}},
		"a consequence that is in the table":              {mutant: Mutant{Caught: []string{"A-2"}, MayFail: []string{"A-1"}}, missed: []string{"A-2"}},
		"a consequence where anything may fail":           {mutant: Mutant{Caught: []string{"A-2"}, MayFail: []string{"*"}}, missed: []string{"A-2"}},
		"a trap that is not named":                        {mutant: Mutant{Caught: []string{"A-1"}, Trap: "delivery id"}, problem: `"delivery id"`},
		"a correct receiver that is accused":              {mutant: Mutant{}, unexpected: []string{"A-1"}, problem: "non-conformant"},
	} {
		t.Run(name, func(t *testing.T) {
			o := judge(c.mutant, parse(t, sample))
			if !slices.Equal(o.Missed, c.missed) || !slices.Equal(o.Unexpected, c.unexpected) {
				t.Errorf("missed %v, unexpected %v; want %v and %v", o.Missed, o.Unexpected, c.missed, c.unexpected)
			}
			if (o.Problem == "") != (c.problem == "") || !strings.Contains(o.Problem, c.problem) {
				t.Errorf("problem %q, want one with %q", o.Problem, c.problem)
			}
			if want := c.missed == nil && c.unexpected == nil && c.problem == ""; o.Well() != want {
				t.Errorf("well: %t, want %t", o.Well(), want)
			}
		})
	}
}

func TestACorrectReceiverMustBeSeenToHoldEverything(t *testing.T) {
	o := judge(Mutant{}, parse(t, `{"verdict": "conformant", "requirements": [{"id": "A-3", "status": "not observed"}]}`))
	if o.Well() || !strings.Contains(o.Problem, "A-3") {
		t.Errorf("got %+v", o)
	}
}

func TestTheMatrixFailsWithARequirementThatNothingMakesFail(t *testing.T) {
	correct := Outcome{Mutant: Mutant{Name: "correct"}, Passed: []string{"A-1", "A-2"}}
	mutant := Outcome{Mutant: Mutant{Name: "bad", Caught: []string{"A-1"}}, Failed: []string{"A-1"}}
	m := Matrix{Requirements: []Requirement{{ID: "A-1"}, {ID: "A-2"}}, Outcomes: []Outcome{correct, mutant}, Complete: true}
	if problems := m.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "A-2: no mutant") {
		t.Errorf("got %q", problems)
	}
	m.Complete = false
	if problems := m.Problems(); len(problems) != 0 {
		t.Errorf("a part of the mutants says nothing of the others, got %q", problems)
	}
}

func TestUnknownNamesAreErrors(t *testing.T) {
	if _, err := Choose("no-such-mutant"); err == nil {
		t.Error("no error")
	}
}
