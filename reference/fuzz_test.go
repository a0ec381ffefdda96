package reference

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever comes, it does not panic, is not answered with a 5xx, and has no effect
// unless it is signed and valid.
func FuzzReceiver(f *testing.F) {
	body := testBody("evt_fuzz")
	f.Add(sign(testSecret, body), body, "", false)
	f.Add("sha256=", "", "a=b", true)
	f.Add("", `{"id":"\u0000","type":"appointment.created"}`, "%", true)
	f.Add("sha256=zz", strings.Repeat("[", 1000), ";", true)
	f.Add(sign(testSecret, body)+"zz", strings.Replace(body, "2026", "9e9", 1), "x", true)
	queue := &countingQueue{}
	r := newReceiverFor(queue)
	f.Fuzz(func(t *testing.T, signature, body, query string, signed bool) {
		req := httptest.NewRequest(http.MethodPost, WebhookPath, strings.NewReader(body))
		req.URL = &url.URL{Path: WebhookPath, RawQuery: query}
		req.Header.Set("Content-Type", "application/json")
		if signed { // so that the validation is reached, too
			signature = sign(testSecret, body)
		}
		req.Header["X-Moncreneau-Signature"] = []string{signature}
		before := queue.accepted
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), testSecret) || strings.Contains(w.Body.String(), sign(testSecret, body)) {
			t.Errorf("the answer tells a secret: %s", w.Body)
		}
		if accepted := queue.accepted > before; accepted != (w.Code == http.StatusOK) {
			t.Errorf("answered %d, accepted: %v", w.Code, accepted)
		}
		if w.Code == http.StatusOK && signature != sign(testSecret, body) {
			t.Error("accepted without the right signature")
		}
	})
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
