package delivery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// These tests run in bubbles of testing/synctest: time stands still while
// anything can run and then jumps to the next timer, so that days pass in
// milliseconds and every time is exact.

// rig is an engine whose endpoints are functions in the same process.
type rig struct {
	t      *testing.T
	store  *store.Store
	engine *Engine
	begun  time.Time

	mu       sync.Mutex
	handlers map[string]http.HandlerFunc // by host
	seen     []seen
}

// seen is a request that an endpoint got.
type seen struct {
	after    time.Duration // since the rig was begun
	host     string
	wireID   string
	header   http.Header
	body     []byte
	verified bool // with the secret of the webhook
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	state, err := store.Open(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: state, begun: time.Now(), handlers: map[string]http.HandlerFunc{}}
	o.Store, o.Policy = state, endpoint.Policy{AllowHosts: []string{"a", "b"}}
	r.engine = New(o)
	r.engine.sender.client = &http.Client{Transport: r}
	return r
}

// run delivers until f returns; f waits with synctest.Wait or time.Sleep.
func (r *rig) run(f func(ctx context.Context)) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	ended := make(chan error)
	go func() { ended <- r.engine.Run(ctx) }()
	synctest.Wait()
	f(ctx)
	stop()
	if err := <-ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

const testSecret = "whsec_test_0123456789abcdef0123456789abcdef"

// RoundTrip plays the network: it lets the handler of the host answer.
func (r *rig) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write(body)
	r.mu.Lock()
	r.seen = append(r.seen, seen{
		after: time.Since(r.begun), host: req.URL.Host, header: req.Header, body: body, wireID: req.Header.Get("X-Moncreneau-Delivery"),
		verified: req.Header.Get("X-Moncreneau-Signature") == "sha256="+hex.EncodeToString(mac.Sum(nil)),
	})
	handler := r.handlers[req.URL.Host]
	r.mu.Unlock()
	recorder := httptest.NewRecorder()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		handler(recorder, req)
	}()
	select {
	case <-answered:
		return recorder.Result(), nil
	case <-req.Context().Done():
		<-answered
		return nil, req.Context().Err()
	}
}

func (r *rig) requests() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// endpoint registers http://host/ for every event, answered by handler.
func (r *rig) endpoint(host string, handler http.HandlerFunc) store.Webhook {
	r.t.Helper()
	w := store.Webhook{ID: "wh_" + host, URL: "http://" + host + "/", Events: fixtures.Default().EventTypes(), Secret: testSecret, Active: true, CreatedAt: time.Now()}
	r.mu.Lock()
	r.handlers[host] = handler
	r.mu.Unlock()
	r.do(func(tx *store.Tx) error { return tx.PutWebhook(w) })
	return w
}

var generator = fixtures.NewGenerator(7)

// event enqueues a new event and returns its deliveries.
func (r *rig) event() []store.Delivery {
	r.t.Helper()
	ev := generator.Event("appointment.created")
	var made []store.Delivery
	r.do(func(tx *store.Tx) (err error) {
		made, err = endpoint.Enqueue(tx, store.Event{ID: ev.ID, Type: ev.Type, Created: ev.Created, Body: ev.Body}, store.BecauseOfChange, time.Now())
		return err
	})
	return made
}

func (r *rig) do(f func(*store.Tx) error) {
	r.t.Helper()
	if err := r.store.Do(context.WithoutCancel(r.t.Context()), f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) delivery(id int64) (d store.Delivery) {
	r.t.Helper()
	r.do(func(tx *store.Tx) (err error) { d, err = tx.Delivery(id); return err })
	return d
}

func (r *rig) webhook(id string) (w store.Webhook) {
	r.t.Helper()
	r.do(func(tx *store.Tx) (err error) { w, err = tx.Webhook(id); return err })
	return w
}

func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func times(requests []seen) []time.Duration {
	list := make([]time.Duration, len(requests))
	for i, r := range requests {
		list[i] = r.after
	}
	return list
}

// bubble runs f with a rig in a bubble of its own.
func bubble(t *testing.T, o Options, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o)
		f(t, r)
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSchedulesAreKeptToTheSecond(t *testing.T) {
	for name, want := range map[string][]time.Duration{
		"guide": {0, 2 * time.Second, 6 * time.Second, 14 * time.Second},
		"svix": {0, 5 * time.Second, 5*time.Minute + 5*time.Second, 35*time.Minute + 5*time.Second, 2*time.Hour + 35*time.Minute + 5*time.Second,
			7*time.Hour + 35*time.Minute + 5*time.Second, 17*time.Hour + 35*time.Minute + 5*time.Second, 27*time.Hour + 35*time.Minute + 5*time.Second},
		// The last entry is the specification's own sum: 75:35:05.
		"standard-webhooks": {0, 5 * time.Second, 5*time.Minute + 5*time.Second, 35*time.Minute + 5*time.Second, 2*time.Hour + 35*time.Minute + 5*time.Second,
			7*time.Hour + 35*time.Minute + 5*time.Second, 17*time.Hour + 35*time.Minute + 5*time.Second, 31*time.Hour + 35*time.Minute + 5*time.Second,
			51*time.Hour + 35*time.Minute + 5*time.Second, 75*time.Hour + 35*time.Minute + 5*time.Second},
		"none":     {0},
		"1ms, 72h": {0, time.Millisecond, 72*time.Hour + time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			schedule, err := ParseSchedule(name)
			if err != nil {
				t.Fatal(err)
			}
			bubble(t, Options{Schedule: schedule}, func(t *testing.T, r *rig) {
				r.endpoint("a", answering(http.StatusInternalServerError))
				r.run(func(context.Context) {
					id := r.event()[0].ID
					time.Sleep(7 * 24 * time.Hour)
					if got := times(r.requests()); !slices.Equal(got, want) {
						t.Errorf("attempts at %v, want %v", got, want)
					}
					if d := r.delivery(id); d.State != store.Failed || d.Attempts != len(want) || d.LastStatus != 500 {
						t.Errorf("in the end %+v", d)
					}
				})
			})
		})
	}
}

