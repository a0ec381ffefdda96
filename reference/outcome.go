package reference

import (
	"sync"
	"time"
)

// outcome is how an attempt ended.
type outcome struct {
	seq      int64
	attempts int
	failure  string        // empty: it succeeded
	dead     bool          // it was the last attempt
	wait     time.Duration // or else before the next one
}

// outcomes brings together what the next commit is to record.
type outcomes struct {
	arrived chan struct{} // has room for one: there are some to take

	mu   sync.Mutex
	next []outcome
}

func newOutcomes() *outcomes { return &outcomes{arrived: make(chan struct{}, 1)} }

func (o *outcomes) add(one outcome) {
	o.mu.Lock()
	o.next = append(o.next, one)
	o.mu.Unlock()
	select {
	case o.arrived <- struct{}{}:
	default: // it is known
	}
}

// take moves them behind those that were taken before.
func (o *outcomes) take(before []outcome) []outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := append(before, o.next...)
	clear(o.next)
	o.next = o.next[:0]
	return all
}
