// Package report is what a certification leaves behind: a versioned document,
// and the forms in which people and machines read it.
package report

import (
	"fmt"
	"slices"
	"time"
)

// Version is the version of the document's shape. It changes when a reader of
// an older one could misread it.
const Version = 1

// The words for what became of a requirement.
const (
	Passed        = "passed"
	Failed        = "failed"
	Waived        = "waived"
	NotObserved   = "not observed"
	NotApplicable = "not applicable"
)

// The words for what became of the whole.
const (
	Conformant    = "conformant"
	NonConformant = "non-conformant"
	NoVerdict     = "no verdict"
)

// Report is the result of one certification.
type Report struct {
	Version int  `json:"version"`
	Tool    Tool `json:"tool"`
	// Seed repeats the run: the same events, ids and faults.
	Seed    uint64    `json:"seed"`
	Started time.Time `json:"started"`
	// DurationSeconds is from the start of the receiver to the last judgement;
	// building an image is not in it.
	DurationSeconds float64     `json:"durationSeconds"`
	LongestWait     LongestWait `json:"longestWait"`
	// Machine is the one that hookcheck ran on, if it is known.
	Machine *Machine `json:"machine,omitempty"`
	// Verdict is conformant, non-conformant or no verdict, and Reason says why
	// where it is not the first.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	// Profile is the one that the verdict is about.
	Profile string `json:"profile"`
	// Strict says that every SHOULD was taken for a MUST.
	Strict bool `json:"strict,omitempty"`
	// Partial says which requirements were left out by --only or --skip.
	Partial string `json:"partial,omitempty"`
	// Reproduce is the command line that repeats the run.
	Reproduce    string        `json:"reproduce,omitempty"`
	Receiver     Receiver      `json:"receiver"`
	Checklist    []Item        `json:"checklist"`
	Requirements []Requirement `json:"requirements"`
}

// Tool names the program that wrote the report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Receiver is what was certified.
type Receiver struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Target is how it was reached: "image acme/webhooks:1.4@sha256:…".
	Target string `json:"target"`
}

// LongestWait is the longest time that the receiver made one experiment wait,
// by what it declares: retries, windows, timeouts.
type LongestWait struct {
	Seconds float64 `json:"seconds"`
	For     string  `json:"for,omitempty"`
}

// Machine says how busy the machine was: what it could not do in time, the receiver
// could not either.
type Machine struct {
	Processors int `json:"processors"`
	// Load is how many tasks wanted a processor, as an average over the last minute.
	Load float64 `json:"load"`
}

// Item is a line of the checklist.
type Item struct {
	Item   string `json:"item"`
	Status string `json:"status"`
	// Counts are the numbers of requirements by their status.
	Counts map[string]int `json:"counts"`
}

// Requirement is what became of one requirement.
type Requirement struct {
	ID      string `json:"id"`
	Item    string `json:"item"`
	Level   string `json:"level"`
	Profile string `json:"profile"`
	Title   string `json:"title"`
	Why     string `json:"why"`
	Mend    string `json:"mend"`
	Guide   string `json:"guide"`
	Status  string `json:"status"`
	// Required says that the verdict depends on it.
	Required bool `json:"required"`
	// Reason says why it was not observed, does not apply, or is waived.
	Reason string `json:"reason,omitempty"`
	// NeedlessWaiver says that the configuration waives it although it passes.
	NeedlessWaiver bool `json:"needlessWaiver,omitempty"`
	// Observations is how many things were judged.
	Observations int       `json:"observations"`
	Findings     []Finding `json:"findings,omitempty"`
	// Evidence are the exchanges that findings refer to, or on which a pass rests.
	Evidence []Exchange `json:"evidence,omitempty"`
}

// Finding is one way in which a requirement does not hold.
type Finding struct {
	Expected  string `json:"expected"`
	Actual    string `json:"actual"`
	Diagnosis string `json:"diagnosis,omitempty"`
	// Accepts are the answers to the decisive exchange that would have been
	// right; left out where the finding is not about an answer.
	Accepts Answers `json:"accepts,omitempty"`
	// Evidence are indices into the requirement's Evidence, the decisive one last.
	Evidence []int `json:"evidence,omitempty"`
}

// ExitCode is the exit code for the verdict: 0 conformant, 1 non-conformant, 3 none.
func (r Report) ExitCode() int {
	switch r.Verdict {
	case Conformant:
		return 0
	case NonConformant:
		return 1
	}
	return 3
}

// Judged reports whether anything has been judged.
func (r Report) Judged() bool {
	return slices.ContainsFunc(r.Requirements, func(q Requirement) bool {
		return q.Status == Passed || q.Status == Failed || q.Status == Waived
	})
}

// JudgeAgain is the command line that judges one requirement again.
func (r Report) JudgeAgain(id string) string {
	again := r.Reproduce
	if again == "" {
		again = fmt.Sprintf("hookcheck certify --seed=%d", r.Seed)
	}
	return again + " --only " + id
}

// Requirement returns what became of the requirement with the id.
func (r Report) Requirement(id string) (Requirement, bool) {
	for _, requirement := range r.Requirements {
		if requirement.ID == id {
			return requirement, true
		}
	}
	return Requirement{}, false
}
