package control

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/fault"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Status is what the stand-in is set to, and what can be asked of it.
type Status struct {
	Version     string               `json:"version"`
	Credits     int                  `json:"credits"`
	Schedule    string               `json:"schedule"` // the waits before each retry
	Timeout     string               `json:"timeout"`
	Dialect     string               `json:"dialect"`
	EventTypes  []string             `json:"eventTypes"`
	Tampers     []Tamper             `json:"tampers"`
	Departments []booking.Department `json:"departments"`
}

// Tamper is one way to spoil a signature.
type Tamper struct {
	Kind  string `json:"kind"`
	Title string `json:"title"`
}

func (c *Control) status(_ http.ResponseWriter, r *http.Request) (answer, error) {
	s := Status{
		Version: c.Version, Schedule: c.Engine.Schedule.String(), Timeout: c.Engine.Timeout.String(), Dialect: string(c.Engine.Dialect),
		EventTypes: fixtures.Default().EventTypes(), Departments: booking.Departments(),
	}
	for _, kind := range fault.BadSignatureKinds() {
		s.Tampers = append(s.Tampers, Tamper{string(kind), kind.Title()})
	}
	err := c.Store.Do(r.Context(), func(tx *store.Tx) (err error) {
		s.Credits, err = tx.Credits()
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return ok(s)
}

// reset forgets everything, as if the stand-in were started for the first time.
func (c *Control) reset(_ http.ResponseWriter, r *http.Request) (answer, error) {
	return answer{}, c.Store.Do(r.Context(), func(tx *store.Tx) error { return tx.Reset(c.Credits) })
}

func (c *Control) setCredits(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		Credits *int `json:"credits"`
	}
	if err := api.ReadJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	if body.Credits == nil || *body.Credits < 0 {
		return answer{}, problem.Field(problem.InvalidFieldValue, "credits", "want 0 or more")
	}
	if err := c.Store.Do(r.Context(), func(tx *store.Tx) error { return tx.SetCredits(*body.Credits) }); err != nil {
		return answer{}, err
	}
	return ok(map[string]int{"credits": *body.Credits})
}

func (c *Control) setFailures(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		Status int `json:"status"`
		Count  int `json:"count"`
	}
	if err := api.ReadJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	return answer{}, c.Failures.Set(body.Status, body.Count)
}

// createKey makes an API key with limits, to see what a program does without a
// scope, in another organization, after its key has expired. It is shown once.
func (c *Control) createKey(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		Scopes         []string  `json:"scopes"`
		OrganizationID int64     `json:"organizationId"`
		Departments    []int64   `json:"departments"`
		RequestsAnHour int       `json:"requestsAnHour"`
		ExpiresAt      time.Time `json:"expiresAt"`
	}
	if err := api.ReadJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	for _, scope := range body.Scopes {
		if !slices.Contains(api.Scopes(), api.Scope(scope)) {
			return answer{}, problem.Unknown("scopes", scope, api.Scopes())
		}
	}
	if body.RequestsAnHour < 0 {
		return answer{}, problem.Field(problem.InvalidFieldValue, "requestsAnHour", "want 0 (the server's limit) or more")
	}
	key := api.KeyPrefix + "test_" + strings.ToLower(rand.Text())
	kept := store.APIKey{
		Hint: "…" + key[len(key)-4:], Scopes: body.Scopes, OrganizationID: body.OrganizationID, Departments: body.Departments,
		RequestsAnHour: body.RequestsAnHour, CreatedAt: c.Clock.Now().UTC(), ExpiresAt: body.ExpiresAt,
	}
	if err := c.Store.Do(r.Context(), func(tx *store.Tx) error { return tx.AddAPIKey(key, kept) }); err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, struct {
		Key string `json:"key"`
		store.APIKey
	}{key, kept}}, nil
}
