package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if r.bench.counter == nil {
		return errNoObserver
	}
	if r.TotalsOnly() {
		r.AwaitRest(ctx)
	}
	return r.takeBaseline(ctx)
}

// AwaitRest waits until a receiver that others have used before has done what they
// sent, so that a total counts only what is sent from then on.
func (r *Run) AwaitRest(ctx context.Context) {
	if r.Lent() {
		r.mark(ctx)
	}
}

func (r *Run) takeBaseline(ctx context.Context) error {
	counter := r.bench.counter
	if counter == nil || counter.PerEvent() {
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

// TotalsOnly reports whether effects are counted by an observer that does not
// tell events apart. The experiments that count then have a receiver to
// themselves.
func (r *Run) TotalsOnly() bool { return r.bench.counter != nil && !r.bench.counter.PerEvent() }

// AwaitProcessed waits until every one of ids has been processed, within the
// configured patience, and says whether that came about.
func (r *Run) AwaitProcessed(ctx context.Context, ids ...string) (bool, error) {
	if r.bench.counter == nil {
		return false, errNoObserver
	}
	ctx, cancel := context.WithTimeout(ctx, r.Config().Patience)
	defer cancel()
	for missing := ids; ; {
		if how := r.bench.exited(); how != "" {
			return false, r.bench.loss(how)
		}
		var err error
		if missing, err = r.unprocessed(ctx, missing); len(missing) == 0 || err != nil && ctx.Err() == nil {
			return len(missing) == 0, err
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

// unprocessed are the ids from the first on that has not been processed yet:
// what was processed once need not be asked for again. A total answers for all.
func (r *Run) unprocessed(ctx context.Context, ids []string) ([]string, error) {
	counter := r.bench.counter
	if r.TotalsOnly() {
		n, err := counter.Count(ctx, "")
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil && n-r.baseline >= len(ids) {
			return nil, nil
		}
		return ids, wrapUnobserved(err)
	}
	for i, id := range ids {
		if n, err := counter.Count(ctx, id); n == 0 || err != nil {
			return ids[i:], wrapUnobserved(err)
		}
	}
	return nil, nil
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
//
// A total is counted from the last Baseline or Settle on, so an experiment can
// settle more than once where TotalsOnly says that it is alone.
func (r *Run) Settle(ctx context.Context, once, never []string) (Tally, error) {
	if _, err := r.AwaitProcessed(ctx, once...); err != nil {
		return Tally{}, err
	}
	if r.TotalsOnly() {
		return r.total(ctx)
	}
	if err := r.Quiet(ctx); err != nil {
		return Tally{}, err
	}
	return r.each(ctx, slices.Concat(once, never))
}

// each counts every event by itself.
func (r *Run) each(ctx context.Context, ids []string) (Tally, error) {
	counter := r.bench.counter
	t := Tally{Observer: counter.Name(), Of: make(map[string]int, len(ids))}
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

// total counts what has been processed since the baseline, and moves it.
func (r *Run) total(ctx context.Context) (Tally, error) {
	t := Tally{Observer: r.bench.counter.Name()}
	markers := r.mark(ctx)
	if err := context.Cause(ctx); err != nil {
		return t, err
	}
	n, err := r.bench.counter.Count(ctx, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Total = n - r.baseline - markers
	r.baseline = n
	return t, wrapUnobserved(err)
}

// Quiet waits until every experiment on this receiver has come to rest, sends
// one more genuine event, and waits until that is processed. Where effects
// cannot be seen it does not wait for that last step.
func (r *Run) Quiet(ctx context.Context) error {
	r.Leave()
	return r.bench.quiet.wait(ctx, func(ctx context.Context) { r.mark(ctx) })
}

// mark sends one more genuine event and waits until it is processed, and for
// stragglers, which a total does not tell from it. It returns how many events a total
// has to be rid of for that: none if it was refused.
func (r *Run) mark(ctx context.Context) (taken int) {
	r.mu.Lock()
	r.marks++
	marker := newRun(r.bench, Plan{Name: fmt.Sprintf("%s/marker %d", r.name, r.marks)})
	r.mu.Unlock()
	ev := marker.Event(fixtures.Default().EventTypes()[0])
	_ = marker.takeBaseline(ctx) // without it, the marker is waited for in vain
	if a := marker.Send(ctx, marker.Deliver(ev)); !a.Acknowledged() {
		return 0
	}
	if r.bench.counter == nil {
		return 1
	}
	start := r.Clock().Now()
	_, _ = marker.AwaitProcessed(ctx, ev.ID) // the count will tell
	r.Linger(ctx, start)
	return 1
}

// Linger waits for stragglers, twice the time that an event took which was sent at
// start: what was taken before it may be processed and counted just after it.
func (r *Run) Linger(ctx context.Context, start time.Time) {
	r.sleep(ctx, min(max(2*r.Clock().Since(start), shortestLinger), longestLinger))
}

// Between these is how long stragglers are waited for.
const (
	shortestLinger = 250 * time.Millisecond
	longestLinger  = 2 * time.Second
)

// Observers are those on this receiver that tell one event from another, the
// most exact first.
func (r *Run) Observers() []observe.Observer { return r.bench.observers }
