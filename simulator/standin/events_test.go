package standin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
)

// Every change of an appointment reaches the endpoint as one signed event that
// obeys the contract.
func TestEveryChangeEmitsItsEvent(t *testing.T) {
	s := start(t, standin.Options{})
	r := listen(t, nil)
	r.register(s)
	ids := map[string]bool{}
	expect := func(eventType string) map[string]any {
		t.Helper()
		got := r.next()
		for _, violation := range fixtures.Default().Validate(got.body) {
			t.Errorf("%s breaks the contract: %+v\n%s", eventType, violation, got.body)
		}
		if signature := got.header.Get("X-Moncreneau-Signature"); signature != "sha256="+r.signature(got.body) {
			t.Errorf("%s is signed %q", eventType, signature)
		}
		var event struct {
			ID, Type string
			Data     struct{ Object map[string]any }
		}
		if err := json.Unmarshal(got.body, &event); err != nil {
			t.Fatal(err)
		}
		if event.Type != eventType || got.header.Get("X-Moncreneau-Event") != eventType || ids[event.ID] {
			t.Errorf("%s in the body, %s in the header, id new: %t; want %s", event.Type, got.header.Get("X-Moncreneau-Event"), !ids[event.ID], eventType)
		}
		ids[event.ID] = true
		return event.Data.Object
	}
	book := func(slot string) {
		t.Helper()
		s.call("POST", "/api/v1/appointments", fmt.Sprintf(`{"departmentId":5,"dateTime":"2026-01-20T%s:00","name":"Aïssatou <Diallo> & Cie","phone":"+224 622 12 34 56","email":"a@example.org"}`, slot)).want(201)
	}

	book("10:00")
	if o := expect("appointment.created"); o["status"] != "SCHEDULED" || o["creditsUsed"] != 1.0 || o["name"] != "Aïssatou <Diallo> & Cie" {
		t.Errorf("created: %v", o)
	}
	s.call("PATCH", "/_hookcheck/appointments/1", `{"dateTime":"2026-01-20T11:00:00"}`).want(200)
	o := expect("appointment.updated")
	if changes := fmt.Sprint(o["changes"]); changes != "map[dateTime:map[from:2026-01-20T10:00:00 to:2026-01-20T11:00:00]]" {
		t.Errorf("updated: %s", changes)
	}
	s.call("POST", "/_hookcheck/appointments/1/validate", "").want(200)
	expect("appointment.validated")
	s.call("POST", "/_hookcheck/appointments/1/validate", "").want(400)
	s.call("POST", "/_hookcheck/appointments/1/complete", "").want(200)
	if o := expect("appointment.completed"); o["status"] != "COMPLETED" {
		t.Errorf("completed: %v", o)
	}
	s.call("POST", "/_hookcheck/appointments/1/complete", "").want(400)
	s.call("PATCH", "/_hookcheck/appointments/1", `{"name":"B"}`).want(400)
	s.call("DELETE", "/api/v1/appointments/1", "").want(400)

	book("10:00")
	expect("appointment.created")
	s.call("DELETE", "/api/v1/appointments/2", "").want(204)
	if o := expect("appointment.cancelled"); o["creditsRefunded"] != 1.0 || o["cancelledBy"] != "API" || o["status"] != "CANCELLED" {
		t.Errorf("cancelled: %v", o)
	}
	book("10:00")
	expect("appointment.created")
	s.call("PATCH", "/_hookcheck/appointments/3", `{}`).want(400)
	s.call("PATCH", "/_hookcheck/appointments/3", `{"dateTime":"2026-01-20T10:07:00"}`).want(http.StatusConflict)
	s.call("POST", "/_hookcheck/appointments/3/no-show", "").want(200)
	if o := expect("appointment.updated"); o["status"] != "NO_SHOW" {
		t.Errorf("no-show: %v", o)
	}
	// Nothing else may have been sent for what was refused.
	s.call("POST", "/_hookcheck/events", `{"type":"appointment.completed"}`).want(202)
	expect("appointment.completed")
}

// In the dialect of the libraries their own verifiers, which compare the bare
// digits of X-Webhook-Signature, accept what the documentation's do not.
func TestDialectOfTheLibraries(t *testing.T) {
	s := start(t, standin.Options{Dialect: delivery.SDK})
	r := listen(t, nil)
	r.register(s)
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"Aïssatou <A> & B"}`).want(201)
	got := r.next()
	// Node's sample signs JSON.stringify of the parsed body, which escapes none of these.
	if !bytes.Contains(got.body, []byte("Aïssatou <A> & B")) {
		t.Errorf("body %s", got.body)
	}
	if got.header.Get("X-Webhook-Signature") != r.signature(got.body) || got.header.Get("X-Moncreneau-Signature") != "" {
		t.Errorf("signature headers: %v", got.header)
	}
	var event struct {
		Type string
		Data struct {
			ID   int64
			Name string
		}
	}
	if err := json.Unmarshal(got.body, &event); err != nil {
		t.Fatal(err)
	}
	if event.Type != "APPOINTMENT_CREATED" || event.Data.ID != 1 || event.Data.Name != "Aïssatou <A> & B" {
		t.Errorf("body %s", got.body)
	}
	if a := s.call("GET", "/api/v1/appointments/99", "").want(404); string(a.body) != `{"error":{"code":"APPOINTMENT_NOT_FOUND","message":"there is no appointment 99","details":{"appointmentId":99}}}`+"\n" {
		t.Errorf("an error is more than the libraries read: %s", a.body)
	}
}

func TestSubscriptionsByOtherNames(t *testing.T) {
	s := start(t, standin.Options{Concurrency: 1}) // so that the events come in order
	r := listen(t, nil)
	s.call("POST", "/api/v1/webhooks", fmt.Sprintf(`{"url":%q,"events":["APPOINTMENT_CREATED","appointment.confirmed"]}`, r.url)).want(201)
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`).want(201)
	s.call("POST", "/_hookcheck/appointments/1/validate", "").want(200)
	s.call("POST", "/_hookcheck/appointments/1/complete", "").want(200) // not wanted
	s.call("POST", "/_hookcheck/events", `{"type":"appointment.created"}`).want(202)
	for _, want := range []string{"appointment.created", "appointment.validated", "appointment.created"} {
		if got := r.next().header.Get("X-Moncreneau-Event"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnEventForNobodyIsRefused(t *testing.T) {
	s := start(t, standin.Options{})
	if a := s.call("POST", "/_hookcheck/events", ""); a.status != 400 || a.code() != "INVALID_REQUEST" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
