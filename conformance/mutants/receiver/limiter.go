package main

import (
	"math"
	"sync"
	"time"
)

// limiter is a fixed window, which opens with the first request after the last
// one has ended.
type limiter struct {
	settings
	mu     sync.Mutex
	opened time.Time
	used   int
}

// take returns 0 for a request that is admitted, or the seconds until the next window.
func (l *limiter) take() int {
	if l.requests == 0 || l.mutant == "no-rate-limit" {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	exceeded := l.used > l.requests
	if now.Sub(l.opened) >= l.window && (l.mutant != "never-recovers" || !exceeded) {
		l.opened, l.used = now, 0
	}
	l.used++
	admitted := l.requests
	if l.mutant == "limit-too-low" {
		admitted /= 2
	}
	if l.used <= admitted {
		return 0
	}
	return max(1, int(math.Ceil((l.window - now.Sub(l.opened)).Seconds())))
}
