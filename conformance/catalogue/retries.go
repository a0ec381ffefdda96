package catalogue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

const retriesSection = "Retry with backoff, then dead-letter"

// A wait is judged against the declared one with this tolerance: jitter and
// polling queues are welcome, a constant wait or none at all is not.
const (
	earliest   = 0.75            // of the declared wait
	latest     = 2.0             // of the declared wait, and
	latestPlus = 2 * time.Second // more, for schedulers that look only now and then
)

// retried is an event whose downstream call failed a number of times.
type retried struct {
	event sent
	calls []effects.Call
	done  bool
}

// failing sends an event whose first calls fail as scripted and waits for its effect.
func failing(ctx context.Context, r *lab.Run, what string, failures int, script effects.Script) retried {
	ev := r.Event(created)
	r.Sink().Script(ev.ID, script)
	start := r.Clock().Now()
	t := retried{event: genuine(ctx, r, ev, what)}
	if !t.event.final().Acknowledged() {
		return t
	}
	ctx, cancel := context.WithTimeout(ctx, retryBound(r, failures))
	defer cancel()
	var err error
	t.calls, err = r.Sink().Await(ctx, ev.ID, func(calls []effects.Call) bool { return effects.CountDone(calls) > 0 })
	t.done = err == nil
	r.Waited(start, fmt.Sprintf("the retries of an event that fails %d times", failures))
	return t
}

// retryBound is the time by which an event that fails so often should have been
// tried once more: twice the declared waits, and the usual patience.
func retryBound(r *lab.Run, failures int) time.Duration {
	bound := r.Config().Patience
	for n := range failures {
		bound += 2 * r.Config().Declare.Retries.Wait(n+1)
	}
	return bound
}

// passing are events whose downstream fails for a while, watched until nothing
// more can come of them.
type passing struct {
	once   retried // fails once, and then succeeds
	nearly retried // succeeds at its last attempt
}

var passingFailureTrial = lab.Define(lab.Plan{Name: "passing failure", Setting: lab.Troubled, Needs: lab.Sink, Requests: 2},
	func(ctx context.Context, r *lab.Run) (passing, error) {
		start, attempts := r.Clock().Now(), r.Config().Declare.Retries.Attempts
		events := each([]int{1, attempts - 1}, func(failures int) retried {
			what := fmt.Sprintf("an event whose downstream call is answered 503 %d time(s), and then 200", failures)
			return failing(ctx, r, what, failures, effects.Script{Fail: failures, Status: http.StatusServiceUnavailable})
		})
		r.Leave()
		// A retry that was not called off comes when it would have come after one
		// more failure.
		events = each(events, func(t retried) retried {
			if t.done {
				watchForAnother(ctx, r, t.event.id, len(t.calls))
				t.calls = r.Sink().Calls(t.event.id)
			}
			return t
		})
		r.Waited(start, noOtherFollows(attempts))
		return passing{once: events[0], nearly: events[1]}, nil
	})

// noOtherFollows is what is waited for where attempts are counted.
func noOtherFollows(attempts int) string {
	return fmt.Sprintf("the last of %d attempts, and then to see that no other follows", attempts)
}

var resetTrial = lab.Define(lab.Plan{Name: "downstream resets", Setting: lab.Troubled, Needs: lab.Sink, Requests: 2},
	func(ctx context.Context, r *lab.Run) (retried, error) {
		return failing(ctx, r, "an event whose first downstream call is reset", 1, effects.Script{Reset: 1}), nil
	})

// poisoned are events that always fail, and good ones that came after them.
type poisoned struct {
	poison, good []sent
	goodCalls    [][]effects.Call
	// last is when the poison was tried for the last time.
	last  time.Time
	tried int
}

// poisonTrial keeps more poison in the air than a receiver with a few workers
// has of them.
var poisonTrial = lab.Define(lab.Plan{Name: "poison", Setting: lab.Alone, Needs: lab.Sink, Requests: 16},
	func(ctx context.Context, r *lab.Run) (p poisoned, err error) {
		const poison, good = 8, 5
		p.poison = each(r.Events(poison), func(ev fixtures.Event) sent {
			r.Sink().Script(ev.ID, effects.Script{Fail: effects.Always})
			return genuine(ctx, r, ev, "an event whose processing always fails")
		})
		awaitFirst(ctx, r, acknowledgedOf(p.poison))
		p.good = each(r.Events(good), func(ev fixtures.Event) sent {
			return genuine(ctx, r, ev, fmt.Sprintf("a good event that came after %d that always fail", poison))
		})
		if _, err := r.AwaitProcessed(ctx, ids(acknowledgedOf(p.good))...); err != nil && !errors.Is(err, lab.ErrUnobserved) {
			return p, err
		}
		start := r.Clock().Now()
		declared := r.Config().Declare.Retries
		// One bound for all: a receiver that never tries them is not waited for once for each.
		within, cancel := context.WithTimeout(ctx, retryBound(r, declared.Attempts-1))
		defer cancel()
		for _, s := range acknowledgedOf(p.poison) {
			calls, _ := r.Sink().Await(within, s.id, func(calls []effects.Call) bool { return len(calls) >= declared.Attempts }) // whatever came is judged
			p.tried = max(p.tried, len(calls))
			if len(calls) > 0 && calls[len(calls)-1].Start.After(p.last) {
				p.last = calls[len(calls)-1].Start
			}
		}
		r.Waited(start, "the retries of events that always fail")
		for _, s := range p.good {
			p.goodCalls = append(p.goodCalls, r.Sink().Calls(s.id))
		}
		return p, nil
	})

