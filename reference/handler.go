package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/propagation"
)

// Handler is the business side of the receiver. Replace the one in this file by yours.
type Handler interface {
	// Handle processes an event. If it returns an error it is called again, after a
	// wait, until the attempts are used up. It may also be called again when it had
	// succeeded but the process was killed before that was recorded: no queue can
	// close that window, so effects must bear repetition, for which the event's id
	// is the idempotency key. The error is logged and kept with the dead letter, so
	// it must not hold personal data.
	Handle(ctx context.Context, event Event) error

	// OrderKey puts events in order: those with the same key are processed one after
	// another as they were accepted, and one that fails holds up those behind it.
	// Empty means that the order does not matter.
	OrderKey(event Event) string
}

// NewHandler is called once at the start.
func NewHandler(config Config) (Handler, error) {
	return &exampleHandler{
		apiURL: config.DownstreamURL,
		client: &http.Client{
			Timeout:       config.DownstreamTimeout,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: config.Workers},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

type exampleHandler struct {
	apiURL string
	client *http.Client
}

func (h *exampleHandler) OrderKey(Event) string { return "" }

func (h *exampleHandler) Handle(ctx context.Context, event Event) error {
	if h.apiURL == "" {
		return nil
	}
	return h.callAPI(ctx, event)
}

// callAPI tells another system, which recognises a repeated call by its
// Idempotency-Key.
func (h *exampleHandler) callAPI(ctx context.Context, event Event) error {
	body, err := json.Marshal(map[string]any{"eventId": event.ID, "eventType": event.Type, "data": event.Data})
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.apiURL, bytes.NewReader(body))
	if err != nil {
		return errors.New("api: the URL is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", url.PathEscape(event.ID))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	resp, err := h.client.Do(req)
	if err != nil {
		var withURL *url.Error // which may hold a password
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return fmt.Errorf("api: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("api: answered %d", resp.StatusCode)
	}
	return nil
}
