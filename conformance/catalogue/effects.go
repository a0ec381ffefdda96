package catalogue

import (
	"context"
	"errors"

	"github.com/moncreneau/hookcheck/conformance/lab"
)

// tally is what was counted in an experiment, or why nothing could be.
type tally struct {
	lab.Tally
	once int // how many events should have been processed once
	err  error
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
	return tally{Tally: counted, once: len(once)}, err
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
