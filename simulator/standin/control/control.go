// Package control serves the stand-in's own verbs, below /_hookcheck/, where they
// cannot be mistaken for moncreneau's: what moncreneau does by itself or in its
// web pages (update, validate, complete), what a simulator adds (deliver again,
// tamper, fail on purpose), and what the dashboard shows.
package control

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/feed"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Prefix is the path below which the verbs are.
const Prefix = "/_hookcheck"

// Options is what the verbs work with; all of it is needed.
type Options struct {
	Clock     clockwork.Clock
	Store     *store.Store
	Bookings  *booking.Service
	Endpoints *endpoint.Service
	Engine    *delivery.Engine
	Feed      *feed.Hub
	Failures  *api.Failures
	TestEvent func(eventType string) fixtures.Event
	// Credits is what Reset gives to the account.
	Credits int
	Version string
	Log     *slog.Logger
}

// Control is an http.Handler.
type Control struct {
	Options
	mux *http.ServeMux
}

// answer is a value and the status it goes with.
type answer struct {
	status int
	value  any // nil: no body
}

// route is one verb.
type route struct {
	method, path string
	handle       func(*Control, http.ResponseWriter, *http.Request) (answer, error)
}

var routes = []route{
	{"GET", "/status", (*Control).status},
	{"POST", "/reset", (*Control).reset},
	{"PUT", "/credits", (*Control).setCredits},
	{"POST", "/keys", (*Control).createKey},
	{"PUT", "/api-failures", (*Control).setFailures},

	{"GET", "/webhooks", (*Control).listWebhooks},
	{"POST", "/webhooks", (*Control).createWebhook},
	{"PATCH", "/webhooks/{id}", (*Control).updateWebhook},
	{"DELETE", "/webhooks/{id}", (*Control).deleteWebhook},
	{"GET", "/webhooks/{id}/secret", (*Control).getSecret},
	{"POST", "/webhooks/{id}/rotate-secret", (*Control).rotateSecret},

	{"POST", "/events", (*Control).sendEvent},
	{"GET", "/deliveries", (*Control).listDeliveries},
	{"GET", "/deliveries/{id}", (*Control).getDelivery},
	{"POST", "/deliveries/{id}/redeliver", (*Control).redeliver},

	{"GET", "/appointments", (*Control).listAppointments},
	{"PATCH", "/appointments/{id}", (*Control).updateAppointment},
	{"POST", "/appointments/{id}/validate", (*Control).validateAppointment},
	{"POST", "/appointments/{id}/complete", (*Control).completeAppointment},
	{"POST", "/appointments/{id}/no-show", (*Control).missAppointment},
}

// New returns the verbs.
func New(o Options) *Control {
	c := &Control{Options: o, mux: http.NewServeMux()}
	for _, r := range routes {
		c.mux.HandleFunc(r.method+" "+Prefix+r.path, func(w http.ResponseWriter, req *http.Request) {
			a, err := r.handle(c, w, req)
			switch {
			case err != nil:
				c.fail(w, req, err)
			case a.value == nil:
				w.WriteHeader(http.StatusNoContent)
			default:
				api.WriteJSON(w, a.status, a.value)
			}
		})
	}
	c.mux.HandleFunc("GET "+Prefix+"/stream", c.stream)
	c.mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, problem.New(problem.NotFound, "there is no %s %s", r.Method, r.URL.Path))
	})
	return c
}

func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

func (c *Control) fail(w http.ResponseWriter, r *http.Request, err error) {
	api.WriteError(w, api.AsProblem(c.Log, r, err))
}

func ok(value any) (answer, error) { return answer{http.StatusOK, value}, nil }

// readOptional is api.ReadJSON for a body that may be left out.
func readOptional(w http.ResponseWriter, r *http.Request, value any) error {
	if r.ContentLength == 0 {
		return nil
	}
	return api.ReadJSON(w, r, value)
}

// duration reads a duration such as 24h; an empty text is 0.
func duration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, problem.Field(problem.InvalidFieldValue, field, "%q is not a duration: want one such as 3s or 24h", text)
	}
	return d, nil
}
