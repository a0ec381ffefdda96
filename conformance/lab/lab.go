// Package lab runs experiments against instances of a receiver: it starts the
// instances, stimulates all of them at once, watches what comes of it, and
// hands the evidence to those who judge it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/errgroup"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

// Options are what a lab needs besides the receiver.
type Options struct {
	Config config.Config
	Target target.Target
	// Seed determines every event, id and delivery id that the lab sends.
	Seed uint64
	// Clock paces and measures; nil means the real one.
	Clock clockwork.Clock
}

// Lab holds the instances of one receiver and the experiments on them.
type Lab struct {
	cfg    config.Config
	target target.Target
	seed   uint64
	secret string
	clock  clockwork.Clock

	sink      *effects.Sink
	sinkURL   string
	sinkHTTP  *http.Server
	benches   []*bench
	gate      *gate
	scheduled map[Experiment]*scheduled

	numbered   int // instances so far
	deliveries deliveries

	hopes  hopes
	waits  waits
	cancel context.CancelCauseFunc
	work   sync.WaitGroup
}

// New prepares a lab; nothing is started yet. Close must be called.
func New(o Options) (*Lab, error) {
	l := &Lab{cfg: o.Config, target: o.Target, seed: o.Seed, clock: o.Clock, scheduled: map[Experiment]*scheduled{}}
	if l.clock == nil {
		l.clock = clockwork.NewRealClock()
	}
	l.gate = newGate(l.clock)
	if l.secret = o.Config.Secret; l.secret == "" {
		l.secret = madeUpSecret(o.Seed)
	}
	if o.Config.Observe.Sink != nil {
		if err := l.openSink(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Secret signs the deliveries of this run.
func (l *Lab) Secret() string { return l.secret }

// Seed is what the run can be repeated with.
func (l *Lab) Seed() uint64 { return l.seed }

// URL is the endpoint of the first instance that was started, "" before that.
func (l *Lab) URL() string {
	for _, b := range l.benches {
		if b.instance != nil {
			return b.url()
		}
	}
	return ""
}

// Config is the receiver's configuration.
func (l *Lab) Config() config.Config { return l.cfg }

// openSink serves the effect sink where the receiver can reach it.
func (l *Lab) openSink() error {
	sink, err := effects.New(effects.Options{EventID: l.cfg.Observe.Sink.EventID, Clock: l.clock})
	if err != nil {
		return fmt.Errorf("observe.sink.eventId: %w", err)
	}
	listen, host := l.target.SinkAddress()
	if fixed := l.cfg.Observe.Sink.Listen; fixed != "" {
		listen = fixed
	}
	listener, err := net.Listen("tcp", listen) //nolint:noctx // closed by Close
	if err != nil && l.cfg.Observe.Sink.Listen != "" {
		return fmt.Errorf("observe.sink.listen: %w", err)
	}
	if err != nil {
		return fmt.Errorf("effect sink: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return fmt.Errorf("effect sink: %w", err)
	}
	l.sink, l.sinkURL = sink, "http://"+net.JoinHostPort(host, port)
	// No timeouts: holding a call for long is what the sink is asked to do.
	l.sinkHTTP = &http.Server{Handler: sink} //nolint:gosec // see above
	l.work.Go(func() { _ = l.sinkHTTP.Serve(listener) })
	return nil
}

// Start brings up the instances that the experiments need and sets all
// experiments going. It returns once every instance is ready; an instance that
// does not come up is an error, and nothing has been judged then.
func (l *Lab) Start(ctx context.Context, experiments []Experiment) error {
	ctx, l.cancel = context.WithCancelCause(ctx)
	l.place(experiments)
	starts, startCtx := errgroup.WithContext(ctx)
	starts.SetLimit(startsAtOnce)
	for _, b := range l.benches {
		starts.Go(func() error { return b.start(startCtx) })
	}
	if err := starts.Wait(); err != nil {
		return fmt.Errorf("start receiver: %w", err)
	}
	for _, b := range l.benches {
		l.work.Go(func() { b.runAll(ctx) })
	}
	return nil
}

// startsAtOnce bounds how many receivers start at the same time: some need
// both cores and a lot of memory for it.
const startsAtOnce = 4

// ErrClosed is the cause with which experiments end when the lab closes early.
var ErrClosed = errors.New("the run was ended")

// Close ends what still runs, removes every instance and its data, and waits
// for all of it.
func (l *Lab) Close(ctx context.Context) error {
	if l.cancel != nil {
		l.cancel(ErrClosed)
	}
	if l.sink != nil {
		l.sink.Close()
	}
	var removals errgroup.Group
	for _, b := range l.benches {
		removals.Go(func() error { return b.remove(ctx) })
	}
	err := removals.Wait()
	if l.sinkHTTP != nil {
		err = errors.Join(err, l.sinkHTTP.Close())
	}
	l.work.Wait()
	return err
}

// AwaitAll waits until every experiment has ended.
func (l *Lab) AwaitAll(ctx context.Context) error {
	for _, s := range l.scheduled {
		select {
		case <-s.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Losses are the receivers that could not be examined to the end.
func (l *Lab) Losses() (out []*Lost) {
	for _, b := range l.benches {
		if lost := b.vitals.isLost(); lost != nil && !slices.Contains(out, lost) {
			out = append(out, lost)
		}
	}
	return out
}

// EffectsSeen reports whether the sink got any call at all.
func (l *Lab) EffectsSeen() bool { return l.sink != nil && len(l.sink.All()) > 0 }

// Shared is an event by which two instances were seen to work on the same queue, or nil.
func (l *Lab) Shared() *Shared {
	if l.sink == nil {
		return nil
	}
	return l.deliveries.shared(l.sink.All())
}

// Throttled are the answers 429 to requests that stayed within the declared rate.
func (l *Lab) Throttled() (out []Throttle) {
	for _, b := range l.benches {
		out = append(out, b.throttles()...)
	}
	return out
}

// LongestWait is the longest time that one experiment had to wait for the
// receiver, and for what.
func (l *Lab) LongestWait() (time.Duration, string) { return l.waits.longest() }
