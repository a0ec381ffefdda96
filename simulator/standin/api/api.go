// Package api serves moncreneau's HTTP API, as far as it is known: paths, shapes,
// statuses and error codes are those of its documentation and of what its client
// libraries read. What no source states is marked "assumed".
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Prefix is the base path of the API.
const Prefix = "/api/v1"

// Options is what the API works with; what does not say otherwise is needed.
type Options struct {
	Clock     clockwork.Clock
	Store     *store.Store
	Bookings  *booking.Service
	Endpoints *endpoint.Service
	Engine    *delivery.Engine
	Dialect   delivery.Dialect
	// TestEvent makes the event that POST /staff/webhooks/{id}/test sends.
	TestEvent func(eventType string) fixtures.Event
	// RateLimit is how many requests a key may make in a window; the zero value is moncreneau's 1000 an hour.
	RateLimit RateLimit
	// Failures makes calls fail on purpose; may be nil.
	Failures *Failures
	// Log gets internal errors; nil means nothing.
	Log *slog.Logger
}

// API is an http.Handler.
type API struct {
	Options
	limits *limiter
	mux    *http.ServeMux
}

// route is one operation of the API.
type route struct {
	method, path string
	scope        Scope
	handle       func(*API, *call) (any, error)
}

// routes lists every operation. The documented base path is /api/v1; the paths
// are served at the root, too, because the PHP library's HTTP client resolves
// its absolute paths against the host of the base URL and so loses /api/v1.
var routes = []route{
	{"POST", "/appointments", AppointmentsCreate, (*API).createAppointment},
	{"GET", "/appointments", AppointmentsRead, (*API).listAppointments},
	{"GET", "/appointments/{id}", AppointmentsRead, (*API).getAppointment},
	{"DELETE", "/appointments/{id}", AppointmentsCancel, (*API).cancelAppointment},
	{"GET", "/departments", DepartmentsRead, (*API).listDepartments},
	{"GET", "/departments/{id}", DepartmentsRead, (*API).getDepartment},
	{"GET", "/departments/{id}/availability", AvailabilityCheck, (*API).getAvailability},
	{"GET", "/staff/webhooks", WebhooksManage, (*API).listWebhooks},
	{"POST", "/staff/webhooks", WebhooksManage, (*API).createWebhook},
	{"PUT", "/staff/webhooks/{id}", WebhooksManage, (*API).updateWebhook},
	{"DELETE", "/staff/webhooks/{id}", WebhooksManage, (*API).deleteWebhook},
	{"POST", "/staff/webhooks/{id}/test", WebhooksManage, (*API).testWebhook},
	{"POST", "/webhooks", WebhooksManage, (*API).createWebhook},
}

// Prefixes are the paths under which each operation is served.
func Prefixes() []string { return []string{Prefix, ""} }

// New returns the API.
func New(o Options) *API {
	if o.RateLimit == (RateLimit{}) {
		o.RateLimit = RateLimit{Requests: 1000, Window: time.Hour}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{Options: o, limits: newLimiter(o.Clock), mux: http.NewServeMux()}
	for _, prefix := range Prefixes() {
		for _, r := range routes {
			a.mux.Handle(r.method+" "+prefix+r.path, a.operation(r))
		}
	}
	a.mux.HandleFunc("/", a.unknown)
	return a
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// unknown answers what no operation serves: 405 where another method would.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	c := &call{api: a, w: w, r: r}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		c.fail(problem.New(problem.MethodNotAllowed, "%s is not possible here: want %s", r.Method, strings.Join(allowed, ", ")))
		return
	}
	c.fail(problem.New(problem.NotFound, "moncreneau has no %s", r.URL.Path))
}

// call is one request being answered.
type call struct {
	api    *API
	w      http.ResponseWriter
	r      *http.Request
	access booking.Access
	status int // of a success; 0 means 200
}

func (c *call) ctx() context.Context { return c.r.Context() }

// operation authenticates, limits, and answers with what handle returns: a value
// as JSON, nil as 204, an error as an error.
func (a *API) operation(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{api: a, w: w, r: r}
		if err := a.Failures.next(); err != nil {
			c.fail(err)
			return
		}
		if err := c.admit(rt.scope); err != nil {
			c.fail(err)
			return
		}
		value, err := rt.handle(a, c)
		if err != nil {
			c.fail(err)
			return
		}
		c.succeed(value)
	})
}
