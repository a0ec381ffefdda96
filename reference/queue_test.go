package reference

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
)

// recorder is a Worker's far end: it counts attempts and fails those it is told to.
type recorder struct {
	mu       sync.Mutex
	attempts map[string]int
	order    []string
	fail     func(event Event, attempt int) error
	changed  chan struct{}
}

func newRecorder() *recorder {
	return &recorder{attempts: map[string]int{}, changed: make(chan struct{}, 1000)}
}

func (r *recorder) attempt(_ context.Context, event Event, attempt int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.changed <- struct{}{} }()
	r.attempts[event.ID]++
	r.order = append(r.order, event.ID)
	if r.fail != nil {
		return r.fail(event, attempt)
	}
	return nil
}

func (r *recorder) worker() Worker {
	return Worker{
		Attempt: r.attempt,
		Failed: func(_ Event, attempt int, _ error) (time.Duration, bool) {
			return 10 * time.Millisecond, attempt >= 3
		},
		OrderKey:    func(Event) string { return "" },
		Concurrency: 4,
		Grace:       time.Second,
	}
}

func (r *recorder) of(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attempts[id]
}

// open is a way to open the same queue again.
type open func(t *testing.T, worker Worker) Queue

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, open open)) {
	engines := map[string]func(t *testing.T) Config{
		"SQLite":     func(t *testing.T) Config { return Config{DataDir: t.TempDir()} },
		"PostgreSQL": func(t *testing.T) Config { return Config{DatabaseURL: postgresURL(t)} },
	}
	for name, configure := range engines {
		t.Run(name, func(t *testing.T) {
			config := configure(t)
			config.Workers, config.AttemptTimeout = 4, time.Minute
			config.Retry = Retry{Attempts: 3, Backoff: 10 * time.Millisecond}
			test(t, func(t *testing.T, worker Worker) Queue {
				q, err := openQueue(t.Context(), config, worker, zerolog.Nop(), clockwork.NewRealClock())
				if err != nil {
					t.Fatal(err)
				}
				return q
			})
		})
	}
}

// process processes until the returned function is called, which also closes the queue.
func process(t *testing.T, q Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Process(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-done, q.Close()); err != nil {
			t.Error(err)
		}
	}
}

func accept(t *testing.T, q Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		event, err := parseEvent([]byte(testBody(id)))
		if err != nil {
			t.Fatal(err)
		}
		if duplicate, err := q.Accept(t.Context(), event); duplicate || err != nil {
			t.Fatalf("accept %s: duplicate %v, %v", id, duplicate, err)
		}
	}
}

func isDuplicate(t *testing.T, q Queue, id string) bool {
	t.Helper()
	event, err := parseEvent([]byte(testBody(id)))
	if err != nil {
		t.Fatal(err)
	}
	duplicate, err := q.Accept(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return duplicate
}

// eventually waits for what must come; the bound is only for a test that fails.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func drained(t *testing.T, q Queue) {
	t.Helper()
	eventually(t, "the queue is empty", func() bool { return depth(t, q) == 0 })
}

func TestAnAcceptedEventIsProcessedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		r := newRecorder()
		q := open(t, r.worker())
		stop := process(t, q)
		accept(t, q, "evt_1", "evt_2")
		drained(t, q)
		if !isDuplicate(t, q, "evt_1") {
			t.Error("evt_1 was accepted twice")
		}
		stop()
		if r.of("evt_1") != 1 || r.of("evt_2") != 1 {
			t.Errorf("attempts: %v, want one each", r.attempts)
		}
	})
}

func TestWhatWasAcceptedSurvivesARestart(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		r := newRecorder()
		q := open(t, r.worker())
		accept(t, q, "evt_1")
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = open(t, r.worker())
		if !isDuplicate(t, q, "evt_1") {
			t.Error("evt_1 was forgotten")
		}
		stop := process(t, q)
		drained(t, q)
		stop()
		if r.of("evt_1") != 1 {
			t.Errorf("%d attempts, want 1", r.of("evt_1"))
		}
	})
}

