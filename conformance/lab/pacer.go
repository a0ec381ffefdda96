package lab

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// pacer keeps requests under a rate limit, whichever way the receiver counts:
// no window of the declared length, wherever it begins, holds more than the
// budget. That satisfies fixed windows, sliding windows and token buckets alike.
type pacer struct {
	clock  clockwork.Clock
	budget int
	window time.Duration

	mu   sync.Mutex
	sent []time.Time // the last budget sends, oldest first
}

// budget leaves a tenth unused, for readiness checks and for clocks and
// latencies that differ between us and the receiver.
func budget(requests int) int { return max(1, requests*9/10) }

// newPacer returns nil, which paces nothing, where there is no limit.
func newPacer(clock clockwork.Clock, limit config.RateLimit) *pacer {
	if limit.None {
		return nil
	}
	return &pacer{clock: clock, budget: budget(limit.Requests), window: limit.Window + limit.Window/20}
}

// wait takes the next place and waits until it is due.
func (p *pacer) wait(ctx context.Context) error {
	if p == nil {
		return ctx.Err()
	}
	p.mu.Lock()
	at := p.clock.Now()
	if len(p.sent) == p.budget {
		if due := p.sent[0].Add(p.window); due.After(at) {
			at = due
		}
		p.sent = p.sent[1:]
	}
	p.sent = append(p.sent, at)
	p.mu.Unlock()
	delay := p.clock.Until(at)
	if delay <= 0 {
		return ctx.Err()
	}
	timer := p.clock.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
