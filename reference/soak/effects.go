package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// effects is the system downstream: it counts the calls by their idempotency key.
type effects struct {
	server *httptest.Server
	mu     sync.Mutex
	calls  map[string]int
}

func newEffects() *effects {
	e := &effects{calls: map[string]int{}}
	e.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls[r.Header.Get("Idempotency-Key")]++
	}))
	return e
}

func (e *effects) distinct() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.calls)
}

func (e *effects) repeated() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, calls := range e.calls {
		n += calls - 1
	}
	return n
}

// await waits until every event has had its effect, and returns how many have not.
func (e *effects) await(ctx context.Context, ids []string, most time.Duration) (missing int, took time.Duration) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		missing = 0
		e.mu.Lock()
		for _, id := range ids {
			if e.calls[id] == 0 {
				missing++
			}
		}
		e.mu.Unlock()
		if missing == 0 || ctx.Err() != nil {
			return missing, time.Since(start)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
