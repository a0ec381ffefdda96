package lab

import (
	"sync"
	"time"
)

// waits remembers the longest time that the lab had to wait for the receiver.
type waits struct {
	mu   sync.Mutex
	max  time.Duration
	what string
}

func (w *waits) add(d time.Duration, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d > w.max {
		w.max, w.what = d, what
	}
}

func (w *waits) longest() (time.Duration, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.max, w.what
}
