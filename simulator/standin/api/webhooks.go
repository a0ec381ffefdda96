package api

import (
	"net/http"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Webhook is a webhook as the API shows it.
type Webhook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Secret    string   `json:"secret"`
	Active    bool     `json:"active"`
	CreatedAt string   `json:"createdAt"`
}

func showWebhook(w store.Webhook) Webhook {
	return Webhook{ID: w.ID, URL: w.URL, Events: w.Events, Secret: w.Secret, Active: w.Active, CreatedAt: w.CreatedAt.Format(time.RFC3339)}
}

func (a *API) listWebhooks(c *call) (any, error) {
	list, err := a.Endpoints.List(c.ctx())
	if err != nil {
		return nil, err
	}
	shown := []Webhook{}
	for _, w := range list {
		shown = append(shown, showWebhook(w))
	}
	return map[string][]Webhook{"data": shown}, nil
}

func (a *API) createWebhook(c *call) (any, error) {
	var r endpoint.Registration
	if err := ReadJSON(c.w, c.r, &r); err != nil {
		return nil, err
	}
	w, err := a.Endpoints.Register(c.ctx(), r)
	if err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return showWebhook(w), nil
}

func (a *API) updateWebhook(c *call) (any, error) {
	var r endpoint.Registration
	if err := ReadJSON(c.w, c.r, &r); err != nil {
		return nil, err
	}
	w, err := a.Endpoints.Update(c.ctx(), c.r.PathValue("id"), r)
	if err != nil {
		return nil, err
	}
	return showWebhook(w), nil
}

func (a *API) deleteWebhook(c *call) (any, error) {
	return nil, a.Endpoints.Delete(c.ctx(), c.r.PathValue("id"))
}

// TestResult is what came of a test delivery.
type TestResult struct {
	Success      bool   `json:"success"`
	HTTPStatus   int    `json:"httpStatus"`   // 0: no answer (assumed)
	ResponseTime int64  `json:"responseTime"` // milliseconds (assumed)
	Message      string `json:"message"`
}

// testWebhook sends a generated event of the first type that the webhook wants.
func (a *API) testWebhook(c *call) (any, error) {
	w, err := a.Endpoints.Get(c.ctx(), c.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	attempt, err := a.Engine.Test(c.ctx(), w.ID, a.TestEvent(endpoint.Canonical(w.Events[0])))
	if err != nil {
		return nil, err
	}
	result := TestResult{
		Success:    attempt.Error == "" && attempt.Status >= 200 && attempt.Status < 300,
		HTTPStatus: attempt.Status, ResponseTime: attempt.Total.Milliseconds(), Message: attempt.Error,
	}
	if result.Message == "" {
		result.Message = http.StatusText(attempt.Status)
	}
	return result, nil
}
