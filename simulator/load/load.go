// Package load sends genuine events as fast as an endpoint takes them, or at an
// exact rate. Every event is unique and signed, and every exchange recorded.
//
// It speaks plain HTTP/1.1 on connections of its own, without net/http, which
// costs several times as much for each request. Where the details of an exchange
// matter, as in certification, package emitter is right.
package load

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
)

// Options say what is sent. URL and Secret are needed, and Count or Duration.
type Options struct {
	// URL is the endpoint, plain http.
	URL string
	// Secret signs every event.
	Secret string
	// Types are the event types, in turn; empty means all of the contract.
	Types []string
	// Seed decides the events.
	Seed uint64
	// Count is how many events are sent; 0 is as many as Duration allows.
	Count uint64
	// Duration is how long events are sent; 0 is until Count is reached.
	Duration time.Duration
	// Rate is how many events a second are sent, answers or not; 0 is as many as
	// the connections carry, one event at a time on each.
	Rate float64
	// Connections is how many there are; 0 means 64.
	Connections int
	// Threads is how many share the work; 0 means half of the machine's, for the
	// endpoint is often on the same, but two at least: one waits now and then until
	// the endpoint lets go of its processor.
	Threads int
	// Timeout bounds an exchange; 0 means 10 s.
	Timeout time.Duration
	// Record is given every exchange, in batches and one call at a time; the
	// slice is used again. Nil records nothing.
	Record func([]Exchange) error
}

// Exchange is one event that was sent, and its answer.
type Exchange struct {
	// Number is the event's, from 0; with the seed it makes the event and the
	// delivery id again.
	Number uint64
	// EventID is the event's id.
	EventID string
	// Due is when the event was to be sent, Start when it was, and End when the
	// answer was complete, all from the start of the run. Without a Rate, Due is Start.
	Due, Start, End time.Duration
	// Status is the answer's; 0 when Err says why there is none.
	Status int
	Err    error
}

// ErrInterrupted is the Err of exchanges that were under way when Run's context ended.
var ErrInterrupted = errors.New("interrupted")

// errTimeout is the Err of exchanges that took longer than Options.Timeout.
var errTimeout = errors.New("no answer in time")

func (o Options) withDefaults() (Options, *url.URL, error) {
	target, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return o, nil, fmt.Errorf("load: %w", err)
	case target.Scheme != "http" || target.Host == "":
		return o, nil, fmt.Errorf("load: %q: want http://host…; other schemes are for package emitter", target.Redacted())
	case o.Count == 0 && o.Duration <= 0:
		return o, nil, errors.New("load: want a count or a duration")
	case o.Rate < 0 || o.Connections < 0 || o.Threads < 0 || o.Timeout < 0:
		return o, nil, errors.New("load: rate, connections, threads and timeout want to be 0 or more")
	}
	if len(o.Types) == 0 {
		o.Types = fixtures.Default().EventTypes()
	}
	if o.Connections == 0 {
		o.Connections = 64
	}
	if o.Threads == 0 {
		o.Threads = max(2, runtime.GOMAXPROCS(0)/2)
	}
	o.Threads = min(o.Threads, o.Connections)
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return o, target, nil
}

// Run sends what o asks for and returns when every exchange is over. The end of
// ctx ends it early, without an error; a connection that cannot be made ends it
// with one.
func Run(ctx context.Context, o Options) error {
	o, target, err := o.withDefaults()
	if err != nil {
		return err
	}
	address, err := resolve(ctx, target)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	record := &recorder{add: o.Record}
	var lanes sync.WaitGroup
	errs := make([]error, o.Threads)
	start := time.Now()
	for i := range o.Threads {
		lanes.Go(func() {
			lane := newLane(o, target, i, start, record)
			if errs[i] = lane.run(ctx, address); errs[i] != nil {
				stop(errs[i])
			}
		})
	}
	lanes.Wait()
	return errors.Join(errs...)
}

// recorder passes on the batches of all lanes, one at a time.
type recorder struct {
	mu  sync.Mutex
	add func([]Exchange) error
}

func (r *recorder) flush(batch []Exchange) error {
	if r.add == nil || len(batch) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.add(batch)
}
