package control

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID         int64        `json:"id"`
	EventID    string       `json:"eventId"`
	EventType  string       `json:"eventType"`
	WebhookID  string       `json:"webhookId"`
	Reason     store.Reason `json:"reason"`
	Fault      string       `json:"fault"` // what is wrong on purpose; empty for a genuine one
	State      store.State  `json:"state"`
	Attempts   int          `json:"attempts"`
	NextAt     time.Time    `json:"nextAt,omitzero"` // while pending
	CreatedAt  time.Time    `json:"createdAt"`
	LastStatus int          `json:"lastStatus"` // 0: no answer yet
	LastError  string       `json:"lastError"`
	LastMillis float64      `json:"lastMillis"` // how long the last attempt took
}

func showDelivery(d store.Delivery) Delivery {
	shown := Delivery{
		ID: d.ID, EventID: d.EventID, EventType: d.EventType, WebhookID: d.WebhookID, Reason: d.Reason, Fault: d.Fault, State: d.State,
		Attempts: d.Attempts, CreatedAt: d.CreatedAt, LastStatus: d.LastStatus, LastError: d.LastError, LastMillis: milliseconds(d.LastTotal),
	}
	if d.State == store.Pending {
		shown.NextAt = d.NextAt
	}
	return shown
}

func showDeliveries(list []store.Delivery) []Delivery {
	shown := make([]Delivery, len(list))
	for i, d := range list {
		shown[i] = showDelivery(d)
	}
	return shown
}

// Attempt is one exchange: what was sent and what came back.
type Attempt struct {
	Number     int       `json:"number"`
	DeliveryID string    `json:"deliveryId"` // the header X-Moncreneau-Delivery
	StartedAt  time.Time `json:"startedAt"`
	Request    Request   `json:"request"`
	Response   *Response `json:"response"` // null: none came
	Error      string    `json:"error"`
	Timing     Timing    `json:"timing"`
}

// Request is what was sent.
type Request struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

// Response is what came back.
type Response struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

// Timing is in milliseconds from the start; 0 means not reached.
type Timing struct {
	Connect   float64 `json:"connect"`
	FirstByte float64 `json:"firstByte"`
	Total     float64 `json:"total"`
}

func showAttempt(a store.Attempt) Attempt {
	shown := Attempt{
		Number: a.Number, DeliveryID: a.WireID, StartedAt: a.StartedAt, Error: a.Error,
		Request: Request{Method: http.MethodPost, URL: a.URL, Header: a.RequestHeader, Body: string(a.RequestBody)},
		Timing:  Timing{Connect: milliseconds(a.Connect), FirstByte: milliseconds(a.FirstByte), Total: milliseconds(a.Total)},
	}
	if a.Status != 0 {
		shown.Response = &Response{Status: a.Status, Header: a.ResponseHeader, Body: string(a.ResponseBody)}
	}
	return shown
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sendEvent sends a generated event to every endpoint that wants its type, with
// retries, as if something had happened to an appointment.
func (c *Control) sendEvent(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		Type string `json:"type"`
	}
	if err := readOptional(w, r, &body); err != nil {
		return answer{}, err
	}
	types := fixtures.Default().EventTypes()
	if body.Type == "" {
		body.Type = types[0]
	}
	if !slices.Contains(types, body.Type) {
		return answer{}, problem.Unknown("type", body.Type, types)
	}
	ev := c.TestEvent(body.Type)
	var made []store.Delivery
	err := c.Store.Do(r.Context(), func(tx *store.Tx) (err error) {
		event := store.Event{ID: ev.ID, Type: ev.Type, AppointmentID: ev.AppointmentID, Created: ev.Created, Body: ev.Body}
		if made, err = endpoint.Enqueue(tx, event, store.Test, c.Clock.Now()); err == nil && len(made) == 0 {
			return problem.New(problem.InvalidRequest, "no endpoint is switched on and wants %s: register one first", ev.Type)
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusAccepted, map[string]any{"eventId": ev.ID, "eventType": ev.Type, "deliveries": showDeliveries(made)}}, nil
}

// Page sizes of the deliveries.
const (
	defaultLimit = 50
	maxLimit     = 500
)

func (c *Control) listDeliveries(_ http.ResponseWriter, r *http.Request) (answer, error) {
	query := r.URL.Query()
	filter := store.DeliveryFilter{WebhookID: query.Get("webhookId"), EventID: query.Get("eventId"), State: store.State(query.Get("state"))}
	limit := defaultLimit
	for name, set := range map[string]func(int64){
		"before": func(n int64) { filter.Before = n },
		"limit":  func(n int64) { limit = int(min(n, maxLimit)) },
	} {
		if text := query.Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 {
				return answer{}, problem.Field(problem.InvalidFieldValue, name, "%q is not a whole number of at least 1", text)
			}
			set(n)
		}
	}
	var list []store.Delivery
	err := c.Store.Do(r.Context(), func(tx *store.Tx) (err error) {
		list, err = tx.Deliveries(filter, limit)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return ok(map[string][]Delivery{"data": showDeliveries(list)})
}

func (c *Control) getDelivery(_ http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	shown := struct {
		Delivery
		Log []Attempt `json:"log"`
	}{Log: []Attempt{}}
	err = c.Store.Do(r.Context(), func(tx *store.Tx) error {
		d, err := tx.Delivery(id)
		if errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "there is no delivery %d", id)
		} else if err != nil {
			return err
		}
		shown.Delivery = showDelivery(d)
		attempts, err := tx.Attempts(id)
		for _, a := range attempts {
			shown.Log = append(shown.Log, showAttempt(a))
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

func (c *Control) redeliver(w http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var body struct {
		delivery.Again
		Delay string `json:"delay"`
	}
	if err := readOptional(w, r, &body); err != nil {
		return answer{}, err
	}
	if body.Again.Delay, err = duration("delay", body.Delay); err != nil {
		return answer{}, err
	}
	made, err := c.Engine.Redeliver(r.Context(), id, body.Again)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, map[string][]Delivery{"data": showDeliveries(made)}}, nil
}

func pathID(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, problem.Field(problem.InvalidFieldValue, "id", "%q is not an id: want an integer such as 123", r.PathValue("id"))
	}
	return n, nil
}
