package lab

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Setting is the company that an experiment can bear.
type Setting int

const (
	// Together shares an instance with others that do no harm.
	Together Setting = iota
	// Troubled shares an instance whose downstream misbehaves.
	Troubled
	// Alone has an instance to itself, because it kills, floods or clogs it. A
	// receiver that hookcheck cannot start is lent to one such experiment at a
	// time, after all others are done.
	Alone
)

// Plan is what the lab has to know of an experiment before it runs.
type Plan struct {
	// Name is unique; it also seeds the experiment's events.
	Name    string
	Setting Setting
	// Needs are what the experiment cannot do without.
	Needs Need
	// Counts says that the experiment counts effects. An observer that cannot
	// tell events apart then needs an instance for this experiment alone.
	Counts bool
	// Tight asks for a low rate limit where the limit can be set.
	Tight bool
	// Requests is about how many requests are sent, for placing experiments
	// under a rate limit that cannot be set.
	Requests int
}

// Experiment is something to be done to a receiver, once, whose evidence any
// number of requirements may judge.
type Experiment interface {
	plan() Plan
	run(ctx context.Context, r *Run) (any, error)
}

// Trial is an experiment that yields evidence of type E.
type Trial[E any] struct {
	Plan
	do func(ctx context.Context, r *Run) (E, error)
}

// Define makes an experiment. An error from do means that the lab, not the
// receiver, failed.
func Define[E any](p Plan, do func(ctx context.Context, r *Run) (E, error)) *Trial[E] {
	return &Trial[E]{Plan: p, do: do}
}

func (t *Trial[E]) plan() Plan { return t.Plan }

func (t *Trial[E]) run(ctx context.Context, r *Run) (any, error) { return t.do(ctx, r) }

// Evidence waits for the experiment and returns what it brought back.
func (t *Trial[E]) Evidence(ctx context.Context, l *Lab) (E, error) {
	var none E
	s, ok := l.scheduled[t]
	if !ok {
		return none, fmt.Errorf("experiment %q was not part of this run", t.Name)
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	if s.err != nil {
		return none, s.err
	}
	evidence, ok := s.evidence.(E)
	if !ok {
		return none, fmt.Errorf("experiment %q brought back %T", t.Name, s.evidence)
	}
	return evidence, nil
}

// scheduled is an experiment's place in a run.
type scheduled struct {
	experiment Experiment
	done       chan struct{}
	evidence   any
	err        error
}

// perform runs the experiment. A panic in it is a defect of hookcheck's, which
// must not pass for one of the receiver's, nor end the whole run.
func (s *scheduled) perform(ctx context.Context, r *Run) {
	defer close(s.done)
	defer r.Leave()
	defer func() {
		if p := recover(); p != nil {
			s.err = fmt.Errorf("hookcheck failed in experiment %q: %v\n%s", r.name, p, debug.Stack())
		}
	}()
	s.evidence, s.err = s.experiment.run(ctx, r)
	switch lost := r.lost(); {
	case s.err == nil:
	case lost != nil: // which is why it failed, whatever it says
		s.err = lost
	default:
		s.err = fmt.Errorf("experiment %q: %w", r.name, s.err)
	}
}