// awaitFirst waits until the receiver has tried one of the events and failed.
func awaitFirst(ctx context.Context, r *lab.Run, events []sent) {
	if len(events) == 0 {
		return
	}
	r.Until(ctx, func() bool {
		return slices.ContainsFunc(events, func(s sent) bool { return ended(r.Sink().Calls(s.id)) > 0 })
	})
}

// givenUp is an event that always fails, watched until nothing more can come of it.
type givenUp struct {
	event sent
	calls []effects.Call
	// failed are readings of webhooks_failed_total before and after; nil without metrics.
	before, after *observe.Snapshot
	metricsErr    error
	// logged is how many lines say that it was given up.
	logged   int
	hasLogs  bool
	replayed bool  // a replay was declared and run
	replay   error // why it failed
	effects  int   // after the replay
}

var givenUpTrial = lab.Define(lab.Plan{Name: "dead letter", Setting: lab.Alone, Needs: lab.Sink, Requests: 3},
	func(ctx context.Context, r *lab.Run) (g givenUp, err error) {
		if r.Metrics() != nil {
			g.before, g.metricsErr = read(ctx, r)
		}
		ev := r.Event(created)
		r.Sink().Script(ev.ID, effects.Script{Fail: effects.Always})
		start := r.Clock().Now()
		g.event = genuine(ctx, r, ev, "an event whose processing always fails")
		if !g.event.final().Acknowledged() {
			return g, nil
		}
		watchForMore(ctx, r, ev.ID)
		g.calls = r.Sink().Calls(ev.ID)
		r.Waited(start, noOtherFollows(r.Config().Declare.Retries.Attempts))
		if r.Metrics() != nil && g.metricsErr == nil {
			g.after, g.metricsErr = read(ctx, r)
		}
		if r.Logs() != nil {
			g.hasLogs, g.logged = true, r.Logs().DeadLetters(ev.ID)
		}
		if replay := r.Config().Declare.Replay; replay.Declared() && r.Instance() != nil {
			g.replayed = true
			g.replay = runReplay(ctx, r, replay, ev.ID)
			if g.replay == nil {
				g.replay = r.Quiet(ctx) // a second effect has come by then
			}
			g.effects = effects.CountDone(r.Sink().Calls(ev.ID))
		}
		return g, nil
	})

func read(ctx context.Context, r *lab.Run) (*observe.Snapshot, error) {
	s, err := r.Metrics().Read(ctx)
	return &s, err
}

// watchForMore waits for the declared attempts, and then for one more.
func watchForMore(ctx context.Context, r *lab.Run, eventID string) {
	declared := r.Config().Declare.Retries
	for n := 1; n < declared.Attempts; n++ {
		bound, cancel := context.WithTimeout(ctx, 2*declared.Wait(n)+r.Config().Patience)
		_, err := r.Sink().Await(bound, eventID, func(calls []effects.Call) bool { return len(calls) > n })
		cancel()
		if err != nil {
			return // it stopped early, which is judged by other requirements
		}
	}
	watchForAnother(ctx, r, eventID, declared.Attempts)
}

// watchForAnother waits as long as one more attempt after so many would need, at
// the pace that the receiver has shown so far.
func watchForAnother(ctx context.Context, r *lab.Run, eventID string, attempts int) {
	wait := float64(r.Config().Declare.Retries.Wait(attempts)) * pace(r, eventID) * 1.25
	bound, cancel := context.WithTimeout(ctx, time.Duration(wait))
	defer cancel()
	_, _ = r.Sink().Await(bound, eventID, func(calls []effects.Call) bool { return len(calls) > attempts }) // whatever came is judged
}

// pace is how much slower than declared the receiver's waits were, at least 1.
func pace(r *lab.Run, eventID string) float64 {
	slowest := 1.0
	for i, gap := range gaps(r.Sink().Calls(eventID)) {
		slowest = max(slowest, gap.Seconds()/r.Config().Declare.Retries.Wait(i+1).Seconds())
	}
	return slowest
}

// gaps are the waits between the end of one call and the start of the next.
func gaps(calls []effects.Call) (out []time.Duration) {
	for i := 1; i < len(calls); i++ {
		end := calls[i-1].End
		if end.IsZero() {
			end = calls[i-1].Start
		}
		out = append(out, calls[i].Start.Sub(end))
	}
	return out
}

// runReplay lets the downstream succeed and replays the dead letter.
func runReplay(ctx context.Context, r *lab.Run, replay config.Replay, eventID string) error {
	r.Sink().Script(eventID, effects.Script{})
	args, err := config.ExpandArgs("declare.replay.exec", replay.Exec, config.Vars{EventID: eventID})
	if err != nil {
		return err
	}
	if _, err := r.Command(ctx, args); err != nil {
		return err
	}
	bound, cancel := context.WithTimeout(ctx, r.Config().Patience)
	defer cancel()
	_, err = r.Sink().Await(bound, eventID, func(calls []effects.Call) bool { return effects.CountDone(calls) > 0 })
	return err
}

// several leaves out receivers that promise a single attempt.
func several(cfg config.Config) string {
	if cfg.Declare.Retries.Attempts < 2 {
		return "the receiver declares that it does not retry (declare.retries.attempts: 1)"
	}
	return ""
}
