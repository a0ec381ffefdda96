package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// ledger is an observer of what a receiver in this process has processed.
type ledger struct {
	total bool // does not tell events apart

	mu sync.Mutex
	of map[string]int
}

func (*ledger) Name() string     { return "ledger" }
func (l *ledger) PerEvent() bool { return !l.total }

func (l *ledger) Count(_ context.Context, eventID string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.total {
		return l.of[eventID], nil
	}
	sum := 0
	for _, n := range l.of {
		sum += n
	}
	return sum, nil
}

func (l *ledger) add(eventID string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[eventID] += n
}

// standing is an instance that somebody else runs.
type standing struct {
	target.Instance
	url string
	how atomic.Value
}

func (s *standing) BaseURL() string      { return s.url }
func (s *standing) LastOutput() []string { return []string{"last words"} }
func (s *standing) Run(ctx context.Context, _ []string) (string, error) {
	<-ctx.Done()
	return "", errors.New("signal: killed")
}
func (s *standing) Exited() string {
	how, _ := s.how.Load().(string)
	return how
}

// benchFor has a receiver that answers as told; nil acknowledges everything.
func benchFor(t *testing.T, counter observe.Observer, answer http.HandlerFunc) (*bench, *standing, context.Context) {
	t.Helper()
	if answer == nil {
		answer = func(http.ResponseWriter, *http.Request) {}
	}
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	cfg := config.Default()
	cfg.Receiver.Exec = []string{"receiver"}
	cfg.Patience = 100 * time.Millisecond
	l, err := New(Options{Config: cfg, Target: placed{lifecycle: true}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := l.newBench(config.RateLimit{None: true})
	instance := &standing{url: server.URL}
	b.instance, b.counter = instance, counter
	l.benches = []*bench{b}
	ctx, cancel := b.vitals.begin(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return b, instance, ctx
}

// processing is a receiver that counts an event n times, a moment after its answer.
func processing(t *testing.T, book *ledger, n int) http.HandlerFunc {
	var working sync.WaitGroup
	t.Cleanup(working.Wait)
	return func(_ http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(emitter.HeaderDelivery) // new for every event here
		working.Go(func() { book.add(id, n) })
	}
}

func TestSettlingCountsWhatTheObserverTellsApart(t *testing.T) {
	book := &ledger{of: map[string]int{}}
	b, _, ctx := benchFor(t, book, nil)
	b.quiet.reset(1)
	book.add("evt_once", 1)
	book.add("evt_twice", 2)
	r := newRun(b, Plan{Name: "settling"})
	if err := r.Baseline(ctx); err != nil {
		t.Fatal(err)
	}
	tally, err := r.Settle(ctx, []string{"evt_once", "evt_twice"}, []string{"evt_never"})
	if err != nil || tally.Of["evt_once"] != 1 || tally.Of["evt_twice"] != 2 || tally.Of["evt_never"] != 0 || tally.Total != 3 {
		t.Errorf("got %+v, %v", tally, err)
	}
}

func TestSettlingWithTotalsCountsThisExperimentOnly(t *testing.T) {
	book := &ledger{of: map[string]int{"from before": 40}, total: true}
	b, _, ctx := benchFor(t, book, processing(t, book, 1))
	b.quiet.reset(1)
	r := newRun(b, Plan{Name: "settling"})
	if err := r.Baseline(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ev := r.Event("appointment.created")
		if a := r.Send(ctx, r.Deliver(ev)); !a.Acknowledged() {
			t.Fatal(a.Err)
		}
	}
	// The marker that Settle sends is processed as well, and is not the experiment's.
	tally, err := r.Settle(ctx, []string{"a", "b", "c"}, nil)
	if err != nil || tally.Of != nil || tally.Total != 3 {
		t.Errorf("got %+v, %v", tally, err)
	}
}

func TestTotalsCanBeSettledPartByPart(t *testing.T) {
	book := &ledger{total: true, of: map[string]int{}}
	b, _, ctx := benchFor(t, book, processing(t, book, 1))
	r := newRun(b, Plan{Name: "settling"})
	if err := r.Baseline(ctx); err != nil || !r.TotalsOnly() {
		t.Fatal(err)
	}
	for _, want := range []int{2, 0, 1} {
		book.add("evt", want)
		tally, err := r.Settle(ctx, make([]string, want), nil)
		if err != nil || tally.Total != want {
			t.Errorf("got %+v, %v; want a total of %d", tally, err, want)
		}
	}
}

func TestATotalIsNotRidOfAMarkerThatWasRefused(t *testing.T) {
	book := &ledger{total: true, of: map[string]int{}}
	b, _, ctx := benchFor(t, book, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	book.add("evt", 1)
	if tally, err := newRun(b, Plan{Name: "settling"}).Settle(ctx, []string{"evt"}, nil); err != nil || tally.Total != 1 {
		t.Errorf("got %+v, %v", tally, err)
	}
}

// asked counts how often each event was asked for.
type asked struct {
	*ledger
	times map[string]int
}

func (a *asked) Count(ctx context.Context, eventID string) (int, error) {
	a.times[eventID]++
	return a.ledger.Count(ctx, eventID)
}

// Asking may be a command of the user's, which takes its time.
func TestWhatHasBeenProcessedIsNotAskedForAgain(t *testing.T) {
	book := &asked{&ledger{of: map[string]int{"evt_done": 1}}, map[string]int{}}
	b, _, ctx := benchFor(t, book, nil)
	if done, err := newRun(b, Plan{Name: "waiting"}).AwaitProcessed(ctx, "evt_done", "evt_lost", "evt_later"); done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
	if book.times["evt_done"] != 1 || book.times["evt_lost"] < 2 || book.times["evt_later"] != 0 {
		t.Errorf("asked %v times", book.times)
	}
}

func TestACommandThatDoesNotEndIsGivenUp(t *testing.T) {
	b, _, ctx := benchFor(t, nil, nil)
	_, err := newRun(b, Plan{Name: "replaying"}).Command(ctx, []string{"hang"})
	if err == nil || err.Error() != "hang: it was still running after 100ms" {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsCountedWithoutAnObserver(t *testing.T) {
	b, _, ctx := benchFor(t, nil, nil)
	b.quiet.reset(1)
	r := newRun(b, Plan{Name: "settling"})
	if err := r.Baseline(ctx); !errors.Is(err, ErrUnobserved) {
		t.Errorf("baseline: %v", err)
	}
	if _, err := r.Settle(ctx, nil, nil); !errors.Is(err, ErrUnobserved) {
		t.Errorf("settle: %v", err)
	}
}

func TestWhatIsNeverProcessedIsWaitedForNoLongerThanPatience(t *testing.T) {
	book := &ledger{of: map[string]int{}}
	b, _, ctx := benchFor(t, book, nil)
	done, err := newRun(b, Plan{Name: "waiting"}).AwaitProcessed(ctx, "evt_lost")
	if done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
}

func TestCountsAreTakenWhenAllExperimentsHaveComeToRest(t *testing.T) {
	book := &ledger{of: map[string]int{}}
	b, _, ctx := benchFor(t, book, nil)
	b.quiet.reset(3)
	early, late, quitter := newRun(b, Plan{Name: "early"}), newRun(b, Plan{Name: "late"}), newRun(b, Plan{Name: "quitter"})
	counted := make(chan Tally)
	go func() {
		tally, _ := early.Settle(ctx, nil, []string{"evt"}) // its count is judged
		counted <- tally
	}()
	quitter.Leave()
	quitter.Leave() // an experiment that ends has left already when it settled
	book.add("evt", 1)
	select {
	case <-counted:
		t.Fatal("counted while another experiment was at work")
	default:
	}
	if _, err := late.Settle(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	if tally := <-counted; tally.Of["evt"] != 1 {
		t.Errorf("what happened before the last left was not counted: %+v", tally)
	}
}

func TestAnExperimentThatPanicsIsOurFailureAndEndsNothingElse(t *testing.T) {
	b, _, ctx := benchFor(t, nil, nil)
	bad := &scheduled{experiment: Define(Plan{Name: "bad"}, func(context.Context, *Run) (int, error) { panic("a bug") }), done: make(chan struct{})}
	good := &scheduled{experiment: Define(Plan{Name: "good"}, func(ctx context.Context, r *Run) (int, error) { return 7, r.Quiet(ctx) }), done: make(chan struct{})}
	b.perform(ctx, []*scheduled{bad, good})
	if bad.err == nil || good.err != nil || good.evidence != 7 {
		t.Errorf("bad: %v; good: %v, %v", bad.err, good.evidence, good.err)
	}
}

func TestTheSameSeedMakesTheSameDeliveries(t *testing.T) {
	text := func(seed uint64) (out string) {
		b, _, _ := benchFor(t, nil, nil)
		b.lab.seed = seed
		r := newRun(b, Plan{Name: "seeded"})
		for range 3 {
			d := r.Deliver(r.Event("appointment.updated"))
			out += fmt.Sprint(d.ID, string(d.Body))
		}
		return out
	}
	first, again, other := text(1), text(1), text(2)
	if first != again || first == other {
		t.Error("deliveries do not follow from the seed alone")
	}
}
