package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// sender puts one attempt on the wire.
type sender struct {
	client  *http.Client
	clock   clockwork.Clock
	timeout time.Duration
	dialect Dialect
}

// send attempts to deliver ev to w: freshly signed, under a delivery id of its
// own, with the fault that d has on purpose.
func (s sender) send(ctx context.Context, w store.Webhook, d store.Delivery, ev store.Event) (store.Attempt, error) {
	secret := endpoint.Secret(w, d.ID, d.Attempts+1, s.clock.Now())
	event, err := s.dialect.event(fixtures.Event{ID: ev.ID, Type: ev.Type, AppointmentID: ev.AppointmentID, Created: ev.Created, Body: ev.Body})
	if err != nil {
		return store.Attempt{}, err
	}
	out := emitter.NewDelivery(event, secret, "dlv_"+strings.ReplaceAll(uuid.NewString(), "-", ""))
	if d.Fault != "" {
		fault.BadSignature{Kind: fault.BadSignatureKind(d.Fault)}.Apply(&out, secret)
	}
	s.dialect.header(&out)

	// How long an exchange takes is measured with the real clock, whatever the
	// engine's says: it is a fact about the endpoint.
	emit := emitter.Emitter{URL: w.URL, Client: s.client, Timeout: s.timeout}
	started := s.clock.Now().UTC()
	a := emit.Send(ctx, out)
	attempt := store.Attempt{
		DeliveryID: d.ID, WireID: out.ID, StartedAt: started, URL: w.URL,
		RequestHeader: out.Header, RequestBody: out.Body,
		Status: a.Status, ResponseHeader: a.Header, ResponseBody: a.Body,
		Connect: a.Timing.Connect, FirstByte: a.Timing.FirstByte, Total: a.Timing.Total,
	}
	if a.Err != nil {
		attempt.Error = s.explain(a.Err, w.URL)
	}
	return attempt, nil
}

// explain says in plain words why there is no answer.
func (s sender) explain(err error, to string) string {
	host := to
	if u, parseErr := url.Parse(to); parseErr == nil {
		host = u.Host
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no complete answer within %s", s.timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on " + host
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection was closed before the answer was complete"
	}
	return err.Error()
}

// acknowledged says whether the endpoint took the event: a complete 2xx.
func acknowledged(a store.Attempt) bool {
	return a.Error == "" && a.Status >= 200 && a.Status < 300
}

// attempt sends d once and records what came of it.
func (e *Engine) attempt(ctx context.Context, w store.Webhook, d store.Delivery) {
	log := e.Log.With(slog.String("type", d.EventType), slog.String("eventId", d.EventID), slog.String("webhook", w.ID), slog.Int64("delivery", d.ID))
	// What was sent is recorded even when ctx ends meanwhile.
	record := context.WithoutCancel(ctx)
	var ev store.Event
	err := e.Store.Do(record, func(tx *store.Tx) (err error) {
		ev, err = tx.Event(d.EventID)
		return err
	})
	var a store.Attempt
	if err == nil {
		a, err = e.sender.send(ctx, w, d, ev)
	}
	if err == nil && ctx.Err() != nil && !acknowledged(a) {
		err = e.Store.Do(record, func(tx *store.Tx) error { return tx.SetDelivery(d.ID, store.Pending, d.NextAt) })
	} else if err == nil {
		err = e.Store.Do(record, func(tx *store.Tx) error { return e.settle(tx, log, d, a) })
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) { // not found: deleted meanwhile
		log.Error("delivery not recorded", slog.Any("error", err))
	}
}

// settle records a and decides what becomes of its delivery and its endpoint.
func (e *Engine) settle(tx *store.Tx, log *slog.Logger, d store.Delivery, a store.Attempt) error {
	if err := tx.AddAttempt(&a); err != nil {
		return err
	}
	now := e.Clock.Now()
	log = log.With(slog.String("deliveryId", a.WireID), slog.Int("attempt", a.Number), slog.Int("status", a.Status))
	if acknowledged(a) {
		log.Info("acknowledged", slog.Duration("took", a.Total.Round(10*time.Microsecond)))
		if err := tx.SetDelivery(d.ID, store.Delivered, time.Time{}); err != nil {
			return err
		}
	} else {
		state, next := e.afterFailure(d, a, now)
		wait := time.Duration(0)
		if state == store.Pending {
			wait = next.Sub(now).Round(time.Millisecond)
		}
		log.Warn("not acknowledged", slog.String("error", a.Error), slog.String("state", string(state)), slog.Duration("againIn", wait))
		if err := tx.SetDelivery(d.ID, state, next); err != nil {
			return err
		}
	}
	if d.Fault != "" {
		return nil // how the endpoint takes what is wrong on purpose says nothing about its health
	}
	return e.judgeEndpoint(tx, log, d.WebhookID, a, now)
}

// afterFailure says when to try again, if at all.
func (e *Engine) afterFailure(d store.Delivery, a store.Attempt, now time.Time) (store.State, time.Time) {
	wait, more := e.Schedule.next(a.Number)
	if d.Once || !more {
		return store.Failed, time.Time{}
	}
	wait = jittered(wait, e.Jitter, d.ID, a.Number)
	return store.Pending, now.Add(max(wait, retryAfter(a.ResponseHeader, now)))
}

// judgeEndpoint notes whether the endpoint is failing, and switches it off when
// it says 410 Gone or has failed for too long. What is queued for it is kept
// for when it is switched on again.
func (e *Engine) judgeEndpoint(tx *store.Tx, log *slog.Logger, id string, a store.Attempt, now time.Time) error {
	w, err := tx.Webhook(id)
	if err != nil {
		return err
	}
	before := w
	switch {
	case acknowledged(a):
		w.FailingSince = time.Time{}
	case w.FailingSince.IsZero():
		w.FailingSince = now
	}
	switch {
	case a.Status == http.StatusGone:
		w.Active, w.OffReason = false, "it answered 410 Gone"
	case !w.FailingSince.IsZero() && now.Sub(w.FailingSince) >= e.SwitchOff:
		w.Active, w.OffReason = false, "it failed for "+short(e.SwitchOff)+" without one success"
	}
	if w.Active == before.Active && w.FailingSince.Equal(before.FailingSince) {
		return nil
	}
	if before.Active && !w.Active {
		log.Warn("endpoint switched off", slog.String("reason", w.OffReason))
	}
	return tx.PutWebhook(w)
}
