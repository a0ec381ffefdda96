package main

import (
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// mutants names, for each shipped scenario, a receiver with one defect that the
// scenario must find, and the expectation that it fails.
var mutants = map[string]struct{ name, fails string }{
	"rush-hour":           {"drops-events-when-busy", "processed"},
	"duplicate-storm":     {"looks-up-then-records", "processed"},
	"out-of-order":        {"dedupe-on-appointment", "processed"},
	"poison":              {"accepts-missing-fields", "broken"},
	"outage-and-catch-up": {"drops-events-when-busy", "processed"},
	"hostile-sender":      {"accepts-any-signature", "broken"},
	"slow-network":        {"dedupe-on-delivery-id", "processed"},
	"long-tail":           {"no-retry", "processed"},
}

func TestEachShippedScenarioIsFailedByAMutant(t *testing.T) {
	t.Parallel()
	program := buildReceiver(t, "../../conformance/mutants/receiver")
	impatient := func(s *chaos.Scenario) {
		s.Redeliver = s.Redeliver[:1]                     // what is never taken need not be sent for long
		s.Expect.Within = chaos.Duration(8 * time.Second) // nor what is lost be waited for
	}
	results := rehearseAll(t, impatient, func(scenario string) ([]string, []string) {
		return []string{program}, []string{"MUTANT=" + mutants[scenario].name}
	})
	for name, result := range results {
		if m := mutants[name]; result.Verdict != chaos.Failed || !strings.Contains(result.Reason, m.fails) {
			t.Errorf("%s with %s: want %s to fail: %s: %s %+v", name, m.name, m.fails, result.Verdict, result.Reason, result.Expectations)
		}
	}
}
