package lab

import (
	"context"
	"slices"
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

// takeAll takes every place that is due already, and says how many.
func (p *pacer) takeAll() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	p.sent = slices.DeleteFunc(p.sent, func(at time.Time) bool { return !at.Add(p.window).After(now) })
	n := p.budget - len(p.sent)
	for range n {
		p.sent = append(p.sent, now)
	}
	return n
}

// wait takes the next n places, all due at the same time, and waits until they
// are. More than the budget at once is not possible; then it takes all there is.
func (p *pacer) wait(ctx context.Context, n int) error {
	if p == nil {
		return context.Cause(ctx)
	}
	n = min(n, p.budget)
	p.mu.Lock()
	at := p.clock.Now()
	if expired := len(p.sent) + n - p.budget; expired > 0 {
		if due := p.sent[expired-1].Add(p.window); due.After(at) {
			at = due
		}
		p.sent = p.sent[expired:]
	}
	for range n {
		p.sent = append(p.sent, at)
	}
	p.mu.Unlock()
	return p.until(ctx, at)
}

func (p *pacer) until(ctx context.Context, at time.Time) error {
	delay := p.clock.Until(at)
	if delay <= 0 {
		return context.Cause(ctx)
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
