package reference

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
)

const testSecret = "whsec_test"

// newTestReceiver has a queue that nobody processes.
func newTestReceiver(t *testing.T, config Config) *Receiver {
	t.Helper()
	clock := clockwork.NewFakeClock()
	config.DataDir = t.TempDir()
	if config.Secrets == nil {
		config.Secrets = []string{testSecret}
	}
	if config.MaxBody == 0 {
		config.MaxBody = 256 << 10
	}
	worker := Worker{OrderKey: func(Event) string { return "" }}
	queue, err := openQueue(t.Context(), config, worker, zerolog.Nop(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := queue.Close(); err != nil {
			t.Error(err)
		}
	})
	return newReceiver(config, queue, newMetrics(), NewLog(io.Discard), clock)
}

func testBody(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"appointment.created","created":"2026-01-21T14:30:00Z","data":{"object":`+
		`{"id":7,"departmentId":3,"department":{"id":3,"name":"État civil","organization":{"id":1,"name":"Mairie de Matam"}},`+
		`"dateTime":"2026-01-25T10:00:00","status":"SCHEDULED","name":"Aïssatou Ngoué","phone":"+224622000000",`+
		`"createdAt":"2026-01-21T14:30:00Z"}}}`, id)
}

func testEvent(t *testing.T, id string) Event {
	t.Helper()
	event, err := parseEvent([]byte(testBody(id)))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func delivery(body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, WebhookPath, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Moncreneau-Event", "appointment.created")
	req.Header.Set("X-Moncreneau-Delivery", "dlv_1")
	req.Header.Set("X-Moncreneau-Signature", sign(testSecret, body))
	return req
}

func depth(t *testing.T, q Queue) int {
	t.Helper()
	stats, err := q.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return stats.Depth
}

func TestADelivery(t *testing.T) {
	body := testBody("evt_1")
	tests := []struct {
		name   string
		config Config
		change func(*http.Request)
		body   string
		status int
		code   string
	}{
		{name: "that is right is acknowledged", status: 200, code: "accepted"},
		{name: "with an event type header that says something else is refused", status: 400, code: "event_type_mismatch",
			change: func(r *http.Request) { r.Header.Set("X-Moncreneau-Event", "appointment.cancelled") }},
		{name: "that is not JSON by its content type is refused", status: 415, code: "unsupported_media_type",
			change: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
		{name: "in JSON with a character set is acknowledged", status: 200, code: "accepted",
			change: func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }},
		{name: "without a signature is refused", status: 401, code: "invalid_signature",
			change: func(r *http.Request) { r.Header.Del("X-Moncreneau-Signature") }},
		{name: "that is invalid and unsigned is refused for the signature", status: 401, code: "invalid_signature",
			body: "{}", change: func(r *http.Request) { r.Header.Del("X-Moncreneau-Signature") }},
		{name: "that is too large is refused", status: 413, code: "body_too_large", config: Config{MaxBody: 10}},
		{name: "of unknown length that is too large is refused", status: 413, code: "body_too_large", config: Config{MaxBody: 10},
			change: func(r *http.Request) { r.ContentLength = -1 }},
		{name: "of unknown length is acknowledged", status: 200, code: "accepted",
			change: func(r *http.Request) { r.ContentLength = -1 }},
		{name: "that ends too early is refused", status: 400, code: "incomplete_body",
			change: func(r *http.Request) { r.ContentLength++ }},
		{name: "signed with the previous secret is acknowledged", status: 200, code: "accepted",
			config: Config{Secrets: []string{"whsec_new", testSecret}}},
		{name: "whose id is there twice is refused", status: 400, code: "invalid_payload",
			body: strings.Replace(body, `{"id":"evt_1",`, `{"id":"evt_1","id":"evt_2",`, 1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newTestReceiver(t, test.config)
			if test.body == "" {
				test.body = body
			}
			req := delivery(test.body)
			if test.change != nil {
				test.change(req)
			}
			w := exchange(t, r, req)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.code) {
				t.Errorf("answered %d %s, want %d %s", w.Code, w.Body, test.status, test.code)
			}
			want := 0
			if test.status == 200 {
				want = 1
			}
			if got := depth(t, r.queue); got != want {
				t.Errorf("%d events in the queue, want %d", got, want)
			}
		})
	}
}

func TestADuplicateIsAcknowledgedAndTheFirstBodyWins(t *testing.T) {
	r := newTestReceiver(t, Config{})
	other := strings.Replace(testBody("evt_1"), "SCHEDULED", "CANCELLED", 1)
	for i, body := range []string{testBody("evt_1"), testBody("evt_1"), other} {
		w := exchange(t, r, delivery(body))
		want := "duplicate"
		if i == 0 {
			want = "accepted"
		}
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("delivery %d: answered %d %s, want 200 %s", i, w.Code, w.Body, want)
		}
	}
	if got := depth(t, r.queue); got != 1 {
		t.Errorf("%d events in the queue, want 1", got)
	}
}

func TestARefusedDeliveryDoesNotUseUpItsID(t *testing.T) {
	r := newTestReceiver(t, Config{RateLimit: RateLimit{1, time.Minute}})
	unsigned := delivery(testBody("evt_1"))
	unsigned.Header.Set("X-Moncreneau-Signature", sign("other", testBody("evt_1")))
	first := delivery(testBody("evt_0"))
	for _, step := range []struct {
		req  *http.Request
		want int
	}{{unsigned, 401}, {first, 200}, {delivery(testBody("evt_1")), 429}} {
		w := exchange(t, r, step.req)
		if w.Code != step.want {
			t.Fatalf("answered %d %s, want %d", w.Code, w.Body, step.want)
		}
	}
	r.clock.(*clockwork.FakeClock).Advance(time.Minute)
	w := exchange(t, r, delivery(testBody("evt_1")))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "accepted") {
		t.Errorf("answered %d %s, want 200 accepted", w.Code, w.Body)
	}
}

func TestEveryReasonForARefusalIsCountedFromTheStart(t *testing.T) {
	families, err := newMetrics().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "webhook_refusals_total" {
			if got := len(family.GetMetric()); got != len(refusalCodes) {
				t.Errorf("%d reasons, expected %d", got, len(refusalCodes))
			}
			return
		}
	}
	t.Error("webhook_refusals_total is not there before the first refusal")
}
