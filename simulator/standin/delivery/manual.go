package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/fault"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Again is how to send an event once more by hand.
type Again struct {
	// Times is how many deliveries to make, all at the same time; zero means one.
	Times int `json:"times"`
	// Delay is how long to wait first.
	Delay time.Duration `json:"-"`
	// Tamper names what is to be wrong with the signature (fault.BadSignatureKinds); empty means nothing.
	Tamper string `json:"tamper"`
}

// Bounds of Again.
const (
	maxTimes = 100
	maxDelay = 7 * 24 * time.Hour
)

func (a *Again) check() error {
	if a.Times == 0 {
		a.Times = 1
	}
	if a.Times < 1 || a.Times > maxTimes {
		return problem.Field(problem.InvalidFieldValue, "times", "want 1 to %d", maxTimes)
	}
	if a.Delay < 0 || a.Delay > maxDelay {
		return problem.Field(problem.InvalidFieldValue, "delay", "want a duration from 0s to %s", maxDelay)
	}
	if a.Tamper != "" && !slices.Contains(fault.BadSignatureKinds(), fault.BadSignatureKind(a.Tamper)) {
		return problem.Unknown("tamper", a.Tamper, fault.BadSignatureKinds())
	}
	return nil
}

// Redeliver sends the event of a delivery to the same endpoint again. Each of
// the new deliveries is attempted once. Those without a delay start at the same
// time, past the endpoint's queue and even when it is switched off.
func (e *Engine) Redeliver(ctx context.Context, deliveryID int64, again Again) ([]store.Delivery, error) {
	if err := again.check(); err != nil {
		return nil, err
	}
	var original store.Delivery
	err := e.Store.Do(ctx, func(tx *store.Tx) (err error) {
		if original, err = tx.Delivery(deliveryID); errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "there is no delivery %d", deliveryID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.add(ctx, original.WebhookID, nil, store.Delivery{
		EventID: original.EventID, EventType: original.EventType, Reason: store.Redelivery, Fault: again.Tamper,
	}, again)
}

// Test sends a generated event to one endpoint and waits for what comes of it.
func (e *Engine) Test(ctx context.Context, webhookID string, ev fixtures.Event) (store.Attempt, error) {
	event := &store.Event{ID: ev.ID, Type: ev.Type, AppointmentID: ev.AppointmentID, Created: ev.Created, Body: ev.Body}
	made, err := e.add(ctx, webhookID, event, store.Delivery{EventID: ev.ID, EventType: ev.Type, Reason: store.Test}, Again{Times: 1})
	if err != nil {
		return store.Attempt{}, err
	}
	var attempts []store.Attempt
	err = e.Store.Do(ctx, func(tx *store.Tx) (err error) {
		attempts, err = tx.Attempts(made[0].ID)
		return err
	})
	if err != nil {
		return store.Attempt{}, err
	}
	if len(attempts) == 0 {
		return store.Attempt{}, problem.New(problem.ServiceUnavailable, "the stand-in is shutting down")
	}
	return attempts[0], nil
}

// add makes deliveries like d to a webhook, after keeping their event if it is
// new. It returns when those that are to be sent at once have been.
func (e *Engine) add(ctx context.Context, webhookID string, ev *store.Event, d store.Delivery, again Again) ([]store.Delivery, error) {
	now := e.Clock.Now()
	d.WebhookID, d.Once, d.CreatedAt, d.NextAt, d.State = webhookID, true, now, now.Add(again.Delay), store.Pending
	if again.Delay == 0 {
		d.State = store.Sending // ours from the start: the queue must not take it
	}
	var w store.Webhook
	made := make([]store.Delivery, again.Times)
	err := e.Store.Do(ctx, func(tx *store.Tx) (err error) {
		if w, err = tx.Webhook(webhookID); errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.WebhookNotFound, "there is no webhook %s", webhookID)
		} else if err != nil {
			return err
		}
		if ev != nil {
			if err := tx.AddEvent(*ev); err != nil {
				return err
			}
		}
		for i := range made {
			made[i] = d
			if err := tx.AddDelivery(&made[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if again.Delay == 0 {
		if err := e.sendNow(ctx, w, made); err != nil {
			return nil, err
		}
	}
	return made, e.Store.Do(ctx, func(tx *store.Tx) (err error) { // as they are now
		for i := range made {
			if made[i], err = tx.Delivery(made[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendNow attempts the deliveries at the same time and waits for all of them.
func (e *Engine) sendNow(ctx context.Context, w store.Webhook, deliveries []store.Delivery) error {
	ended := make(chan struct{}, len(deliveries))
	launched := 0
	for _, d := range deliveries {
		if e.launch(w, d, func() { ended <- struct{}{} }) {
			launched++
		}
	}
	for range launched {
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("deliver: %w", ctx.Err())
		}
	}
	return nil
}
