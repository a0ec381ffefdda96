// Package effects is the other end of a receiver's work: an HTTP endpoint that
// the receiver calls as its business side effect, that keeps account of each
// call by event id, and that can be told to be slow or to fail.
//
// A Sink is an http.Handler and listens nowhere itself.
package effects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// maxBody is how much of a call's body is read and kept, in bytes.
const maxBody = 1 << 20

// Options configure a Sink.
type Options struct {
	// EventID says where a call names its event: "body:" and a JSON pointer
	// (RFC 6901), or "header:" and a header's name. Empty means "body:/eventId".
	EventID string
	// Clock times calls and waits; nil means the real one.
	Clock clockwork.Clock
}

// Sink records calls and answers them as scripted; unscripted, 200 at once.
// Its methods may be called concurrently.
type Sink struct {
	eventID extractor
	clock   clockwork.Clock
	closed  chan struct{}

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever a call begins or ends
	calls    []*Call       // in the order of their beginning
	byEvent  map[string][]*Call
	scripts  map[string]Script
	fallback Script
}

// New returns a Sink, or an error when o.EventID cannot be understood.
func New(o Options) (*Sink, error) {
	eventID, err := parseExtractor(o.EventID)
	if err != nil {
		return nil, fmt.Errorf("effect sink: %w", err)
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	return &Sink{
		eventID: eventID,
		clock:   o.Clock,
		closed:  make(chan struct{}),
		changed: make(chan struct{}),
		byEvent: map[string][]*Call{},
		scripts: map[string]Script{},
	}, nil
}

// Script sets how calls for eventID are answered from now on.
func (s *Sink) Script(eventID string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[eventID] = script
}

// ScriptDefault sets how calls are answered whose event has no script of its
// own, calls without an event id included.
func (s *Sink) ScriptDefault(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = script
}

// Close lets every call go that a script still holds. It is safe to call twice.
func (s *Sink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// ServeHTTP records the call and answers it as scripted.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := s.clock.Now()
	// A body that cannot be read to its end is still a call: it is recorded
	// with what came of it.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	id := s.eventID(r.Header, body)
	call, step := s.begin(&Call{EventID: id, Path: r.URL.Path, Start: start, Outcome: Pending, Header: r.Header.Clone(), Body: body})
	if err != nil {
		s.end(call, Abandoned, 0)
		return
	}

	if !s.wait(r.Context(), step.delay) {
		s.end(call, Abandoned, 0)
		return
	}
	switch step.outcome {
	case Reset:
		s.end(call, Reset, 0)
		drop(w, true)
	case Hung:
		s.hold(r.Context(), step.holdFor)
		s.end(call, Hung, 0)
		drop(w, false)
	default:
		// Recorded before it is answered: who has the answer finds the record.
		s.end(call, step.outcome, step.status)
		w.WriteHeader(step.status)
	}
}

func (s *Sink) begin(call *Call) (*Call, step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	script, own := s.scripts[call.EventID]
	if !own {
		script = s.fallback
	}
	nth := len(s.byEvent[call.EventID])
	s.calls = append(s.calls, call)
	s.byEvent[call.EventID] = append(s.byEvent[call.EventID], call)
	s.notify()
	return call, script.step(nth)
}

func (s *Sink) end(call *Call, outcome Outcome, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.End, call.Outcome, call.Status = s.clock.Now(), outcome, status
	s.notify()
}

func (s *Sink) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits for d and says whether the caller is still there.
func (s *Sink) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-s.clock.After(d):
		return true
	case <-s.closed:
		return true
	case <-ctx.Done():
		return false
	}
}

// hold keeps a call without an answer: for d, or without end when d is zero.
func (s *Sink) hold(ctx context.Context, d time.Duration) {
	if d > 0 {
		s.wait(ctx, d)
		return
	}
	select {
	case <-s.closed:
	case <-ctx.Done():
	}
}

// Calls returns the calls made so far for eventID, in order; those that named
// no event are under the empty id.
func (s *Sink) Calls(eventID string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copies(s.byEvent[eventID])
}

// All returns every call made so far, in order.
func (s *Sink) All() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copies(s.calls)
}

// Await returns the calls for eventID as soon as enough says so of them, or,
// with an error that wraps ctx's, those there are when ctx ends.
func (s *Sink) Await(ctx context.Context, eventID string, enough func([]Call) bool) ([]Call, error) {
	for {
		s.mu.Lock()
		calls, changed := copies(s.byEvent[eventID]), s.changed
		s.mu.Unlock()
		if enough(calls) {
			return calls, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return calls, fmt.Errorf("effect sink: await calls for %q, %d so far: %w", eventID, len(calls), ctx.Err())
		}
	}
}

// Quiet waits until no call has begun or ended for the time given, and none is
// pending. It returns ctx's error when that does not come about.
func (s *Sink) Quiet(ctx context.Context, d time.Duration) error {
	for {
		s.mu.Lock()
		changed := s.changed
		busy := slices.ContainsFunc(s.calls, func(c *Call) bool { return c.Outcome == Pending })
		s.mu.Unlock()
		calm := s.clock.After(d)
		if busy {
			calm = nil
		}
		select {
		case <-changed:
		case <-calm:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("effect sink: await quiet: %w", ctx.Err())
		}
	}
}

func copies(calls []*Call) []Call {
	out := make([]Call, 0, len(calls))
	for _, c := range calls {
		out = append(out, *c)
	}
	return slices.Clip(out)
}

// drop ends the connection without an answer, with a TCP reset if so asked.
func drop(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) { // HTTP/2: the stream alone is reset
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
