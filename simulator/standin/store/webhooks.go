package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// SignWith says which secret signs while two are valid.
type SignWith string

// The ways to sign during the overlap of a rotation. One delivery has one
// signature header with one value, so each attempt is signed with one of the two.
const (
	SignNew       SignWith = "new"       // what moncreneau would do from the rotation on
	SignPrevious  SignWith = "previous"  // as if the rotation were yet to come
	SignAlternate SignWith = "alternate" // in turns: only a receiver that knows both takes every attempt
)

// Webhook is a registered endpoint.
type Webhook struct {
	ID     string // wh_…
	URL    string
	Events []string // the types it wants
	Secret string   // whsec_…
	// PreviousSecret is valid, too, until PreviousUntil.
	PreviousSecret string
	PreviousUntil  time.Time
	SignWith       SignWith
	Active         bool
	// OffReason says why the engine switched it off; empty when it did not.
	OffReason string
	// FailingSince is when the first of an unbroken row of failed attempts was; zero when the last one succeeded.
	FailingSince time.Time
	CreatedAt    time.Time
}

const webhookColumns = `id, url, events, secret, previous_secret, previous_until, sign_with, active, off_reason, failing_since, created_at`

func scanWebhook(row scanner) (w Webhook, err error) {
	var events string
	var until, failing, created int64
	if err := row.Scan(&w.ID, &w.URL, &events, &w.Secret, &w.PreviousSecret, &until, &w.SignWith, &w.Active, &w.OffReason, &failing, &created); err != nil {
		return w, err
	}
	w.PreviousUntil, w.FailingSince, w.CreatedAt = instant(until), instant(failing), instant(created)
	return w, json.Unmarshal([]byte(events), &w.Events)
}

// PutWebhook keeps w under its id, new or not.
func (tx *Tx) PutWebhook(w Webhook) error {
	events, err := json.Marshal(w.Events)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if w.SignWith == "" {
		w.SignWith = SignNew
	}
	tx.changed(KindWebhook, w.ID)
	_, err = tx.exec(`INSERT INTO webhooks (`+webhookColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, secret = excluded.secret,
			previous_secret = excluded.previous_secret, previous_until = excluded.previous_until, sign_with = excluded.sign_with,
			active = excluded.active, off_reason = excluded.off_reason, failing_since = excluded.failing_since`,
		w.ID, w.URL, string(events), w.Secret, w.PreviousSecret, nanos(w.PreviousUntil), w.SignWith, w.Active, w.OffReason,
		nanos(w.FailingSince), nanos(w.CreatedAt))
	return err
}

// Webhook is the webhook with that id, or ErrNotFound.
func (tx *Tx) Webhook(id string) (Webhook, error) {
	return one(tx, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = ?`, id)
}

// Webhooks lists them all, oldest first.
func (tx *Tx) Webhooks() ([]Webhook, error) {
	return all(tx, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks ORDER BY created_at, id`)
}

// DeleteWebhook forgets the webhook and its deliveries, or returns ErrNotFound.
func (tx *Tx) DeleteWebhook(id string) error {
	tx.changed(KindWebhook, id)
	return tx.execOne(`DELETE FROM webhooks WHERE id = ?`, id)
}
