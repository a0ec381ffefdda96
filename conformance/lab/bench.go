package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// bench is one instance of the receiver with what watches it, and the
// experiments that are done to it.
type bench struct {
	lab     *Lab
	number  int // of the instance, from 1
	limit   config.RateLimit
	pace    *pacer
	atOnce  []*scheduled // all at the same time
	inTurn  []*scheduled // after those, one by one
	slots   chan struct{}
	client  *http.Client
	quiet   quiet
	vitals  vitals
	logs    *observe.Logs
	metrics *observe.Metrics
	// observers tell one event from another; counter is the first of them, or
	// else the metrics, or nil where nothing is configured.
	observers []observe.Observer
	counter   observe.Observer

	mu        sync.Mutex
	instance  target.Instance
	throttled []Throttle
}

// Throttle is a request that was refused with 429 although it kept the limit.
type Throttle struct {
	Attempt emitter.Attempt
	Limit   config.RateLimit
}

// inFlight bounds how many ordinary requests are under way at once, so that our
// own load is never what makes a receiver slow.
const inFlight = 8

// maxHeader bounds the header of an answer, in bytes; each is kept as evidence.
const maxHeader = 64 << 10

func (l *Lab) newBench(limit config.RateLimit) *bench {
	l.numbered++
	return &bench{
		lab: l, number: l.numbered, limit: limit, pace: newPacer(l.clock, limit),
		slots: make(chan struct{}, inFlight),
		// A connection for each attempt: a failure is then the receiver's, and
		// never that of a kept connection which was closed at the wrong moment.
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader}},
	}
}

func (b *bench) start(ctx context.Context) error {
	cfg := b.lab.cfg
	settings := target.Settings{Vars: config.Vars{
		Instance: b.number, Secret: b.lab.secret, EffectURL: effectURL(b.lab.sinkURL, b.number),
		RateLimit: config.Limit{Requests: b.limit.Requests, Window: b.limit.Window},
	}}
	if cfg.Observe.Logs != nil {
		logs, err := observe.NewLogs(*cfg.Observe.Logs)
		if err != nil {
			return err
		}
		b.logs, settings.Log = logs, logs.Line
	}
	instance, err := b.lab.target.Start(ctx, settings)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.instance = instance
	b.mu.Unlock()
	if cfg.Observe.Metrics != nil {
		b.metrics = &observe.Metrics{Names: *cfg.Observe.Metrics, BaseURL: instance.BaseURL}
	}
	b.observers = b.observersOf()
	switch {
	case len(b.observers) > 0:
		b.counter = b.observers[0]
	case b.metrics != nil:
		b.counter = *b.metrics
	}
	return nil
}

// observersOf are the configured observers that tell one event from another,
// the most exact first.
func (b *bench) observersOf() (out []observe.Observer) {
	cfg := b.lab.cfg.Observe
	if b.lab.sink != nil {
		out = append(out, observe.Sink{Sink: b.lab.sink})
	}
	if !b.lab.target.Lifecycle() {
		return out // what runs elsewhere shows neither its output nor a shell
	}
	if b.logs != nil {
		out = append(out, b.logs)
	}
	if cfg.Command != nil {
		out = append(out, observe.Command{Run: func(ctx context.Context, eventID string) (string, error) {
			args, err := config.ExpandArgs("observe.command.exec", cfg.Command.Exec, config.Vars{EventID: eventID})
			if err != nil {
				return "", err
			}
			return b.command(ctx, args)
		}})
	}
	return out
}

// command runs one of the configured commands where the receiver runs. One that
// does not end is given up, so that it does not keep the run from its end.
func (b *bench) command(ctx context.Context, args []string) (string, error) {
	patience := b.lab.cfg.Patience
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s: it was still running after %v", args[0], patience))
	defer cancel()
	out, err := b.instance.Run(ctx, args)
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return out, err
}

// runAll performs the bench's experiments and returns when all have ended.
func (b *bench) runAll(ctx context.Context) {
	ctx, cancel := b.vitals.begin(ctx)
	defer cancel(nil)
	b.perform(ctx, b.atOnce)
	for _, s := range b.inTurn {
		b.perform(ctx, []*scheduled{s})
	}
}

func (b *bench) perform(ctx context.Context, group []*scheduled) {
	b.quiet.reset(len(group))
	var running sync.WaitGroup
	for _, s := range group {
		r := newRun(b, s.experiment.plan())
		running.Go(func() { s.perform(ctx, r) })
	}
	running.Wait()
}

// send makes one attempt, without regard to the budget, unless the receiver is lost.
func (b *bench) send(ctx context.Context, d emitter.Delivery, timeout time.Duration) emitter.Attempt {
	if lost := b.vitals.isLost(); lost != nil {
		return emitter.Attempt{Delivery: d, Start: b.lab.clock.Now(), Err: lost}
	}
	b.lab.deliveries.note(d.EventID, b.number)
	e := emitter.Emitter{URL: b.url(), Client: b.client, Clock: b.lab.clock, Timeout: timeout}
	return b.examine(ctx, e.Send(ctx, b.asProxy(d)))
}

// url is the webhook endpoint of the instance.
func (b *bench) url() string {
	r := b.lab.cfg.Receiver
	if r.Kind() == "url" {
		return r.URL
	}
	return b.instance.BaseURL() + r.Path
}

func (b *bench) exited() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.instance == nil {
		return ""
	}
	return b.instance.Exited()
}

// purpose names the experiments of the bench, for messages.
func (b *bench) purpose() string {
	var names []string
	for _, s := range append(b.atOnce, b.inTurn...) {
		names = append(names, s.experiment.plan().Name)
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return strings.Join(names, ", ")
}

func (b *bench) noteThrottled(a emitter.Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttled = append(b.throttled, Throttle{Attempt: a, Limit: b.limit})
}

func (b *bench) throttles() []Throttle {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Throttle(nil), b.throttled...)
}

func (b *bench) remove(ctx context.Context) error {
	b.mu.Lock()
	instance := b.instance
	b.mu.Unlock()
	if instance == nil {
		return nil
	}
	if err := instance.Remove(ctx); err != nil && !errors.Is(err, target.ErrNoLifecycle) {
		return fmt.Errorf("remove receiver: %w", err)
	}
	return nil
}
