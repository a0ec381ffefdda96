package reference

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// backlog is the part of the SQLite queue that is in memory: jobs that are ready, that
// wait for their next attempt, or that wait for an earlier job with the same key.
type backlog struct {
	clock    clockwork.Clock
	orderKey func(Event) string
	ready    chan *job // as long as maxHeld, so that sending never blocks

	mu     sync.Mutex
	held   int                      // jobs added and not yet done
	lanes  map[string][]*job        // jobs with the same key; only the first is ready, running or waiting
	timers map[*job]clockwork.Timer // of those that wait for their next attempt
}

// maxHeld bounds the memory of a backlog. What does not fit stays on disk.
const maxHeld = 10_000

// job is an accepted event and how far its processing has got.
type job struct {
	seq      int64 // the order of acceptance
	event    Event
	attempts int // made so far
	key      string
}

func newBacklog(clock clockwork.Clock, orderKey func(Event) string) *backlog {
	return &backlog{
		clock:    clock,
		orderKey: orderKey,
		ready:    make(chan *job, maxHeld),
		lanes:    map[string][]*job{},
		timers:   map[*job]clockwork.Timer{},
	}
}

// room is how many jobs may be added. Only one goroutine may add.
func (b *backlog) room() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maxHeld - b.held
}

// add takes a job whose next attempt is after wait.
func (b *backlog) add(j *job, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held++
	if j.key = b.orderKey(j.event); j.key != "" {
		lane := append(b.lanes[j.key], j)
		b.lanes[j.key] = lane
		if len(lane) > 1 {
			return
		}
	}
	b.schedule(j, wait)
}

// next waits for a job that is ready. It returns nil when ctx ends.
func (b *backlog) next(ctx context.Context) *job {
	select {
	case j := <-b.ready:
		return j
	case <-ctx.Done():
		return nil
	}
}

// another returns a job if one is ready at once.
func (b *backlog) another(ctx context.Context) *job {
	if ctx.Err() != nil {
		return nil
	}
	select {
	case j := <-b.ready:
		return j
	default:
		return nil
	}
}

// again puts a job back for another attempt.
func (b *backlog) again(j *job, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.schedule(j, wait)
}

// done lets go of a job, and of the next one with its key.
func (b *backlog) done(j *job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held--
	if j.key == "" {
		return
	}
	lane := b.lanes[j.key][1:]
	if len(lane) == 0 {
		delete(b.lanes, j.key)
		return
	}
	b.lanes[j.key] = lane
	b.schedule(lane[0], 0)
}

func (b *backlog) schedule(j *job, wait time.Duration) {
	if wait <= 0 {
		b.ready <- j
		return
	}
	b.timers[j] = b.clock.AfterFunc(wait, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.timers, j)
		b.ready <- j
	})
}

// stop stops the waiting. The jobs are on disk.
func (b *backlog) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, timer := range b.timers {
		timer.Stop()
	}
}
