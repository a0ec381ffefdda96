package standin_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/standin"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
)

// makeKey makes an API key with limits and returns the header that sends it.
func (s *sim) makeKey(limits string) string {
	s.t.Helper()
	var made struct{ Key string }
	s.call("POST", "/_hookcheck/keys", limits).want(http.StatusCreated).into(&made)
	return "X-API-Key: " + made.Key
}

// Every code of moncreneau's documentation can be provoked, with its status.
func TestDocumentedErrors(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 19, 8, 0, 0, 0, time.UTC))
	s := start(t, standin.Options{Clock: clock, RateLimit: api.Unlimited})
	const booking = `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"Aïssatou Diallo"}`
	s.call("POST", "/api/v1/appointments", booking).want(201)
	expired := s.makeKey(`{"scopes":["api:admin"],"expiresAt":"2026-01-19T07:00:00Z"}`)
	reader := s.makeKey(`{"scopes":["appointments:read"]}`)
	townHall := s.makeKey(`{"scopes":["api:admin"],"organizationId":2}`)
	onlyFirst := s.makeKey(`{"scopes":["api:admin"],"departments":[1]}`)
	once := s.makeKey(`{"scopes":["api:admin"],"requestsAnHour":1}`)
	s.call("GET", "/api/v1/departments", "", once).want(200)

	with := func(from, to string) string { return strings.Replace(booking, from, to, 1) }
	for name, c := range map[string]struct {
		method, path, body string
		header             string
		status             int
		code               string
	}{
		"no key":                        {"GET", "/appointments", "", "X-API-Key", 401, "MISSING_API_KEY"},
		"a key of another service":      {"GET", "/appointments", "", "X-API-Key: sk_live_1", 401, "INVALID_API_KEY"},
		"an expired key":                {"GET", "/appointments", "", expired, 401, "EXPIRED_API_KEY"},
		"a key without the scope":       {"POST", "/appointments", booking, reader, 403, "INSUFFICIENT_SCOPE"},
		"another organization":          {"GET", "/departments/5", "", townHall, 403, "ORGANIZATION_MISMATCH"},
		"another department":            {"GET", "/appointments/1", "", onlyFirst, 403, "DEPARTMENT_ACCESS_DENIED"},
		"too many requests":             {"GET", "/departments", "", once, 429, "RATE_LIMIT_EXCEEDED"},
		"no JSON":                       {"POST", "/appointments", "{", "", 400, "INVALID_REQUEST"},
		"no body":                       {"POST", "/appointments", "", "", 400, "INVALID_REQUEST"},
		"an array":                      {"POST", "/appointments", "[]", "", 400, "INVALID_REQUEST"},
		"no name":                       {"POST", "/appointments", with(`"name"`, `"nom"`), "", 400, "MISSING_REQUIRED_FIELD"},
		"an empty name":                 {"POST", "/appointments", with("Aïssatou Diallo", " "), "", 400, "MISSING_REQUIRED_FIELD"},
		"no department":                 {"POST", "/appointments", with("departmentId", "department"), "", 400, "MISSING_REQUIRED_FIELD"},
		"a department as text":          {"POST", "/appointments", with("5", `"dept_123"`), "", 422, "INVALID_FIELD_VALUE"},
		"a time with a zone":            {"POST", "/appointments", with("10:00:00", "10:00:00Z"), "", 422, "INVALID_DATE_TIME"},
		"the 30th of February":          {"POST", "/appointments", with("01-20", "02-30"), "", 422, "INVALID_DATE_TIME"},
		"a French number":               {"POST", "/appointments", with("}", `,"phone":"+33612345678"}`), "", 422, "INVALID_PHONE_NUMBER"},
		"no e-mail address":             {"POST", "/appointments", with("}", `,"email":"aissatou"}`), "", 422, "INVALID_EMAIL"},
		"a worker below 1":              {"POST", "/appointments", with("}", `,"workerId":-1}`), "", 422, "INVALID_FIELD_VALUE"},
		"an unknown department":         {"POST", "/appointments", with("5", "99"), "", 404, "DEPARTMENT_NOT_FOUND"},
		"an unknown appointment":        {"GET", "/appointments/99", "", "", 404, "APPOINTMENT_NOT_FOUND"},
		"the same person again":         {"POST", "/appointments", booking, "", 409, "DUPLICATE_APPOINTMENT"},
		"another person":                {"POST", "/appointments", with("Diallo", "Bah"), "", 409, "SLOT_NOT_AVAILABLE"},
		"outside the opening hours":     {"POST", "/appointments", with("10:00", "22:00"), "", 409, "SLOT_NOT_AVAILABLE"},
		"between two slots":             {"POST", "/appointments", with("10:00", "10:07"), "", 409, "SLOT_NOT_AVAILABLE"},
		"an id that Java made a double": {"GET", "/appointments/1.0", "", "", 422, "INVALID_FIELD_VALUE"},
		"a page before the first":       {"GET", "/appointments?page=-1", "", "", 422, "INVALID_FIELD_VALUE"},
		"an unknown status":             {"GET", "/appointments?status=OPEN", "", "", 422, "INVALID_FIELD_VALUE"},
		"availability without dates":    {"GET", "/departments/5/availability", "", "", 400, "MISSING_REQUIRED_FIELD"},
		"a time that ends first":        {"GET", "/departments/5/availability?startDate=2026-01-20&endDate=2026-01-19", "", "", 422, "INVALID_FIELD_VALUE"},
		"a webhook to elsewhere":        {"POST", "/staff/webhooks", `{"url":"https://example.org/","events":["appointment.created"]}`, "", 422, "INVALID_FIELD_VALUE"},
		"a webhook for nothing":         {"POST", "/staff/webhooks", `{"url":"http://localhost/","events":[]}`, "", 422, "INVALID_FIELD_VALUE"},
		"an unknown event type":         {"POST", "/staff/webhooks", `{"url":"http://localhost/","events":["appointment.made"]}`, "", 422, "INVALID_FIELD_VALUE"},
		"an unknown webhook":            {"POST", "/staff/webhooks/wh_1/test", "", "", 404, "WEBHOOK_NOT_FOUND"},
		"no such path":                  {"GET", "/patients", "", "", 404, "NOT_FOUND"},
		"another method":                {"PATCH", "/appointments/1", "{}", "", 405, "METHOD_NOT_ALLOWED"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.call(c.method, "/api/v1"+c.path, c.body, c.header)
			if a.status != c.status || a.code() != c.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, c.status, c.code)
			}
		})
	}

	t.Run("a malformed Authorization", func(t *testing.T) {
		a := s.call("GET", "/api/v1/departments", "", "X-API-Key", "Authorization: mk_1")
		if a.status != 401 || a.code() != "INVALID_TOKEN_FORMAT" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("an unknown value names those that are known", func(t *testing.T) {
		if a := s.call("GET", "/api/v1/appointments?status=OPEN", ""); !strings.Contains(string(a.body), "want one of PENDING_PAYMENT, SCHEDULED, ") {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("no credits", func(t *testing.T) {
		s.call("PUT", "/_hookcheck/credits", `{"credits":0}`).want(200)
		if a := s.call("POST", "/api/v1/appointments", with("10:00", "11:00")); a.status != 402 || a.code() != "INSUFFICIENT_CREDITS" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("failures on purpose", func(t *testing.T) {
		for status, code := range map[int]string{500: "INTERNAL_ERROR", 503: "SERVICE_UNAVAILABLE"} {
			s.call("PUT", "/_hookcheck/api-failures", fmt.Sprintf(`{"status":%d,"count":2}`, status)).want(204)
			for range 2 {
				if a := s.call("GET", "/api/v1/departments", ""); a.status != status || a.code() != code {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
			s.call("GET", "/api/v1/departments", "").want(200)
		}
	})
}

func TestBearerWorksAsWellAsTheHeader(t *testing.T) {
	s := start(t, standin.Options{})
	s.call("GET", "/api/v1/departments", "", "X-API-Key", "Authorization: Bearer mk_live_1").want(200)
}

func TestRateLimitCountsAndRecovers(t *testing.T) {
	clock := clockwork.NewFakeClock()
	s := start(t, standin.Options{Clock: clock, RateLimit: api.RateLimit{Requests: 3, Window: time.Minute}})
	for left := 2; left >= 0; left-- {
		a := s.call("GET", "/api/v1/departments", "").want(200)
		if a.header.Get("X-RateLimit-Limit") != "3" || a.header.Get("X-RateLimit-Remaining") != fmt.Sprint(left) ||
			a.header.Get("X-RateLimit-Reset") != fmt.Sprint(clock.Now().Add(time.Minute).Unix()) {
			t.Errorf("with %d left: %v", left, a.header)
		}
	}
	if a := s.call("GET", "/api/v1/departments", "").want(429); a.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	s.call("GET", "/api/v1/departments", "", "X-API-Key: mk_other").want(200)
	clock.Advance(time.Minute)
	s.call("GET", "/api/v1/departments", "").want(200)
}

func TestCreditsAreTakenAndGivenBack(t *testing.T) {
	s := start(t, standin.Options{Credits: 2})
	credits := func() int {
		var status struct{ Credits int }
		s.call("GET", "/_hookcheck/status", "").want(200).into(&status)
		return status.Credits
	}
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`).want(201)
	if n := credits(); n != 1 {
		t.Errorf("%d credits after a booking, want 1", n)
	}
	s.call("DELETE", "/api/v1/appointments/1", "").want(204)
	if n := credits(); n != 2 {
		t.Errorf("%d credits after cancelling, want 2", n)
	}
	if a := s.call("DELETE", "/api/v1/appointments/1", ""); a.status != 400 || credits() != 2 {
		t.Errorf("cancelling again: %d %s, %d credits", a.status, a.body, credits())
	}
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"B"}`).want(201)
}

func TestASlotIsBookedOnce(t *testing.T) {
	s := start(t, standin.Options{RateLimit: api.Unlimited})
	var booked, refused atomic.Int32
	t.Run("twenty at the same time", func(t *testing.T) {
		for i := range 20 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				caller := sim{t: t, url: s.url, spec: s.spec}
				switch a := caller.call("POST", "/api/v1/appointments", fmt.Sprintf(`{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"P%d"}`, i)); a.status {
				case 201:
					booked.Add(1)
				case 409:
					refused.Add(1)
				}
			})
		}
	})
	if booked.Load() != 1 || refused.Load() != 19 {
		t.Errorf("one slot was booked %d times and refused %d times, want 1 and 19", booked.Load(), refused.Load())
	}
}

func TestPaging(t *testing.T) {
	s := start(t, standin.Options{})
	for i := range 5 {
		s.call("POST", "/api/v1/appointments", fmt.Sprintf(`{"departmentId":%d,"dateTime":"2026-01-2%dT10:00:00","name":"P%d","externalUserId":"u%d"}`, 1+i%2, i, i, i%2)).want(201)
	}
	s.call("DELETE", "/api/v1/appointments/5", "").want(204)
	for query, want := range map[string]string{
		"":                   "[1 2 3 4 5] page 0 size 20 of 5 in 1 last true",
		"?size=2":            "[1 2] page 0 size 2 of 5 in 3 last false",
		"?size=2&page=2":     "[5] page 2 size 2 of 5 in 3 last true",
		"?size=2&page=9":     "[] page 9 size 2 of 5 in 3 last true",
		"?size=1000":         "[1 2 3 4 5] page 0 size 100 of 5 in 1 last true",
		"?status=CANCELLED":  "[5] page 0 size 20 of 1 in 1 last true",
		"?status=NO_SHOW":    "[] page 0 size 20 of 0 in 0 last true",
		"?departmentId=2":    "[2 4] page 0 size 20 of 2 in 1 last true",
		"?externalUserId=u0": "[1 3 5] page 0 size 20 of 3 in 1 last true",
		"?startDate=2026-01-21&endDate=2026-01-22": "[2 3] page 0 size 20 of 2 in 1 last true",
		"?startDate=2026-01-21T10:00:01":           "[3 4 5] page 0 size 20 of 3 in 1 last true",
		"?endDate=2026-01-21T10:00:00":             "[1 2] page 0 size 20 of 2 in 1 last true",
	} {
		var page struct {
			Content                               []struct{ ID int64 }
			Page, Size, TotalElements, TotalPages int
			Last                                  bool
		}
		s.call("GET", "/api/v1/appointments"+query, "").want(200).into(&page)
		ids := []int64{}
		for _, a := range page.Content {
			ids = append(ids, a.ID)
		}
		got := fmt.Sprintf("%v page %d size %d of %d in %d last %t", ids, page.Page, page.Size, page.TotalElements, page.TotalPages, page.Last)
		if got != want {
			t.Errorf("%q gives %s, want %s", query, got, want)
		}
	}
}

func TestAvailabilityShowsWhatIsTaken(t *testing.T) {
	s := start(t, standin.Options{})
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`).want(201)
	var got struct {
		Availability []struct {
			Date  string
			Slots []struct {
				DateTime  string
				Available bool
			}
		}
	}
	s.call("GET", "/api/v1/departments/5/availability?startDate=2026-01-19&endDate=2026-01-21", "").want(200).into(&got)
	if len(got.Availability) != 3 {
		t.Fatalf("%d days, want 3", len(got.Availability))
	}
	for _, day := range got.Availability {
		if len(day.Slots) != 16 {
			t.Errorf("%s has %d slots, want 16 of half an hour", day.Date, len(day.Slots))
		}
		for _, slot := range day.Slots {
			if slot.Available == (slot.DateTime == "2026-01-20T10:00:00") {
				t.Errorf("%s available: %t", slot.DateTime, slot.Available)
			}
		}
	}
}
