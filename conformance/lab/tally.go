package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/fixtures"
)

// Tally is how often events were processed, counted when nothing more was to come.
type Tally struct {
	// Observer names what counted.
	Observer string
	// Of has a count for each event, where the observer tells events apart;
	// else it is nil, and Total is all there is.
	Of map[string]int
	// Total is the number of effects of the experiment's own events.
	Total int
}

// ErrUnobserved says that effects could not be counted.
var ErrUnobserved = errors.New("effects cannot be counted")

var errNoObserver = fmt.Errorf("%w: no observer is configured", ErrUnobserved)

// watchEvery is how often counters are read that cannot tell of a change.
const watchEvery = 25 * time.Millisecond

// Baseline must be called before the first event is sent by experiments that
// count effects.
func (r *Run) Baseline(ctx context.Context) error {
	counter := r.bench.counter
	if counter == nil {
		return errNoObserver
	}
	if counter.PerEvent() {
		return nil
	}
	n, err := counter.Count(ctx, "")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnobserved, err)
	}
	r.mu.Lock()
	r.baseline = n
	r.mu.Unlock()
	return nil
}

// AwaitProcessed waits until every one of ids has been processed, within the
// configured patience, and says whether that came about.
func (r *Run) AwaitProcessed(ctx context.Context, ids ...string) (bool, error) {
	if r.bench.counter == nil {
		return false, errNoObserver
	}
	ctx, cancel := context.WithTimeout(ctx, r.Config().Patience)
	defer cancel()
	for {
		if how := r.bench.exited(); how != "" {
			return false, r.bench.loss(how)
		}
		done, err := r.processed(ctx, ids)
		if done || err != nil && ctx.Err() == nil {
			return done, err
		}
		if !r.sleep(ctx, watchEvery) {
			return false, r.lost()
		}
	}
}

// lost is the error that the receiver is lost, nil while it is there.
func (r *Run) lost() error {
	if lost := r.bench.vitals.isLost(); lost != nil {
		return lost
	}
	return nil
}

// Until repeats a look until it says that it has seen what was to be seen, or
// the configured patience ends.
func (r *Run) Until(ctx context.Context, seen func() bool) {
	ctx, cancel := context.WithTimeout(ctx, r.Config().Patience)
	defer cancel()
	for !seen() {
		if !r.sleep(ctx, watchEvery) {
			return
		}
	}
}

func (r *Run) processed(ctx context.Context, ids []string) (bool, error) {
	counter := r.bench.counter
	if !counter.PerEvent() {
		n, err := counter.Count(ctx, "")
		return err == nil && n-r.baseline >= len(ids), wrapUnobserved(err)
	}
	for _, id := range ids {
		if n, err := counter.Count(ctx, id); n == 0 || err != nil {
			return false, wrapUnobserved(err)
		}
	}
	return true, nil
}

func wrapUnobserved(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnobserved, err)
}

// Settle waits until once have been processed, then until every experiment on
// this receiver has come to rest and one more genuine event has gone all the
// way through, and then counts once and never. Whatever the receiver wrongly
// took from never has had as much time as the events that came after it.
func (r *Run) Settle(ctx context.Context, once, never []string) (Tally, error) {
	if _, err := r.AwaitProcessed(ctx, once...); err != nil {
		return Tally{}, err
	}
	if err := r.Quiet(ctx); err != nil {
		return Tally{}, err
	}
	return r.count(ctx, append(append([]string(nil), once...), never...))
}

func (r *Run) count(ctx context.Context, ids []string) (Tally, error) {
	counter := r.bench.counter
	t := Tally{Observer: counter.Name()}
	if !counter.PerEvent() {
		n, err := counter.Count(ctx, "")
		t.Total = n - r.baseline - markers
		return t, wrapUnobserved(err)
	}
	t.Of = make(map[string]int, len(ids))
	for _, id := range ids {
		n, err := counter.Count(ctx, id)
		if err != nil {
			return t, wrapUnobserved(err)
		}
		t.Of[id] = n
		t.Total += n
	}
	return t, nil
}

// markers is how many events Quiet sends of its own. It is counted in totals
// only where the experiment is alone, so it is always this experiment's.
const markers = 1

// Quiet waits until every experiment on this receiver has come to rest, sends
// one more genuine event, and waits until that is processed. Where effects
// cannot be seen it does not wait for that last step.
func (r *Run) Quiet(ctx context.Context) error {
	r.leave()
	return r.bench.quiet.wait(ctx, func(ctx context.Context) {
		marker := newRun(r.bench, Plan{Name: r.name + "/marker"})
		ev := marker.Event(fixtures.Default().EventTypes()[0])
		marker.baseline = r.total(ctx)
		if a := marker.Send(ctx, marker.Deliver(ev)); a.Acknowledged() && r.bench.counter != nil {
			_, _ = marker.AwaitProcessed(ctx, ev.ID)
		}
	})
}

// total is the reading of a counter that does not tell events apart, else 0.
func (r *Run) total(ctx context.Context) int {
	if r.bench.counter == nil || r.bench.counter.PerEvent() {
		return 0
	}
	n, err := r.bench.counter.Count(ctx, "")
	if err != nil {
		return 0
	}
	return n
}

// Observers are those on this receiver that tell one event from another, the
// most exact first.
func (r *Run) Observers() []observe.Observer { return r.bench.observers }
