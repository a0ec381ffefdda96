package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// The words of report.json that are read here.
const (
	conformant  = "conformant"
	passed      = "passed"
	failed      = "failed"
	notObserved = "not observed"
)

// report is what is read of a report.json.
type report struct {
	Verdict      string `json:"verdict"`
	Reason       string `json:"reason"`
	Requirements []struct {
		ID       string `json:"id"`
		Status   string `json:"status"`
		Reason   string `json:"reason"`
		Findings []struct {
			Diagnosis string `json:"diagnosis"`
		} `json:"findings"`
	} `json:"requirements"`
}

func readReport(path string) (r report, err error) {
	text, err := os.ReadFile(path) //nolint:gosec // in a folder of our own
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

// with are the ids of the requirements that have the status.
func (r report) with(status string) (ids []string) {
	for _, requirement := range r.Requirements {
		if requirement.Status == status {
			ids = append(ids, requirement.ID)
		}
	}
	return ids
}

// diagnoses reports whether a finding's diagnosis says text.
func (r report) diagnoses(text string) bool {
	for _, requirement := range r.Requirements {
		for _, finding := range requirement.Findings {
			if strings.Contains(finding.Diagnosis, text) {
				return true
			}
		}
	}
	return false
}

// Outcome is what became of a mutant.
type Outcome struct {
	Mutant Mutant
	// Failed are the requirements that failed, in the order of the catalogue.
	Failed []string
	// Passed are those that were seen to hold.
	Passed []string
	// Missed are requirements that should have failed and did not; Unexpected
	// are those that failed and should not have.
	Missed, Unexpected []string
	// Problem says what else is not as it should be, "" if all is well.
	Problem string
	Took    time.Duration
	// Folder holds the configuration, the report and the output of the run.
	Folder string
}

// judge holds the report to what the table says of m.
func judge(m Mutant, r report) Outcome {
	o := Outcome{Mutant: m, Failed: r.with(failed), Passed: r.with(passed)}
	for _, id := range m.Caught {
		if !slices.Contains(o.Failed, id) {
			o.Missed = append(o.Missed, id)
		}
	}
	for _, id := range o.Failed {
		if !slices.Contains(m.Caught, id) && !slices.Contains(m.MayFail, id) && !slices.Contains(m.MayFail, anything) {
			o.Unexpected = append(o.Unexpected, id)
		}
	}
	switch {
	case len(m.Caught) == 0 && r.Verdict != conformant:
		o.Problem = fmt.Sprintf("verdict %s: %s", r.Verdict, r.Reason)
	case len(m.Caught) == 0 && len(r.with(notObserved)) > 0:
		o.Problem = "not observed: " + strings.Join(r.with(notObserved), " ")
	case m.Trap != "" && !r.diagnoses(m.Trap):
		o.Problem = fmt.Sprintf("no diagnosis says %q", m.Trap)
	}
	return o
}

// Well reports whether the mutant was caught by what should catch it and by
// nothing else.
func (o Outcome) Well() bool {
	return len(o.Missed) == 0 && len(o.Unexpected) == 0 && o.Problem == ""
}
