package standin_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// follow returns the events of the live stream, as "name data".
func (s *sim) follow() <-chan string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+"/_hookcheck/stream", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("status %d, %v", res.StatusCode, res.Header)
	}
	events := make(chan string, 100)
	go func() {
		defer close(events)
		defer res.Body.Close()
		name := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = text
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- name + " " + data
			}
		}
	}()
	return events
}

func TestStreamTellsWhatChanges(t *testing.T) {
	s, stop := startUntilStopped(t, standin.Options{})
	r := listen(t, nil)
	id := r.register(s)
	events := s.follow()
	// until skips what comes before the wanted event.
	until := func(name string, wanted func(map[string]any) bool) {
		t.Helper()
		for event := range events {
			kind, data, _ := strings.Cut(event, " ")
			var row map[string]any
			if err := json.Unmarshal([]byte(data), &row); err != nil {
				t.Fatalf("%s: %v", event, err)
			}
			if kind == name && wanted(row) {
				return
			}
		}
		t.Fatalf("the stream ends without the %s", name)
	}
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`).want(201)
	until("delivery", func(d map[string]any) bool {
		return d["state"] == "delivered" && d["lastStatus"] == 200.0 && d["eventType"] == "appointment.created"
	})
	s.call("POST", "/_hookcheck/appointments/1/complete", "").want(200)
	until("appointment", func(a map[string]any) bool { return a["status"] == "COMPLETED" })
	s.call("PUT", "/_hookcheck/credits", `{"credits":7}`).want(200)
	until("account", func(a map[string]any) bool { return a["credits"] == 7.0 })
	s.call("PATCH", "/_hookcheck/webhooks/"+id, `{"active":false}`).want(200)
	until("webhook", func(w map[string]any) bool { return w["active"] == false && w["secret"] == nil })
	s.call("DELETE", "/_hookcheck/webhooks/"+id, "").want(204)
	until("webhook", func(w map[string]any) bool { return w["deleted"] == true })

	stop() // an open stream must not hold up the end
	for range events {
	}
}
