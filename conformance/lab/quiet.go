package lab

import (
	"context"
	"sync"
)

// quiet is where the experiments of one bench meet once they have done
// everything that makes the receiver work. What was counted before could still
// change; what is counted after is final.
type quiet struct {
	mu     sync.Mutex
	active int
	open   chan struct{}
	settle sync.Once
}

// reset prepares for n experiments.
func (q *quiet) reset(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active, q.open, q.settle = n, make(chan struct{}), sync.Once{}
}

// leave says that one experiment stimulates no more.
func (q *quiet) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active--; q.active == 0 {
		close(q.open)
	}
}

// wait returns when every experiment has left, after settle has run once.
func (q *quiet) wait(ctx context.Context, settle func(context.Context)) error {
	select {
	case <-q.open:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	q.settle.Do(func() { settle(ctx) })
	return context.Cause(ctx)
}
