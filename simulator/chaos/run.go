package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// DefaultMaxInFlight is how many attempts are under way at once when
// Runner.MaxInFlight is zero.
const DefaultMaxInFlight = 256

// Runner sends a plan to a receiver. The zero value of everything but URL and
// Secret is usable.
type Runner struct {
	// URL is the receiver's endpoint.
	URL string
	// Secret signs what is sent.
	Secret string
	// Effects is the sink that the receiver calls; nil means that effects are
	// not watched. A scenario's downstream troubles need it.
	Effects *effects.Sink
	// Clock paces and measures; nil means the real one.
	Clock clockwork.Clock
	// Timeout bounds an attempt; 0 is emitter.DefaultTimeout.
	Timeout time.Duration
	// MaxInFlight is how many attempts may be under way at once; 0 is
	// DefaultMaxInFlight. When
	// as many are, the next ones start late, and the record says how late.
	MaxInFlight int
	// Quiet is how long no effect must come before the run ends; 0 is 1 s.
	Quiet time.Duration

	started, ended, acknowledged atomic.Uint64
	settling                     atomic.Bool
}

// Progress is how far a run is, for display: attempts, and whether all are over
// and only effects are waited for.
type Progress struct {
	Started, Ended, Acknowledged uint64
	Settling                     bool
}

// Progress may be called while the runner runs.
func (r *Runner) Progress() Progress {
	return Progress{r.started.Load(), r.ended.Load(), r.acknowledged.Load(), r.settling.Load()}
}

// Run sends the steps of src at their planned times and passes the record to
// add, one at a time. The pace is open: no answer is waited for before the next
// step is due. Run returns when every attempt is over and the effects are in; an
// error of ctx is no error of the run, the record says that it was interrupted.
// A receiver where nobody listens is an error before anything is sent.
func (r *Runner) Run(ctx context.Context, src Source, add func(Record) error) error {
	target, err := emitter.ParseURL(r.URL)
	if err != nil {
		return err
	}
	plan, err := digest(src.Scenario, src.Seed)
	if err != nil {
		return err
	}
	if r.Clock == nil {
		r.Clock = clockwork.NewRealClock()
	}
	if r.MaxInFlight == 0 {
		r.MaxInFlight = DefaultMaxInFlight
	}
	if r.Quiet == 0 {
		r.Quiet = time.Second
	}
	run := &run{
		Runner: r, seed: src.eventSeed(), schedule: src.Scenario.Redeliver, network: newNetwork(target),
		start: r.Clock.Now(), slots: make(chan struct{}, r.MaxInFlight),
		records: make(chan Record, 1024), underWay: map[uint64]chan struct{}{}, events: map[uint64]*event{},
	}
	defer run.network.close()
	if err := run.network.probe(ctx, target); err != nil {
		return err
	}

	written := make(chan error, 1)
	go func() { written <- writeAll(run.records, add) }()
	run.records <- Record{Header: &Header{
		Scenario: src.Scenario, Seed: src.Seed, Shard: src.Shard, Plan: plan,
		Target: target.Redacted(), Started: run.start.UTC(), Effects: r.Effects != nil,
	}}
	sent, err := run.sendAll(ctx, src)
	run.attempts.Wait()
	r.settling.Store(true)
	run.settle(ctx, time.Duration(src.Scenario.Expect.Within))
	run.records <- Record{End: &End{
		Planned: sent, Interrupted: ctx.Err() != nil || err != nil, Duration: r.Clock.Since(run.start),
	}}
	close(run.records)
	return errors.Join(err, <-written)
}

// writeAll passes on records until there are no more. After an error it goes on
// reading, so that nobody waits for it for ever.
func writeAll(records <-chan Record, add func(Record) error) (err error) {
	for r := range records {
		if err == nil {
			err = add(r)
		}
	}
	if err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	return nil
}

// run is the state of one Run.
type run struct {
	*Runner
	seed     uint64
	schedule []Duration
	network  *network
	start    time.Time
	slots    chan struct{}
	records  chan Record
	attempts sync.WaitGroup

	mu       sync.Mutex
	underWay map[uint64]chan struct{} // by step, closed when it is answered
	events   map[uint64]*event
}

// event is what is known of a genuine event during the run.
type event struct {
	id           string
	acknowledged bool
	redelivering bool
	script       *Script
}

// sendAll starts every step when it is due and says how many it started.
func (r *run) sendAll(ctx context.Context, src Source) (sent uint64, err error) {
	for step, err := range src.All() {
		if err != nil {
			return sent, err
		}
		if !r.wait(ctx, step.At-r.Clock.Since(r.start)) || !r.acquire(ctx) {
			return sent, nil
		}
		sent++
		r.begin(ctx, step)
	}
	return sent, nil
}

func (r *run) acquire(ctx context.Context) bool {
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// wait waits for d and says whether ctx still stands.
func (r *run) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := r.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return true
	case <-ctx.Done():
		return false
	}
}

// begin starts a step, for which the caller has acquired a slot.
func (r *run) begin(ctx context.Context, step Step) {
	if step.Downstream != nil && r.Effects != nil {
		r.Effects.Script(step.EventID, effects.Script(*step.Downstream))
	}
	answered := make(chan struct{})
	r.mu.Lock()
	before := r.underWay[step.After]
	r.underWay[step.Seq] = answered
	if _, known := r.events[step.Event]; !known && step.Expect == Accept {
		r.events[step.Event] = &event{id: step.EventID, script: step.Downstream}
	}
	r.mu.Unlock()

	r.attempts.Go(func() {
		planned := step.At
		if before != nil {
			<-before // ends with its timeout at the latest
			planned = max(planned, r.Clock.Since(r.start))
		}
		a := r.send(ctx, step, planned)
		r.mu.Lock()
		delete(r.underWay, step.Seq)
		r.mu.Unlock()
		close(answered)
		<-r.slots
		r.redeliver(ctx, step, a)
	})
}

// send makes one attempt and records it.
func (r *run) send(ctx context.Context, step Step, planned time.Duration) emitter.Attempt {
	r.started.Add(1)
	client, err := r.network.client(step.Network)
	a := emitter.Attempt{Start: r.Clock.Now(), Err: err}
	var resent bool
	if err == nil {
		e := emitter.Emitter{URL: r.URL, Client: client, Clock: r.Clock, Timeout: r.Timeout}
		a = e.Send(ctx, step.Delivery(r.Secret))
		// A genuine event is delivered again anyway; one that is to be refused is
		// judged by its one answer, so it is sent until there can be one.
		if resent = step.Expect == Refuse && a.Dropped(); resent {
			e.Client = nil // a connection of its own
			a = e.Send(ctx, a.Delivery)
		}
	}
	r.ended.Add(1)
	if a.Acknowledged() {
		r.acknowledged.Add(1)
		r.mu.Lock()
		if e := r.events[step.Event]; e != nil {
			e.acknowledged = true
		}
		r.mu.Unlock()
	}
	record := attemptRecord(step, planned, r.start, a)
	record.Resent = resent
	r.records <- Record{Attempt: record}
	return a
}
