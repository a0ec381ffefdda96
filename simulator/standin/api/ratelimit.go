package api

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// RateLimit is how many requests one API key may make in a window of time.
type RateLimit struct {
	Requests int
	Window   time.Duration
}

// Unlimited is a limit that no caller reaches.
var Unlimited = RateLimit{Requests: -1}

func anHour(n int) RateLimit { return RateLimit{Requests: n, Window: time.Hour} }

// ParseRateLimit reads a limit such as 1000/1h, or none.
func ParseRateLimit(text string) (RateLimit, error) {
	if text == "none" {
		return Unlimited, nil
	}
	count, window, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	d, durationErr := time.ParseDuration(window)
	if !ok || err != nil || durationErr != nil || n < 1 || d <= 0 {
		return RateLimit{}, fmt.Errorf("rate limit %q: want a number and a window such as 1000/1h, or none", text)
	}
	return RateLimit{Requests: n, Window: d}, nil
}

// limiter counts the requests of each key in fixed windows that begin with the
// key's first request (the kind of window is assumed).
type limiter struct {
	clock clockwork.Clock

	mu      sync.Mutex
	windows map[[sha256.Size]byte]*window
}

type window struct {
	ends time.Time
	used int
}

// maxWindows bounds the memory that made-up keys can take.
const maxWindows = 10_000

func newLimiter(clock clockwork.Clock) *limiter {
	return &limiter{clock: clock, windows: map[[sha256.Size]byte]*window{}}
}

// take counts one request and tells the state in X-RateLimit fields. Reset is in
// seconds since 1970 (assumed).
func (l *limiter) take(key string, limit RateLimit, header http.Header) error {
	if limit.Requests < 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	id := sha256.Sum256([]byte(key))
	w := l.windows[id]
	if w == nil || !now.Before(w.ends) {
		if len(l.windows) >= maxWindows {
			l.forget(now)
		}
		w = &window{ends: now.Add(limit.Window)}
		l.windows[id] = w
	}
	w.used++
	// Not by Set, which would write X-Ratelimit: people compare with the documentation.
	header["X-RateLimit-Limit"] = []string{strconv.Itoa(limit.Requests)}
	header["X-RateLimit-Remaining"] = []string{strconv.Itoa(max(limit.Requests-w.used, 0))}
	header["X-RateLimit-Reset"] = []string{strconv.FormatInt(w.ends.Unix(), 10)}
	if w.used <= limit.Requests {
		return nil
	}
	wait := int64((w.ends.Sub(now) + time.Second - 1) / time.Second)
	header.Set("Retry-After", strconv.FormatInt(wait, 10))
	return problem.New(problem.RateLimitExceeded, "more than %d requests in %s", limit.Requests, limit.Window).With("retryAfter", wait)
}

// forget drops the windows that have ended, or all when none has.
func (l *limiter) forget(now time.Time) {
	for id, w := range l.windows {
		if !now.Before(w.ends) {
			delete(l.windows, id)
		}
	}
	if len(l.windows) >= maxWindows {
		clear(l.windows)
	}
}