func TestAFailureIsRetriedAndThenADeadLetterThatCanBeReplayed(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		r := newRecorder()
		broken := true
		r.fail = func(event Event, attempt int) error {
			switch {
			case event.ID == "evt_weak" && attempt < 3:
				return errors.New("not yet")
			case event.ID == "evt_dead" && broken:
				return errors.New("downstream is broken")
			}
			return nil
		}
		q := open(t, r.worker())
		stop := process(t, q)
		defer func() { stop() }()
		accept(t, q, "evt_weak", "evt_dead")
		drained(t, q)
		if r.of("evt_weak") != 3 || r.of("evt_dead") != 3 {
			t.Fatalf("attempts: %v, want three each", r.attempts)
		}
		letters, err := q.DeadLetters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(letters) != 1 || letters[0].EventID != "evt_dead" || letters[0].EventType != TypeCreated ||
			letters[0].Reason != "downstream is broken" || letters[0].Attempts != 3 {
			t.Fatalf("dead letters: %+v", letters)
		}
		if !isDuplicate(t, q, "evt_dead") {
			t.Error("a dead letter was accepted again")
		}

		r.mu.Lock()
		broken = false
		r.mu.Unlock()
		if _, err := q.Replay(t.Context(), "evt_other"); !errors.Is(err, errNotADeadLetter) {
			t.Errorf("replay of an unknown event: %v", err)
		}
		if n, err := q.Replay(t.Context(), "evt_dead"); n != 1 || err != nil {
			t.Fatalf("replay: %d, %v", n, err)
		}
		eventually(t, "the dead letter is processed", func() bool { return r.of("evt_dead") == 4 })
		drained(t, q)
		if letters, err := q.DeadLetters(t.Context()); len(letters) != 0 || err != nil {
			t.Errorf("dead letters after the replay: %v, %v", letters, err)
		}
	})
}

func TestEventsWithTheSameKeyKeepTheirOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		r := newRecorder()
		r.fail = func(event Event, attempt int) error {
			if event.ID == "evt_0" && attempt == 1 {
				return errors.New("not yet")
			}
			return nil
		}
		worker := r.worker()
		worker.OrderKey = func(Event) string { return "appointment 7" }
		q := open(t, worker)
		var ids []string
		for i := range 8 {
			ids = append(ids, "evt_"+strconv.Itoa(i))
		}
		accept(t, q, ids...)
		stop := process(t, q)
		drained(t, q)
		stop()
		if want := append([]string{"evt_0"}, ids...); !slices.Equal(r.order, want) {
			t.Errorf("attempts in the order %v, want %v", r.order, want)
		}
	})
}

func TestPurgeForgetsOnlyWhatIsDone(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		r := newRecorder()
		r.fail = func(event Event, _ int) error {
			if event.ID == "evt_dead" {
				return errors.New("broken")
			}
			return nil
		}
		q := open(t, r.worker())
		stop := process(t, q)
		accept(t, q, "evt_done", "evt_dead")
		drained(t, q)
		stop()
		q = open(t, r.worker())
		defer q.Close()
		accept(t, q, "evt_waiting")
		if n, err := q.Purge(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
			t.Errorf("purge of what is older than an hour: %d, %v", n, err)
		}
		if n, err := q.Purge(t.Context(), time.Now().Add(time.Second)); n != 2 || err != nil {
			t.Errorf("purge of everything: %d, %v; want 2", n, err)
		}
		if got := depth(t, q); got != 1 {
			t.Errorf("%d in the queue, want 1", got)
		}
	})
}

func TestTheIDOfAProcessedEventIsForgottenAfterAWhile(t *testing.T) {
	for _, config := range []Config{{DataDir: t.TempDir()}, {DatabaseURL: postgresURL(t)}} {
		config.Workers, config.AttemptTimeout = 4, time.Minute
		config.Retention = time.Millisecond
		r := newRecorder()
		q, err := openQueue(t.Context(), config, r.worker(), zerolog.Nop(), clockwork.NewRealClock())
		if err != nil {
			t.Fatal(err)
		}
		stop := process(t, q)
		accept(t, q, "evt_1")
		eventually(t, "evt_1 is accepted as a new event", func() bool { return !isDuplicate(t, q, "evt_1") })
		stop()
	}
}

func TestConcurrentDuplicatesAreAcceptedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open open) {
		q := open(t, newRecorder().worker())
		defer q.Close()
		var fresh int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				event, _ := parseEvent([]byte(testBody("evt_1")))
				duplicate, err := q.Accept(context.Background(), event)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if !duplicate {
					fresh++
				}
			})
		}
		wg.Wait()
		if fresh != 1 {
			t.Errorf("accepted %d times", fresh)
		}
	})
}
