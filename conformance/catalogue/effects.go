package catalogue

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/moncreneau/hookcheck/conformance/lab"
)

// tally is what was counted in an experiment, or why nothing could be.
type tally struct {
	lab.Tally
	once     int           // how many events should have been processed once
	patience time.Duration // how long they were waited for
	err      error
}

// repeated says whether one of the events had more effects than one.
func (t tally) repeated(events []sent) bool {
	if t.Of == nil {
		return t.Total > t.once
	}
	return slices.ContainsFunc(events, func(ev sent) bool { return t.Of[ev.id] > 1 })
}

// settle counts the effects of events that should be processed once and of
// events that should not be at all. Without an observer there is only the
// reason why there is no count; that is not an error of the experiment, nor is
// the loss of the receiver.
func settle(ctx context.Context, r *lab.Run, once, never []sent) (tally, error) {
	counted, err := r.Settle(ctx, ids(once), ids(never))
	var lost *lab.Lost
	if errors.Is(err, lab.ErrUnobserved) || errors.As(err, &lost) {
		return tally{err: err}, nil
	}
	return tally{Tally: counted, once: len(once), patience: r.Config().Patience}, err
}

// group are events of an experiment that are counted together.
type group struct {
	events []sent
	tally  tally
}

// counting is how a group comes about: send delivers its events, and those of
// them that are acknowledged should be processed once; with never, none should be.
type counting struct {
	into  *group
	never bool
	send  func() []sent
}

// countApart sends one group after the other. An observer that tells events
// apart counts all of them in the end. Where a total is all that is counted, each
// group is counted before the next one is sent, so that what is wrong with one
// is not held against the others.
func countApart(ctx context.Context, r *lab.Run, groups ...counting) error {
	if err := baseline(ctx, r); err != nil {
		return err
	}
	var once, never []sent
	for _, g := range groups {
		g.into.events = g.send()
		if g.never {
			never = append(never, g.into.events...)
		} else {
			once = append(once, acknowledgedOf(g.into.events)...)
		}
		if r.TotalsOnly() {
			var err error
			if g.into.tally, err = settle(ctx, r, once, never); err != nil {
				return err
			}
			once, never = nil, nil
		}
	}
	if r.TotalsOnly() {
		return nil
	}
	counted, err := settle(ctx, r, once, never)
	for _, g := range groups {
		g.into.tally = counted
	}
	return err
}

// baseline prepares the counting; without an observer there is nothing to prepare.
func baseline(ctx context.Context, r *lab.Run) error {
	if err := r.Baseline(ctx); err != nil && !errors.Is(err, lab.ErrUnobserved) {
		return err
	}
	return nil
}

func ids(events []sent) []string {
	out := make([]string, len(events))
	for i, ev := range events {
		out[i] = ev.id
	}
	return out
}
