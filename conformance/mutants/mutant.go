// Package mutants proves that hookcheck catches what is wrong with a receiver,
// and accuses nothing that is right: it certifies a small correct receiver, and
// then the same receiver with one defect after another.
//
// The receiver is the program in the folder receiver; the tables here say which
// requirements must fail for which defect. cmd/mutants runs them all.
package mutants

import (
	"cmp"
	"slices"
	"time"
)

// Mutant is a receiver with one defect.
type Mutant struct {
	// Name is unique. It is also the defect's name, given to the receiver as
	// MUTANT, unless Defect is another.
	Name, Defect string
	// Wrong says in a sentence what the receiver does wrongly.
	Wrong string
	// Caught are the requirements that must fail, by id.
	Caught []string
	// MayFail are requirements whose failing would be no false accusation, and
	// which need not fail, because of what Because says. "*" is all.
	MayFail []string
	Because string
	// Trap is part of what the report must say of a known trap; "" if it is none.
	Trap string
	// ShortAck declares 2 s instead of 5 s for the acknowledgement, so that a
	// mutant need not take long to be too slow.
	ShortAck bool
	// Backoff is the declared wait before the second attempt; 0 is 400 ms.
	Backoff time.Duration
	// Totals leaves the metrics as the only observer.
	Totals bool
	// Runbook are the headings of the runbook; nil is a complete one.
	Runbook []string
	// Certificate is the one to serve HTTPS with; "" is plain HTTP.
	Certificate certificate
}

// correct has no defect: it must be conformant.
var correct = Mutant{Name: "correct", Wrong: "Nothing. The receiver itself, which must be conformant."}

// correctHTTPS is correct, served over HTTPS.
var correctHTTPS = Mutant{Name: "correct-over-https", Wrong: "Nothing. The receiver over HTTPS, which must be conformant.", Certificate: trusted}

// defect is the receiver's, "" where the mutant is in what surrounds it.
func (m Mutant) defect() string {
	if m.Runbook != nil || m.Certificate != "" && m.Certificate != trusted || m.Caught == nil {
		return ""
	}
	return cmp.Or(m.Defect, m.Name)
}

// Known reports whether there is a mutant of that name.
func Known(name string) bool {
	return slices.ContainsFunc(All(), func(m Mutant) bool { return m.Name == name })
}

// All are the mutants, in the order of the checklist.
func All() []Mutant {
	return slices.Concat(
		signature, acknowledgement, idempotency, retries, validation,
		rateLimit, security, https, logging, metrics, documentation, totals,
	)
}
