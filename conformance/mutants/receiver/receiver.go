package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
)

const path = "/webhooks/moncreneau"

// receiver judges deliveries, keeps them and acknowledges them.
type receiver struct {
	settings
	store   *store
	worker  *worker
	limiter *limiter
	metrics *metrics
	log     *slog.Logger

	// What follows is used by single mutants only.
	oneByOne sync.Mutex
	recent   atomic.Int64 // events of the last two seconds
	memory   sync.Map     // of what should be in the store
}

func newReceiver(s settings, store *store, log *slog.Logger) *receiver {
	m := newMetrics(s.mutant)
	return &receiver{
		settings: s, store: store, log: log, metrics: m,
		limiter: &limiter{settings: s},
		worker:  newWorker(s, store, m, log),
	}
}

// routes is the receiver's handler. No event is started on after working has ended.
func (r *receiver) routes(working context.Context) http.Handler {
	mux := http.NewServeMux()
	pattern := "POST " + path
	if r.mutant == "takes-any-method" {
		pattern = path
	}
	mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) { r.receive(working, w, req) })
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("GET /metrics", r.metrics.handler())
	return mux
}

// refusal is an answer that acknowledges nothing.
type refusal struct {
	status int
	reason string
	leak   string // what mutants tell with it
}

func (r *receiver) receive(working context.Context, w http.ResponseWriter, req *http.Request) {
	ev, refused := r.judge(w, req)
	if refused != nil {
		r.log.Warn("Webhook refused", "event", ev, "status", refused.status, "reason", refused.reason)
		r.misuse(working, ev, refused.status)
		respond(w, refused.status, map[string]string{"error": refused.reason + refused.leak})
		return
	}
	isNew, err := r.accept(working, ev)
	if err != nil {
		r.log.Error("Journal cannot be written", "event", ev, "error", err.Error())
		respond(w, http.StatusServiceUnavailable, map[string]string{"error": "try again later"})
		return
	}
	message := "Webhook accepted"
	if !isNew {
		message = "Webhook known already"
	}
	r.log.Info(message, "event", ev)
	switch {
	case r.mutant == "slow-ack" && ev.Type == "appointment.completed":
		time.Sleep(r.slow)
	case r.mutant == "refuses-duplicates" && !isNew:
		respond(w, http.StatusConflict, map[string]string{"error": "known already"})
		return
	case r.mutant == "metrics-count-duplicates" && !isNew:
		r.metrics.processed()
	}
	respond(w, http.StatusOK, map[string]bool{"received": true})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender may be gone
}

// accept keeps ev, and starts on it if it is new.
func (r *receiver) accept(working context.Context, ev event) (isNew bool, err error) {
	switch r.mutant {
	case "accepts-what-is-not-json", "accepts-deep-nesting":
		if ev.ID == "" {
			return true, nil // there is nothing to be done
		}
	case "acks-unknown-types":
		if !slices.Contains(fixtures.Default().EventTypes(), ev.Type) {
			return true, nil
		}
	case "accepts-one-by-one":
		r.oneByOne.Lock()
		defer r.oneByOne.Unlock()
		time.Sleep(r.slow / 40)
	case "dedupe-on-delivery-id":
		ev.Key = ev.DeliveryID
	case "dedupe-on-content":
		sum := sha256.Sum256(ev.Data)
		ev.Key = hex.EncodeToString(sum[:])
	case "dedupe-on-appointment":
		if first, known := r.memory.LoadOrStore(appointmentOf(ev), ev.ID); known && first != ev.ID {
			return false, nil
		}
	case "no-dedupe":
		ev.Key = fmt.Sprintf("%s/%d", ev.ID, time.Now().UnixNano())
	case "looks-up-then-records":
		if r.store.knows(ev.Key) {
			return false, nil
		}
		time.Sleep(50 * time.Millisecond)
		r.store.forget(ev.Key)
	case "ack-before-persist":
		if _, known := r.memory.LoadOrStore(ev.ID, true); !known && !r.store.knows(ev.Key) {
			r.worker.running.Go(func() {
				time.Sleep(100 * time.Millisecond)
				_, _ = r.keep(working, ev)
			})
			return true, nil
		}
	}
	return r.keep(working, ev)
}

func (r *receiver) keep(working context.Context, ev event) (isNew bool, err error) {
	isNew, err = r.store.accept(ev)
	if err != nil || !isNew {
		return false, err
	}
	r.metrics.received()
	if r.mutant == "drops-events-when-busy" && r.tooBusy(ev) {
		return true, r.store.set(done, ev)
	}
	finished := r.worker.start(working, ev)
	if r.mutant == "works-before-answering" {
		<-finished
	}
	return true, nil
}

// misuse is what some mutants do with an event that they refuse.
func (r *receiver) misuse(working context.Context, ev event, status int) {
	if ev.ID == "" {
		return
	}
	switch {
	case r.mutant == "processes-what-it-refuses-as-invalid" && status == http.StatusBadRequest,
		r.mutant == "processes-despite-wrong-signature" && status == http.StatusUnauthorized:
		_, _ = r.keep(working, ev)
	case r.mutant == "invalid-id-used-up" && status == http.StatusBadRequest,
		r.mutant == "refused-id-used-up" && status == http.StatusUnauthorized,
		r.mutant == "throttled-id-used-up" && status == http.StatusTooManyRequests:
		_ = r.store.set(done, ev)
	}
}

// tooBusy reports whether a mutant drops ev, as one of the less important kind
// that comes after many others.
func (r *receiver) tooBusy(ev event) bool {
	const most = 20
	count := r.recent.Add(1)
	time.AfterFunc(2*time.Second, func() { r.recent.Add(-1) })
	return count > most && ev.Type == "appointment.completed"
}

// appointmentOf is the id of the appointment that ev is about.
func appointmentOf(ev event) string {
	var data struct {
		Object struct {
			ID json.Number `json:"id"`
		} `json:"object"`
	}
	_ = json.Unmarshal(ev.Data, &data) // it has been validated
	return data.Object.ID.String()
}
