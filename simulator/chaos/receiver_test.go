package chaos_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

const secret = "whsec_test_0123456789abcdef0123456789abcdef"

// receiver is a small receiver that does what the guide asks, in memory. Each
// flaw is a way in which real ones fail.
type receiver struct {
	downstream string
	backoff    time.Duration
	flaws      flaws
	work       sync.WaitGroup

	mu     sync.Mutex
	seen   map[string]bool
	queued int
}

type flaws struct {
	trustsAnyone    bool // checks no signature
	validatesNot    bool // takes whatever is signed
	forgetsIDs      bool // does not deduplicate
	givesUpAtOnce   bool // does not retry its work
	shortQueue      bool // acknowledges, and drops when its queue is full
	refusesOldTimes bool // refuses events by their age
}

// startReceiver serves a receiver and the sink that it calls.
func startReceiver(t *testing.T, f flaws) (url string, sink *effects.Sink) {
	t.Helper()
	sink, err := effects.New(effects.Options{})
	if err != nil {
		t.Fatal(err)
	}
	downstream := httptest.NewServer(sink)
	r := &receiver{
		downstream: downstream.URL, backoff: 50 * time.Millisecond, flaws: f,
		seen: map[string]bool{},
	}
	server := httptest.NewUnstartedServer(r)
	server.Config.ReadTimeout = 5 * time.Second // or a stalled body holds its connection for ever
	server.Start()
	t.Cleanup(func() {
		server.Close()
		sink.Close()
		r.work.Wait()
		downstream.Close()
	})
	return server.URL, sink
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestTimeout)
		return
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	want := "sha256=" + hex.EncodeToString(h.Sum(nil))
	if !r.flaws.trustsAnyone && !hmac.Equal([]byte(want), []byte(req.Header.Get("X-Moncreneau-Signature"))) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct {
		ID      string
		Created time.Time
	}
	err = json.Unmarshal(body, &event)
	if !r.flaws.validatesNot && (err != nil || !wellFormed(body)) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.flaws.refusesOldTimes && time.Since(event.Created).Abs() > 24*time.Hour {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(r.take(event.ID))
}

// take queues an event and returns the status to answer.
func (r *receiver) take(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] && !r.flaws.forgetsIDs {
		return http.StatusOK
	}
	r.seen[id] = true
	if r.flaws.shortQueue && r.queued >= 8 {
		return http.StatusOK
	}
	r.queued++
	r.work.Go(func() { r.process(id) })
	return http.StatusOK
}

func (r *receiver) process(id string) {
	defer func() { r.mu.Lock(); r.queued--; r.mu.Unlock() }()
	body, _ := json.Marshal(map[string]string{"eventId": id})
	for try := range 3 {
		res, err := http.Post(r.downstream, "application/json", bytes.NewReader(body))
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode < 300 {
				return
			}
		}
		if r.flaws.givesUpAtOnce {
			return
		}
		time.Sleep(r.backoff << try) // the receiver's backoff, as the guide wants it, only shorter
	}
}

// wellFormed judges the envelope: the guide's rules, and no more.
func wellFormed(body []byte) bool {
	var e map[string]json.RawMessage
	if json.Unmarshal(body, &e) != nil {
		return false
	}
	var id, eventType, created string
	var data map[string]json.RawMessage
	var object map[string]any
	if json.Unmarshal(e["id"], &id) != nil || id == "" ||
		json.Unmarshal(e["type"], &eventType) != nil || !strings.HasPrefix(eventType, "appointment.") ||
		json.Unmarshal(e["created"], &created) != nil ||
		json.Unmarshal(e["data"], &data) != nil ||
		json.Unmarshal(data["object"], &object) != nil || object == nil {
		return false
	}
	_, err := time.Parse(time.RFC3339, created)
	known := map[string]bool{"created": true, "updated": true, "cancelled": true, "validated": true, "completed": true}
	return err == nil && known[strings.TrimPrefix(eventType, "appointment.")]
}
