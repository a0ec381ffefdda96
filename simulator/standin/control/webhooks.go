package control

import (
	"net/http"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Webhook is a registered endpoint, without its secrets, and how it is doing.
type Webhook struct {
	ID           string              `json:"id"`
	URL          string              `json:"url"`
	Events       []string            `json:"events"`
	Active       bool                `json:"active"`
	OffReason    string              `json:"offReason"` // why it was switched off; empty when it was not
	FailingSince time.Time           `json:"failingSince,omitzero"`
	CreatedAt    time.Time           `json:"createdAt"`
	Rotating     bool                `json:"rotating"` // two secrets are valid
	Deliveries   map[store.State]int `json:"deliveries"`
}

func (c *Control) showWebhook(tx *store.Tx, w store.Webhook) (Webhook, error) {
	counts, err := tx.Counts(w.ID)
	return Webhook{
		ID: w.ID, URL: w.URL, Events: w.Events, Active: w.Active, OffReason: w.OffReason, FailingSince: w.FailingSince, CreatedAt: w.CreatedAt,
		Rotating: w.PreviousSecret != "" && c.Clock.Now().Before(w.PreviousUntil), Deliveries: counts,
	}, err
}

// answerWebhook answers with w as it is shown.
func (c *Control) answerWebhook(r *http.Request, status int, w store.Webhook, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	var shown Webhook
	err = c.Store.Do(r.Context(), func(tx *store.Tx) (err error) {
		shown, err = c.showWebhook(tx, w)
		return err
	})
	return answer{status, shown}, err
}

func (c *Control) listWebhooks(_ http.ResponseWriter, r *http.Request) (answer, error) {
	shown := []Webhook{}
	err := c.Store.Do(r.Context(), func(tx *store.Tx) error {
		list, err := tx.Webhooks()
		if err != nil {
			return err
		}
		for _, w := range list {
			one, err := c.showWebhook(tx, w)
			if err != nil {
				return err
			}
			shown = append(shown, one)
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return ok(map[string][]Webhook{"data": shown})
}

// createWebhook is registration without an API key; every event type unless said otherwise.
func (c *Control) createWebhook(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		endpoint.Registration
		Secret string `json:"secret"`
	}
	if err := api.ReadJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	if body.Events == nil {
		types := fixtures.Default().EventTypes()
		body.Events = &types
	}
	body.Registration.Secret = body.Secret
	made, err := c.Endpoints.Register(r.Context(), body.Registration)
	return c.answerWebhook(r, http.StatusCreated, made, err)
}

func (c *Control) updateWebhook(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body endpoint.Registration
	if err := api.ReadJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	changed, err := c.Endpoints.Update(r.Context(), r.PathValue("id"), body)
	return c.answerWebhook(r, http.StatusOK, changed, err)
}

func (c *Control) deleteWebhook(_ http.ResponseWriter, r *http.Request) (answer, error) {
	return answer{}, c.Endpoints.Delete(r.Context(), r.PathValue("id"))
}

// Secrets are those of a webhook.
type Secrets struct {
	Secret         string         `json:"secret"`
	PreviousSecret string         `json:"previousSecret,omitempty"` // valid, too, until PreviousUntil
	PreviousUntil  time.Time      `json:"previousUntil,omitzero"`
	SignWith       store.SignWith `json:"signWith"` // while two are valid
}

func (c *Control) secrets(w store.Webhook) Secrets {
	s := Secrets{Secret: w.Secret, SignWith: w.SignWith}
	if w.PreviousSecret != "" && c.Clock.Now().Before(w.PreviousUntil) {
		s.PreviousSecret, s.PreviousUntil = w.PreviousSecret, w.PreviousUntil
	}
	return s
}

func (c *Control) getSecret(_ http.ResponseWriter, r *http.Request) (answer, error) {
	w, err := c.Endpoints.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	return ok(c.secrets(w))
}

func (c *Control) rotateSecret(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body struct {
		Overlap  *string        `json:"overlap"` // 24h unless said otherwise
		SignWith store.SignWith `json:"signWith"`
		Secret   string         `json:"secret"`
	}
	if err := readOptional(w, r, &body); err != nil {
		return answer{}, err
	}
	overlap := 24 * time.Hour
	if body.Overlap != nil {
		var err error
		if overlap, err = duration("overlap", *body.Overlap); err != nil {
			return answer{}, err
		}
	}
	rotated, err := c.Endpoints.Rotate(r.Context(), r.PathValue("id"), endpoint.Rotation{Overlap: overlap, SignWith: body.SignWith, Secret: body.Secret})
	if err != nil {
		return answer{}, err
	}
	return ok(c.secrets(rotated))
}
