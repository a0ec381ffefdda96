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
	"strconv"

	"go.opentelemetry.io/otel/propagation"
)

// This is the file that you replace: what your business does with an event. Handler,
// in process.go, says what is expected of it. The example calls an API, writes a
// database and sends an e-mail; example_effects.go has the last two.

// NewHandler is called once at the start. If the handler has a Close method, that is
// called at the end.
func NewHandler(ctx context.Context, config Config) (Handler, error) {
	h := &exampleHandler{apiURL: config.DownstreamURL, smtpAddress: config.SMTPAddress}
	h.client = &http.Client{
		Timeout:       config.DownstreamTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: config.Workers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if config.AppointmentsDB != "" {
		var err error
		if h.appointments, err = openAppointments(ctx, config.AppointmentsDB); err != nil {
			return nil, err
		}
	}
	return h, nil
}

type exampleHandler struct {
	apiURL       string
	client       *http.Client
	appointments *appointmentsTable // nil: none is kept
	smtpAddress  string             // empty: no e-mail is sent
}

// Close closes the table.
func (h *exampleHandler) Close() error {
	if h.appointments == nil {
		return nil
	}
	return h.appointments.db.Close()
}

// Appointment is as much of data.object as the example needs.
type Appointment struct {
	ID       int64  `json:"id"`
	DateTime string `json:"dateTime"`
	Status   string `json:"status"`
	Email    string `json:"email"`
}

// OrderKey lets the events of an appointment overtake each other: the table below
// copes with that. If yours cannot, return the appointment's id.
func (h *exampleHandler) OrderKey(Event) string { return "" }

// Handle does everything again when it is tried again. That is harmless: each effect
// knows the event's id and has no second effect.
func (h *exampleHandler) Handle(ctx context.Context, event Event) error {
	var data struct {
		Object Appointment `json:"object"`
	}
	if h.appointments != nil || h.smtpAddress != "" {
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return errors.New("the appointment could not be read") // the error may repeat what it found
		}
	}
	if h.apiURL != "" {
		if err := h.callAPI(ctx, event); err != nil {
			return fmt.Errorf("api: %w", err)
		}
	}
	if h.appointments != nil {
		if err := h.appointments.save(ctx, event, data.Object); err != nil {
			return fmt.Errorf("appointments: %w", err)
		}
	}
	if h.smtpAddress != "" && event.Type == TypeCreated && data.Object.Email != "" {
		if err := sendMail(ctx, h.smtpAddress, event, data.Object); err != nil {
			return fmt.Errorf("e-mail: %w", err)
		}
	}
	return nil
}

// callAPI tells another system, which recognises a repeated call by its
// Idempotency-Key. Only a 2xx is success.
func (h *exampleHandler) callAPI(ctx context.Context, event Event) error {
	body, err := json.Marshal(map[string]any{"eventId": event.ID, "eventType": event.Type, "data": event.Data})
	if err != nil {
		return errors.New("the event could not be written")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.apiURL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL is not valid")
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
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return errors.New("answered " + strconv.Itoa(resp.StatusCode))
	}
	return nil
}
