package standin_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/dashboard"
)

// Whatever is sent, the API answers as documented: never a panic, never a 5xx,
// and every error with a code.
func FuzzAPI(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`},
		{"POST", "/api/v1/appointments", `{"departmentId":5e0,"dateTime":"9999-12-31T23:30:00","name":"\u0000"}`},
		{"POST", "/api/v1/appointments", `{"departmentId":1e400}`},
		{"POST", "/api/v1/appointments", "\xff\xfe"},
		{"GET", "/api/v1/appointments?page=1000000000&size=100&startDate=0000-01-01&endDate=9999-12-31", ""},
		{"GET", "/api/v1/appointments/9223372036854775808", ""},
		{"GET", "/api/v1/departments/5/availability?startDate=9999-12-31&endDate=9999-12-31", ""},
		{"PUT", "/api/v1/staff/webhooks/wh_%00", `{"url":"http://[::1","events":[null]}`},
		{"POST", "/api/v1/webhooks", `{"url":"http://127.0.0.1:99999999/","events":["appointment.created"]}`},
		{"PATCH", "/_hookcheck/appointments/1", `{"dateTime":null,"name":[]}`},
		{"POST", "/_hookcheck/deliveries/1/redeliver", `{"times":1e9,"delay":"999999h"}`},
		{"POST", "/_hookcheck/keys", `{"expiresAt":"tomorrow"}`},
		{"GET", "/_hookcheck/deliveries?limit=99999999999999999999&before=-1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	server, err := standin.New(f.Context(), standin.Options{RateLimit: api.Unlimited})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = server.Close() })
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || u.Path == "/_hookcheck/stream" || strings.HasPrefix(u.Path, dashboard.AssetPrefix) {
			t.Skip()
		}
		req := httptest.NewRequest("GET", "http://localhost/", strings.NewReader(body))
		req.Method, req.URL.Path, req.URL.RawPath, req.URL.RawQuery = method, u.Path, u.RawPath, u.RawQuery
		req.Header.Set("X-API-Key", "mk_test")
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, req)
		var answer struct {
			Error struct{ Code, Message string }
		}
		switch {
		case w.Code >= 500 && !strings.HasSuffix(u.Path, "/test"): // a test needs the engine, which does not run here
			t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
		case w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer.Error.Code == "" || answer.Error.Message == ""):
			t.Errorf("%s %s: %d without a documented error: %s", method, target, w.Code, w.Body)
		}
	})
}
