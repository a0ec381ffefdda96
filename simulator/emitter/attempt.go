package emitter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Attempt is the record of one exchange: what was sent, and what came back.
type Attempt struct {
	// Delivery is what was sent, as it was given to Send.
	Delivery Delivery
	// Start is when sending began.
	Start time.Time
	// Status is the answer's status code, 0 when no answer came.
	Status int
	// Header is the answer's header, nil when no answer came.
	Header http.Header
	// Body is the answer's body, its first 64 KiB.
	Body []byte
	// Err says why there is no answer, or why it ended early; nil otherwise.
	Err error
	// Timing says how long it took.
	Timing Timing
	// Reused says that its connection had carried an exchange before.
	Reused bool
}

// Timing holds durations from Attempt.Start; one that was not reached is 0,
// except Total, which ends with the attempt however it ended.
type Timing struct {
	// Connect is until a connection was ready: name lookup, TCP and TLS for a
	// new one, next to nothing for one that was kept.
	Connect time.Duration
	// FirstByte is until the first byte of the answer.
	FirstByte time.Duration
	// Total is until the last byte of the answer.
	Total time.Duration
}

// Acknowledged says whether the receiver took the event: a 2xx, complete.
// Whether it came soon enough is for the caller to judge, by Timing.Total.
func (a Attempt) Acknowledged() bool {
	return a.Err == nil && a.Status >= 200 && a.Status < 300
}

// Dropped says that a kept connection ended before any of the answer came. A server
// may close one at any moment (RFC 9112, section 9.5), also just as a request goes
// out on it, and that says nothing of how it would have answered.
func (a Attempt) Dropped() bool {
	return a.Reused && a.Err != nil && a.Timing.FirstByte == 0 &&
		!errors.Is(a.Err, context.DeadlineExceeded) && !errors.Is(a.Err, context.Canceled)
}

// stopwatch collects the moments of an exchange. net/http may still call its
// hooks after the exchange is over, hence the lock.
type stopwatch struct {
	clock clockwork.Clock
	start time.Time

	mu                 sync.Mutex
	connect, firstByte time.Duration
	reused             bool
}

func (w *stopwatch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn:              w.connected,
		GotFirstResponseByte: w.answered,
	}
}

func (w *stopwatch) connected(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connect, w.reused = w.clock.Since(w.start), info.Reused
}

func (w *stopwatch) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firstByte = w.clock.Since(w.start)
}

// tell writes what was collected into a, at the end of its exchange.
func (w *stopwatch) tell(a *Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Timing = Timing{Connect: w.connect, FirstByte: w.firstByte, Total: w.clock.Since(w.start)}
	a.Reused = w.reused
}
