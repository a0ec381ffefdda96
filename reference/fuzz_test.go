package reference

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// FuzzReceiver sends what nobody would: any signature headers, body and query. Nothing
// may panic, be answered with a 5xx or tell a secret, the query changes nothing, and
// nothing has an effect but an event that is signed and, as another reader of JSON
// sees it, one of moncreneau's. The handler sees what was accepted, and only that.
func FuzzReceiver(f *testing.F) {
	body := testBody("evt_fuzz")
	f.Add(sign(testSecret, body), body, "", false)
	f.Add("sha256=", "", "a=b", true)
	f.Add("", `{"id":"\u0000","type":"appointment.created"}`, "%", true)
	f.Add("sha256=zz", strings.Repeat("[", 1000), ";", true)
	f.Add(sign(testSecret, body)+"\n"+sign(testSecret, body), body, "", false)
	f.Add(sign(testSecret, body)+"zz", strings.Replace(body, "2026", "9e9", 1), "x", true)
	for _, eventType := range []string{TypeUpdated, TypeCancelled, TypeValidated, TypeCompleted} {
		more := `}},"updatedAt":"2026-01-21T14:30:00Z","changes":{"status":{"from":"a"}},"cancelledAt":"2026-01-21T14:30:00Z","cancelledBy":"user",`
		f.Add("", strings.NewReplacer(TypeCreated, eventType, "}},", more).Replace(body), "", true)
	}
	queue := &countingQueue{}
	r := newReceiverFor(queue)
	serve := routes(r.Receive, queue, r.metrics)
	f.Fuzz(func(t *testing.T, signature, body, query string, signed bool) {
		right := sign(testSecret, body)
		if signed { // so that the validation is reached, too
			signature = right
		}
		send := func(query string) (answer *fasthttp.Response, effects int) {
			var c fasthttp.RequestCtx
			c.Init(&fasthttp.Request{}, nil, nil)
			c.Request.Header.SetMethod(fasthttp.MethodPost)
			c.Request.URI().SetPath(WebhookPath)
			c.Request.URI().SetQueryString(query)
			c.Request.Header.SetContentType("application/json")
			for line := range strings.SplitSeq(signature, "\n") {
				c.Request.Header.Add("X-Moncreneau-Signature", line)
			}
			c.Request.SetBodyStream(strings.NewReader(body), len(body))
			before := queue.accepted
			serve(&c)
			return &c.Response, queue.accepted - before
		}
		w, effects := send(query)
		if w.StatusCode() >= 500 {
			t.Errorf("answered %d %s", w.StatusCode(), w.Body())
		}
		if strings.Contains(string(w.Body()), testSecret) || strings.Contains(string(w.Body()), right) {
			t.Errorf("the answer tells a secret: %s", w.Body())
		}
		if signature != right && w.StatusCode() != fasthttp.StatusUnauthorized {
			t.Errorf("answered %d without the right signature, want 401", w.StatusCode())
		}
		if w.StatusCode() == fasthttp.StatusOK {
			if effects != 1 {
				t.Errorf("acknowledged, and has %d effects", effects)
			}
			isOneOfMoncreneaus(t, body, queue.last)
		} else if effects != 0 {
			t.Errorf("refused with %d, and has %d effects", w.StatusCode(), effects)
		}
		if plain, _ := send(""); plain.StatusCode() != w.StatusCode() || string(plain.Body()) != string(w.Body()) {
			t.Errorf("answered %d %s, and without the query %d %s", w.StatusCode(), w.Body(), plain.StatusCode(), plain.Body())
		}
	})
}

// isOneOfMoncreneaus holds an accepted event to what encoding/json reads in its body,
// which the receiver does not use for that.
func isOneOfMoncreneaus(t *testing.T, body string, event Event) {
	t.Helper()
	var members, data map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatalf("accepted what is not a JSON object: %v", err)
	}
	if err := json.Unmarshal(members["data"], &data); err != nil || !strings.HasPrefix(string(data["object"]), "{") {
		t.Errorf("accepted without data.object: %s", members["data"])
	}
	var id, eventType string
	var created time.Time
	if err := errors.Join(json.Unmarshal(members["id"], &id), json.Unmarshal(members["type"], &eventType), json.Unmarshal(members["created"], &created)); err != nil {
		t.Fatalf("accepted without an envelope: %v", err)
	}
	if id == "" || appointments[eventType] == nil {
		t.Errorf("accepted the id %q and the type %q", id, eventType)
	}
	if event.ID != id || event.Type != eventType || !event.Created.Equal(created) || string(event.Body) != body || string(event.Data) != string(members["data"]) {
		t.Errorf("the handler sees %+v, and the body says %q %q %s", event, id, eventType, created)
	}
}

// FuzzEvent holds the parser to itself: what it accepts it reads in the same way later.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(testBody("evt_fuzz")))
	f.Add([]byte(`{"id":"a","id":"b"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := parseEvent(body)
		if err != nil {
			return
		}
		again := restoreEvent(body, "")
		if event.ID == "" || again.ID != event.ID || again.Type != event.Type || !again.Created.Equal(event.Created) || string(again.Data) != string(event.Data) {
			t.Errorf("accepted %+v, read again as %+v", event, again)
		}
	})
}
