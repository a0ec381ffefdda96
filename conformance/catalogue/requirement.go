// Package catalogue is the list of what hookcheck asks of a receiver. Each
// requirement is data, and carries the check that decides it: listing, specs,
// reports and documentation are all made from the same values.
//
// There is one file for each item of the checklist. In it, above the
// requirements, stand the experiments that they judge.
package catalogue

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
)

// Item is a line of the guide's checklist.
type Item string

// The checklist, in the order in which it is reported.
const (
	Signature       Item = "signature"
	Acknowledgement Item = "acknowledgement"
	Idempotency     Item = "idempotency"
	Retries         Item = "retries"
	Validation      Item = "validation"
	RateLimit       Item = "rate-limit"
	Security        Item = "security"
	HTTPS           Item = "https"
	Logging         Item = "logging"
	Metrics         Item = "metrics"
	Documentation   Item = "documentation"
)

// Items are all items, in order.
func Items() []Item {
	return []Item{Signature, Acknowledgement, Idempotency, Retries, Validation, RateLimit, Security, HTTPS, Logging, Metrics, Documentation}
}

// Level says how binding a requirement is, in the words of RFC 2119.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Profile says how much of a receiver has to be seen to judge a requirement.
type Profile string

// The profiles, each of which includes those before it.
const (
	Wire      Profile = "wire"
	Effects   Profile = "effects"
	Lifecycle Profile = "lifecycle"
)

// Profiles are all profiles, the one that sees least first.
func Profiles() []Profile { return []Profile{Wire, Effects, Lifecycle} }

// Requirement is one thing that is asked of a receiver.
type Requirement struct {
	// ID is stable: it is used in configurations, reports and scripts.
	ID    string
	Item  Item
	Level Level
	// Title says what is required, as a statement about the receiver.
	Title string
	// Why says what goes wrong without it.
	Why string
	// Mend says how it is usually repaired.
	Mend string
	// Guide names the section of moncreneau's guide that it comes from.
	Guide string
	// Needs is what must be observable beyond what the check's experiment needs.
	Needs lab.Need
	// Applies tells why the requirement does not concern a receiver that is
	// configured so, or "" if it does. nil always applies.
	Applies func(config.Config) string

	check check
}

// Profile is the least that must be seen to judge r, which follows from its needs.
func (r Requirement) Profile() Profile {
	switch needs := r.AllNeeds(); {
	case needs&lab.Lifecycle != 0:
		return Lifecycle
	case needs != 0:
		return Effects
	}
	return Wire
}

// AllNeeds are the needs of the requirement and of its experiment.
func (r Requirement) AllNeeds() lab.Need { return r.Needs | r.check.needs }

// Experiments are what must be run for the requirement to be judged.
func (r Requirement) Experiments() []lab.Experiment { return r.check.experiments }

// NotApplicable tells why r does not concern a receiver, or "".
func (r Requirement) NotApplicable(cfg config.Config) string {
	if r.Applies == nil {
		return ""
	}
	return r.Applies(cfg)
}

// Unobservable says what would make r observable, or nil if it is.
func (r Requirement) Unobservable(cfg config.Config) []string {
	return r.AllNeeds().Missing(lab.Available(cfg))
}

// Judge waits for the evidence and judges it.
func (r Requirement) Judge(ctx context.Context, l *lab.Lab) Judgement {
	j := &Judgement{}
	if err := r.check.judge(ctx, l, j); err != nil {
		if !j.lost(err) {
			j.NotObserved("%v", err)
		}
		return *j
	}
	if needs := r.AllNeeds(); needs&(lab.Effects|lab.Sink|lab.PerEvent) != 0 && l.Config().Observe.Sink != nil && !l.EffectsSeen() {
		// Nothing can be said of effects that hookcheck was never going to see.
		*j = Judgement{}
		j.NotObserved("not one call reached the effect sink during the whole run: does the receiver call the address it is given as {{.EffectURL}}, and can it reach it?")
	}
	return *j
}

// check decides a requirement.
type check struct {
	needs       lab.Need
	experiments []lab.Experiment
	judge       func(ctx context.Context, l *lab.Lab, j *Judgement) error
}

// from judges the evidence of one experiment.
func from[E any](trial *lab.Trial[E], judge func(evidence E, j *Judgement)) check {
	return withConfig(trial, func(evidence E, _ *lab.Lab, j *Judgement) { judge(evidence, j) })
}

// withConfig is from for checks that depend on what the receiver declares.
func withConfig[E any](trial *lab.Trial[E], judge func(evidence E, l *lab.Lab, j *Judgement)) check {
	return withLab(trial, func(_ context.Context, evidence E, l *lab.Lab, j *Judgement) error {
		judge(evidence, l, j)
		return nil
	})
}

// withLab is from for checks that look at the rest of the run as well.
func withLab[E any](trial *lab.Trial[E], judge func(ctx context.Context, evidence E, l *lab.Lab, j *Judgement) error) check {
	return check{
		needs:       trial.Needs,
		experiments: []lab.Experiment{trial},
		judge: func(ctx context.Context, l *lab.Lab, j *Judgement) error {
			evidence, err := trial.Evidence(ctx, l)
			if err != nil {
				return err
			}
			return judge(ctx, evidence, l, j)
		},
	}
}

// All is the catalogue, in the order of the checklist.
func All() []Requirement {
	var out []Requirement
	for _, part := range []struct {
		item         Item
		requirements []Requirement
	}{
		{Signature, signature()},
		{Acknowledgement, acknowledgement()},
		{Idempotency, idempotency()},
		{Retries, retries()},
		{Validation, validation()},
		{RateLimit, rateLimit()},
		{Security, security()},
		{HTTPS, https()},
		{Logging, logging()},
		{Metrics, metrics()},
		{Documentation, documentation()},
	} {
		slices.SortFunc(part.requirements, func(a, b Requirement) int { return strings.Compare(a.ID, b.ID) })
		for _, r := range part.requirements {
			r.Item = part.item
			out = append(out, r)
		}
	}
	return out
}

// Find returns the requirement with the id.
func Find(id string) (Requirement, error) {
	for _, r := range All() {
		if r.ID == id {
			return r, nil
		}
	}
	return Requirement{}, fmt.Errorf("there is no requirement %q; hookcheck requirements lists them", id)
}
