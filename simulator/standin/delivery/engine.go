// Package delivery sends what is due to the registered endpoints, and sends it
// again until it is acknowledged or the retry schedule is used up.
package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Defaults of Options.
const (
	DefaultTimeout     = 5 * time.Second
	DefaultConcurrency = 4
	DefaultSwitchOff   = 5 * 24 * time.Hour
	DefaultKeep        = 10_000
)

// Options is how to deliver.
type Options struct {
	Store  *store.Store
	Policy endpoint.Policy
	// Clock tells when something is due; nil means the real one.
	Clock clockwork.Clock
	// Schedule is how long to wait before each retry; empty means no retries.
	Schedule Schedule
	// Jitter lengthens each wait by up to this fraction of it; zero means not at all.
	Jitter float64
	// Timeout is how long an endpoint may take to answer; zero means DefaultTimeout.
	Timeout time.Duration
	// Concurrency is how many attempts may be under way to one endpoint; zero means DefaultConcurrency.
	Concurrency int
	// SwitchOff is after how long without one success an endpoint is switched off; zero means DefaultSwitchOff.
	SwitchOff time.Duration
	// Keep is how many finished deliveries to remember; zero means DefaultKeep.
	Keep int
	// Dialect is how events are written; empty means Docs.
	Dialect Dialect
	// Log gets what an operator wants to know, never a secret; nil means nothing.
	Log *slog.Logger
}

// Engine delivers. There is one queue for each endpoint, so that a slow or dead
// one does not hold up the others.
type Engine struct {
	Options
	sender sender

	wake     chan struct{} // something may be due
	finished chan string   // an attempt to this webhook has ended
	attempts sync.WaitGroup

	mu     sync.Mutex
	closed bool // Run has ended, or has not begun: nothing may be launched
	ctx    context.Context
}

// New returns an engine that delivers while Run runs.
func New(o Options) *Engine {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Concurrency == 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.SwitchOff == 0 {
		o.SwitchOff = DefaultSwitchOff
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		Options:  o,
		sender:   sender{client: o.Policy.Client(), clock: o.Clock, timeout: o.Timeout, dialect: o.Dialect},
		wake:     make(chan struct{}, 1),
		finished: make(chan string),
		closed:   true,
	}
	o.Store.OnCommit(func([]store.Change) { e.notify() })
	return e
}

// notify makes Run look again at what is due.
func (e *Engine) notify() {
	select {
	case e.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run delivers until ctx is done, and returns when every attempt has ended. An
// attempt that is cut off by the end of ctx goes back into its queue.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.Store.Do(ctx, func(tx *store.Tx) error { return tx.Requeue() }); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	e.open(ctx)
	defer e.close()
	defer cancel() // first: close waits for the attempts

	busy := map[string]int{} // attempts under way, by webhook
	ended := 0
	for {
		next, err := e.launchDue(ctx, busy)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("deliver: %w", err)
		}
		timer := e.Clock.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.Chan():
		case id := <-e.finished:
			busy[id]--
			if ended++; ended%1000 == 0 {
				if err := e.Store.Do(ctx, func(tx *store.Tx) error { return tx.Prune(e.Keep) }); err != nil && ctx.Err() == nil {
					return fmt.Errorf("deliver: %w", err)
				}
			}
		}
		timer.Stop()
	}
}

// idle is how long Run sleeps when nothing is due at any time.
const idle = time.Hour

// launchDue starts an attempt for each delivery that is due and has a free place
// in its queue, and returns how long it is until the next one is due.
func (e *Engine) launchDue(ctx context.Context, busy map[string]int) (time.Duration, error) {
	type job struct {
		webhook  store.Webhook
		delivery store.Delivery
	}
	var jobs []job
	wait := idle
	err := e.Store.Do(ctx, func(tx *store.Tx) error {
		webhooks, err := tx.Webhooks()
		if err != nil {
			return err
		}
		now := e.Clock.Now()
		for _, w := range webhooks {
			free := e.Concurrency - busy[w.ID]
			if !w.Active || free <= 0 {
				continue
			}
			due, err := tx.Due(w.ID, now, free)
			if err != nil {
				return err
			}
			for _, d := range due {
				jobs = append(jobs, job{w, d})
			}
			if len(due) == free {
				continue // the end of one of them is what to wait for
			}
			next, err := tx.NextDue(w.ID)
			if err != nil {
				return err
			}
			if !next.IsZero() {
				wait = min(wait, max(next.Sub(now), 0))
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, j := range jobs {
		busy[j.webhook.ID]++
		e.launch(j.webhook, j.delivery, func() {
			select {
			case e.finished <- j.webhook.ID:
			case <-ctx.Done():
			}
		})
	}
	return wait, nil
}

// launch attempts d in a goroutine that Run waits for, and then calls done. When
// Run is not running it returns false, and the delivery stays as it is, for the
// next start to requeue.
func (e *Engine) launch(w store.Webhook, d store.Delivery, done func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	ctx := e.ctx
	e.attempts.Go(func() {
		e.attempt(ctx, w, d)
		done()
	})
	return true
}

func (e *Engine) open(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ctx, e.closed = ctx, false
}

func (e *Engine) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.attempts.Wait()
	e.sender.client.CloseIdleConnections()
}
