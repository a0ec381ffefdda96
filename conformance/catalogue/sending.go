package catalogue

import (
	"context"
	"slices"
	"sync"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// genuine sends ev as it should be, and keeps what came of it.
func genuine(ctx context.Context, r *lab.Run, ev fixtures.Event, what string) sent {
	return sent{id: ev.ID, what: what, attempts: []emitter.Attempt{r.Send(ctx, r.Deliver(ev))}}
}

// again sends ev once more, under a new delivery id.
func (s sent) again(ctx context.Context, r *lab.Run, ev fixtures.Event) sent {
	s.attempts = append(slices.Clone(s.attempts), r.Send(ctx, r.Deliver(ev)))
	return s
}

// final is the decisive attempt.
func (s sent) final() emitter.Attempt { return s.attempts[len(s.attempts)-1] }

// acknowledgedOf are those of events whose every attempt was acknowledged.
func acknowledgedOf(events []sent) []sent {
	return slices.DeleteFunc(slices.Clone(events), func(s sent) bool {
		return !slices.ContainsFunc(s.attempts, emitter.Attempt.Acknowledged)
	})
}

// each does something for every element at the same time, keeping the order.
func each[T, R any](in []T, do func(T) R) []R {
	out := make([]R, len(in))
	var working sync.WaitGroup
	for i, v := range in {
		working.Go(func() { out[i] = do(v) })
	}
	working.Wait()
	return out
}

const created = "appointment.created"
