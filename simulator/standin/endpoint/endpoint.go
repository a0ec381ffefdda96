// Package endpoint keeps the webhooks that are registered with the stand-in: where
// they may point to, which events they get, and the secrets that sign for them.
package endpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Service registers and changes webhooks.
type Service struct {
	Store  *store.Store
	Clock  clockwork.Clock
	Policy Policy
}

// Registration is what is asked for when registering. In an update nil leaves a
// field as it is.
type Registration struct {
	URL    *string   `json:"url"`
	Events *[]string `json:"events"`
	Active *bool     `json:"active"`
	// Secret is used instead of one made up; not part of moncreneau's API.
	Secret string `json:"-"`
}

// Register adds a webhook with a secret of its own.
func (s *Service) Register(ctx context.Context, r Registration) (store.Webhook, error) {
	w := store.Webhook{ID: newID("wh_"), Secret: r.Secret, Active: true, CreatedAt: s.Clock.Now().UTC()}
	if w.Secret == "" {
		w.Secret = newID("whsec_")
	}
	switch {
	case r.URL == nil:
		return w, problem.Field(problem.MissingRequiredField, "url", "is required")
	case r.Events == nil:
		return w, problem.Field(problem.MissingRequiredField, "events", "is required: the event types to send")
	}
	if err := s.apply(&w, r); err != nil {
		return w, err
	}
	return w, s.Store.Do(ctx, func(tx *store.Tx) error { return tx.PutWebhook(w) })
}

// Ensure is Register for an endpoint named at the start: a webhook with this URL
// is kept as it is, switched on again, and takes the secret if one is given.
// made says whether it is new.
func (s *Service) Ensure(ctx context.Context, url, secret string) (w store.Webhook, made bool, err error) {
	list, err := s.List(ctx)
	if err != nil {
		return w, false, err
	}
	for _, w := range list {
		if w.URL != url {
			continue
		}
		w.Active, w.OffReason, w.FailingSince = true, "", time.Time{}
		if secret != "" {
			w.Secret = secret
		}
		return w, false, s.Store.Do(ctx, func(tx *store.Tx) error { return tx.PutWebhook(w) })
	}
	types := fixtures.Default().EventTypes()
	w, err = s.Register(ctx, Registration{URL: &url, Events: &types, Secret: secret})
	return w, true, err
}

// Update changes a webhook. Switching it on forgives what switched it off.
func (s *Service) Update(ctx context.Context, id string, r Registration) (store.Webhook, error) {
	return s.change(ctx, id, func(w *store.Webhook) error { return s.apply(w, r) })
}

// apply checks r and writes it into w.
func (s *Service) apply(w *store.Webhook, r Registration) error {
	if r.URL != nil {
		if _, err := s.Policy.Check(*r.URL); err != nil {
			return problem.Field(problem.InvalidFieldValue, "url", "%v", err)
		}
		w.URL = *r.URL
	}
	if r.Events != nil {
		if len(*r.Events) == 0 {
			return problem.Field(problem.InvalidFieldValue, "events", "is empty: a webhook wants at least one event type")
		}
		for _, name := range *r.Events {
			if !slices.Contains(fixtures.Default().EventTypes(), Canonical(name)) {
				return problem.Unknown("events", name, fixtures.Default().EventTypes())
			}
		}
		w.Events = slices.Clone(*r.Events)
	}
	if r.Active != nil {
		w.Active = *r.Active
		if w.Active {
			w.OffReason, w.FailingSince = "", time.Time{}
		}
	}
	return nil
}

// Canonical is the type that a name in a registration stands for. The READMEs of
// moncreneau's libraries write APPOINTMENT_CREATED, and its management page has
// appointment.confirmed where the other pages have appointment.validated.
func Canonical(name string) string {
	if strings.HasPrefix(name, "APPOINTMENT_") {
		name = strings.ToLower(strings.Replace(name, "_", ".", 1))
	}
	if name == "appointment.confirmed" {
		return "appointment.validated"
	}
	return name
}

// Rotation is how the secret of a webhook changes.
type Rotation struct {
	// Overlap is how long the old secret stays valid; zero ends it at once.
	Overlap time.Duration
	// SignWith says which of the two signs meanwhile; empty means the new one.
	SignWith store.SignWith
	// Secret is the new one; empty makes one up.
	Secret string
}