func TestEveryAttemptIsFreshlySignedUnderANewDeliveryID(t *testing.T) {
	bubble(t, Options{Schedule: Schedule{time.Second, time.Second}}, func(t *testing.T, r *rig) {
		r.endpoint("a", answering(http.StatusBadGateway))
		r.run(func(context.Context) {
			r.event()
			time.Sleep(time.Minute)
			ids := map[string]bool{}
			for _, request := range r.requests() {
				ids[request.wireID] = true
				if !request.verified || string(request.body) != string(r.requests()[0].body) {
					t.Errorf("verified: %t, body %s", request.verified, request.body)
				}
			}
			if len(ids) != 3 {
				t.Errorf("%d delivery ids in 3 attempts", len(ids))
			}
		})
	})
}

func TestWhatCountsAsAcknowledged(t *testing.T) {
	redirect := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://b/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		state   store.State
		status  int
	}{
		"200":                          {answering(200), store.Delivered, 200},
		"202":                          {answering(202), store.Delivered, 202},
		"204":                          {answering(204), store.Delivered, 204},
		"404 is a failure":             {answering(404), store.Failed, 404},
		"a redirect is not followed":   {redirect, store.Failed, 307},
		"silence for 5 s is a failure": {hang, store.Failed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{}, func(t *testing.T, r *rig) {
				r.endpoint("a", c.handler)
				r.run(func(context.Context) {
					id := r.event()[0].ID
					time.Sleep(5*time.Second + time.Millisecond)
					if d := r.delivery(id); d.State != c.state || d.LastStatus != c.status {
						t.Errorf("%+v", d)
					}
					for _, request := range r.requests() {
						if request.host != "a" {
							t.Errorf("a request went to %s", request.host)
						}
					}
				})
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		want  time.Duration // of the second attempt
	}{
		"seconds":                          {"30", 30 * time.Second},
		"less than the schedule's wait":    {"1", 2 * time.Second},
		"a date":                           {"Sat, 01 Jan 2000 00:01:00 GMT", time.Minute}, // bubbles begin in 2000
		"a date that has passed":           {"Fri, 31 Dec 1999 00:00:00 GMT", 2 * time.Second},
		"more than a day is taken as one":  {"604800", 24 * time.Hour},
		"nonsense":                         {"soon", 2 * time.Second},
		"a number beyond 64 bits is noise": {"99999999999999999999", 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{Schedule: Schedule{2 * time.Second}}, func(t *testing.T, r *rig) {
				r.endpoint("a", func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", c.value)
					w.WriteHeader(http.StatusTooManyRequests)
				})
				r.run(func(context.Context) {
					r.event()
					time.Sleep(48 * time.Hour)
					if got := times(r.requests()); len(got) != 2 || got[1] != c.want {
						t.Errorf("attempts at %v, want the second at %s", got, c.want)
					}
				})
			})
		})
	}
}

func TestJitterOnlyLengthens(t *testing.T) {
	waits := map[time.Duration]bool{}
	for id := range int64(100) {
		wait := jittered(10*time.Second, 0.1, id, 1)
		if wait < 10*time.Second || wait > 11*time.Second {
			t.Fatalf("delivery %d waits %s", id, wait)
		}
		if again := jittered(10*time.Second, 0.1, id, 1); again != wait {
			t.Fatalf("delivery %d waits %s, then %s", id, wait, again)
		}
		waits[wait] = true
	}
	if len(waits) < 90 {
		t.Errorf("100 deliveries have only %d different waits", len(waits))
	}
	if wait := jittered(time.Second, 0, 1, 1); wait != time.Second {
		t.Errorf("without jitter it waits %s", wait)
	}
}

func TestClockIsInjected(t *testing.T) {
	e := New(Options{Store: openStore(t), Clock: clockwork.NewFakeClock()})
	if e.sender.clock != e.Clock {
		t.Error("attempts are measured with another clock")
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	state, err := store.Open(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return state
}
