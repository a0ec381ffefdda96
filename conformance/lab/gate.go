package lab

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"
)

// gate bounds how many ordinary requests begin at about the same time, on all
// instances together: they share a machine, and what makes one of them slow must
// not be that we keep the others busy.
type gate struct {
	clock clockwork.Clock
	slots chan struct{}
}

const (
	// beginning is how many requests may be in their beginning.
	beginning = 6
	// beginningLasts is how long a request counts. One that takes longer waits for
	// its receiver, and keeps nobody busy.
	beginningLasts = 250 * time.Millisecond
)

func newGate(clock clockwork.Clock) *gate {
	return &gate{clock: clock, slots: make(chan struct{}, beginning)}
}

// enter waits for a slot. The slot is free again when leave is called, or
// beginningLasts after it was taken.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	timer := g.clock.AfterFunc(beginningLasts, func() { <-g.slots })
	return func() {
		if timer.Stop() {
			<-g.slots
		}
	}, nil
}