// maxOverlap bounds Rotation.Overlap.
const maxOverlap = 30 * 24 * time.Hour

// Rotate gives a webhook a new secret.
//
// moncreneau's signature is one header with one value, and a receiver is right
// to refuse two, so an attempt cannot carry both signatures as Standard Webhooks
// has it. What a receiver sees of a rotation is a moment at which the key
// changes. SignWith chooses on which side of it the attempts of the overlap
// are, or puts them on both sides in turns: a receiver that is ready for a
// rotation takes every one of them.
func (s *Service) Rotate(ctx context.Context, id string, r Rotation) (store.Webhook, error) {
	if r.Overlap < 0 || r.Overlap > maxOverlap {
		return store.Webhook{}, problem.Field(problem.InvalidFieldValue, "overlap", "want a duration from 0s to %s", maxOverlap)
	}
	switch r.SignWith {
	case "":
		r.SignWith = store.SignNew
	case store.SignNew, store.SignPrevious, store.SignAlternate:
	default:
		return store.Webhook{}, problem.Field(problem.InvalidFieldValue, "signWith", "want new, previous or alternate")
	}
	if r.Secret == "" {
		r.Secret = newID("whsec_")
	}
	return s.change(ctx, id, func(w *store.Webhook) error {
		w.PreviousSecret, w.PreviousUntil, w.SignWith = "", time.Time{}, r.SignWith
		if r.Overlap > 0 {
			w.PreviousSecret, w.PreviousUntil = w.Secret, s.Clock.Now().Add(r.Overlap)
		}
		w.Secret = r.Secret
		return nil
	})
}

// Secret is the one that signs attempt number (1 is the first) of a delivery at now.
func Secret(w store.Webhook, deliveryID int64, number int, now time.Time) string {
	if w.PreviousSecret == "" || !now.Before(w.PreviousUntil) {
		return w.Secret
	}
	previous := w.SignWith == store.SignPrevious ||
		w.SignWith == store.SignAlternate && (deliveryID+int64(number))%2 == 0
	if previous {
		return w.PreviousSecret
	}
	return w.Secret
}

// change alters the webhook with that id.
func (s *Service) change(ctx context.Context, id string, f func(*store.Webhook) error) (w store.Webhook, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		if w, err = tx.Webhook(id); err != nil {
			return named(err, id)
		}
		if err := f(&w); err != nil {
			return err
		}
		return tx.PutWebhook(w)
	})
	return w, err
}

// Get is the webhook with that id.
func (s *Service) Get(ctx context.Context, id string) (w store.Webhook, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		w, err = tx.Webhook(id)
		return named(err, id)
	})
	return w, err
}

// List lists the webhooks, oldest first.
func (s *Service) List(ctx context.Context) (list []store.Webhook, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		list, err = tx.Webhooks()
		return err
	})
	return list, err
}

// Delete forgets a webhook and its deliveries.
func (s *Service) Delete(ctx context.Context, id string) error {
	return s.Store.Do(ctx, func(tx *store.Tx) error { return named(tx.DeleteWebhook(id), id) })
}

func named(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(problem.WebhookNotFound, "there is no webhook %s", id).With("webhookId", id)
	}
	return err
}

// Enqueue keeps an event and a delivery of it, due at now, for each webhook that
// is switched on and wants its type. It returns the deliveries.
func Enqueue(tx *store.Tx, e store.Event, reason store.Reason, now time.Time) ([]store.Delivery, error) {
	if err := tx.AddEvent(e); err != nil {
		return nil, err
	}
	webhooks, err := tx.Webhooks()
	if err != nil {
		return nil, err
	}
	deliveries := []store.Delivery{}
	for _, w := range webhooks {
		wanted := slices.ContainsFunc(w.Events, func(name string) bool { return Canonical(name) == e.Type })
		if !w.Active || !wanted {
			continue
		}
		d := store.Delivery{EventID: e.ID, EventType: e.Type, WebhookID: w.ID, Reason: reason, State: store.Pending, NextAt: now, CreatedAt: now}
		if err := tx.AddDelivery(&d); err != nil {
			return nil, err
		}
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// newID is prefix and 128 random bits.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
