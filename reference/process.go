package reference

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
)

// Handler processes events. It is called by several goroutines at once.
type Handler interface {
	// Handle processes an event. If it returns an error it is called again, after a
	// wait, until the attempts are used up. It may also be called again after it had
	// succeeded, if the process was killed before that was recorded. No queue can
	// close that window, so every effect must bear repetition: the event's id is its
	// idempotency key. The error is logged and kept with the dead letter, so it must
	// not hold personal data.
	Handle(ctx context.Context, event Event) error

	// OrderKey puts events in order: those with the same key are processed one after
	// another as they were accepted, and one that fails holds up those behind it.
	// Empty means that their order does not matter.
	OrderKey(event Event) string
}

// Retry says how often processing is attempted and how long to wait in between.
type Retry struct {
	Attempts int           // in all, the first one included; 3 by default
	Backoff  time.Duration // before the second attempt, and doubled from then on; 2s by default
}

// processor makes attempts with the handler, and tells the log and the metrics.
type processor struct {
	handler Handler
	retry   Retry
	timeout time.Duration // of one attempt
	metrics *metrics
	log     zerolog.Logger
	clock   clockwork.Clock
}

func (p *processor) attempt(ctx context.Context, event Event, attempt int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	start := p.clock.Now()
	defer func() {
		// A bug in the handler costs an attempt, not the server. The value of the
		// panic may hold anything, so only its type is told.
		if v := recover(); v != nil {
			err = fmt.Errorf("the handler panicked with a %T", v)
		}
		p.metrics.attempted(err, p.clock.Since(start))
		if err == nil {
			event.in(p.log.Info()).Int("attempt", attempt).Msg("Webhook processed")
		}
	}()
	return p.handler.Handle(ctx, event)
}

func (p *processor) failed(event Event, attempt int, err error) (wait time.Duration, dead bool) {
	if attempt >= p.retry.Attempts {
		p.metrics.dead()
		event.in(p.log.Error()).Int("attempt", attempt).Str("error", err.Error()).Msg("Webhook moved to dead letters")
		return 0, true
	}
	wait = p.retry.wait(attempt)
	event.in(p.log.Warn()).Int("attempt", attempt).Str("error", err.Error()).
		Float64("retryInSeconds", wait.Seconds()).Msg("Webhook processing failed, will retry")
	return wait, false
}

// wait is how long to wait after an attempt: 2 s, 4 s and so on by default, and up to
// a tenth more, so that what failed together is not tried again all at once.
func (r Retry) wait(attempt int) time.Duration {
	wait := r.Backoff << min(attempt-1, 16)
	if wait <= 0 || wait > maxWait {
		wait = maxWait
	}
	return wait + time.Duration(rand.Int64N(int64(wait)/10+1)) // #nosec G404 -- jitter is no secret
}

const maxWait = time.Hour

func newWorker(config Config, handler Handler, metrics *metrics, log zerolog.Logger, clock clockwork.Clock) Worker {
	p := &processor{
		handler: handler,
		retry:   config.Retry,
		timeout: config.AttemptTimeout,
		metrics: metrics,
		log:     log,
		clock:   clock,
	}
	return Worker{
		Attempt:     p.attempt,
		Failed:      p.failed,
		OrderKey:    handler.OrderKey,
		Concurrency: config.Workers,
		Grace:       config.ShutdownTimeout,
	}
}

// outlive returns a context that ends a while after ctx does: attempts that are
// running when the receiver stops get that long.
func outlive(ctx context.Context, grace time.Duration, clock clockwork.Clock) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-clock.After(grace):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}
