package store

import (
	"strings"
	"time"
)

// Event is an event as it is sent.
type Event struct {
	ID            string // evt_…
	Type          string
	AppointmentID int64
	Created       time.Time
	Body          []byte
}

// State is how far a delivery has come.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // waits for its time, for a free place in its queue, or for its endpoint to be switched on
	Sending   State = "sending"   // an attempt is under way
	Delivered State = "delivered" // acknowledged
	Failed    State = "failed"    // given up: the schedule is used up
)

// Reason says why there is a delivery.
type Reason string

// The reasons of a delivery.
const (
	BecauseOfChange Reason = "change"
	Test            Reason = "test"
	Redelivery      Reason = "redelivery"
)

// Delivery is one event on its way to one endpoint, over all its attempts.
type Delivery struct {
	ID        int64
	EventID   string
	EventType string // of the event; not stored twice
	WebhookID string
	Reason    Reason
	// Fault names what is wrong with it on purpose; empty for a genuine one.
	Fault string
	// Once says that it is never retried.
	Once     bool
	State    State
	Attempts int
	// NextAt is when the next attempt is due, while Pending.
	NextAt    time.Time
	CreatedAt time.Time
	// LastStatus, LastError and LastTotal are those of the last attempt.
	LastStatus int
	LastError  string
	LastTotal  time.Duration
}

// AddEvent keeps an event.
func (tx *Tx) AddEvent(e Event) error {
	_, err := tx.exec(`INSERT INTO events (id, type, appointment_id, created, body) VALUES (?, ?, ?, ?, ?)`,
		e.ID, e.Type, e.AppointmentID, nanos(e.Created), e.Body)
	return err
}

// Event is the event with that id, or ErrNotFound.
func (tx *Tx) Event(id string) (Event, error) {
	return one(tx, func(row scanner) (e Event, err error) {
		var created int64
		err = row.Scan(&e.ID, &e.Type, &e.AppointmentID, &created, &e.Body)
		e.Created = instant(created)
		return e, err
	}, `SELECT id, type, appointment_id, created, body FROM events WHERE id = ?`, id)
}

// AddDelivery keeps a new delivery and gives it its id.
func (tx *Tx) AddDelivery(d *Delivery) error {
	res, err := tx.exec(`INSERT INTO deliveries (event_id, webhook_id, reason, fault, once, state, next_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		d.EventID, d.WebhookID, d.Reason, d.Fault, d.Once, d.State, nanos(d.NextAt), nanos(d.CreatedAt))
	if err != nil {
		return err
	}
	if d.ID, err = res.LastInsertId(); err != nil {
		return err
	}
	tx.changed(KindDelivery, d.ID)
	return nil
}

const selectDeliveries = `SELECT d.id, d.event_id, e.type, d.webhook_id, d.reason, d.fault, d.once, d.state, d.attempts, d.next_at, d.created_at,
	coalesce(a.status, 0), coalesce(a.error, ''), coalesce(a.total, 0)
	FROM deliveries d JOIN events e ON e.id = d.event_id
	LEFT JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempts`

func scanDelivery(row scanner) (d Delivery, err error) {
	var next, created int64
	err = row.Scan(&d.ID, &d.EventID, &d.EventType, &d.WebhookID, &d.Reason, &d.Fault, &d.Once, &d.State, &d.Attempts, &next, &created,
		&d.LastStatus, &d.LastError, &d.LastTotal)
	d.NextAt, d.CreatedAt = instant(next), instant(created)
	return d, err
}

// Delivery is the delivery with that id, or ErrNotFound.
func (tx *Tx) Delivery(id int64) (Delivery, error) {
	return one(tx, scanDelivery, selectDeliveries+` WHERE d.id = ?`, id)
}

// DeliveryFilter narrows a listing of deliveries. Zero values do not narrow.
type DeliveryFilter struct {
	WebhookID string
	EventID   string
	State     State
	Before    int64 // only ids below
}

// Deliveries lists the latest first, at most limit of them.
func (tx *Tx) Deliveries(f DeliveryFilter, limit int) ([]Delivery, error) {
	var terms []string
	var args []any
	add := func(term string, value any) { terms, args = append(terms, term), append(args, value) }
	if f.WebhookID != "" {
		add(`d.webhook_id = ?`, f.WebhookID)
	}
	if f.EventID != "" {
		add(`d.event_id = ?`, f.EventID)
	}
	if f.State != "" {
		add(`d.state = ?`, f.State)
	}
	if f.Before != 0 {
		add(`d.id < ?`, f.Before)
	}
	query := selectDeliveries
	if len(terms) > 0 {
		query += ` WHERE ` + strings.Join(terms, ` AND `)
	}
	return all(tx, scanDelivery, query+` ORDER BY d.id DESC LIMIT ?`, append(args, limit)...)
}

// SetDelivery says how far the delivery has come.
func (tx *Tx) SetDelivery(id int64, state State, next time.Time) error {
	tx.changed(KindDelivery, id)
	return tx.execOne(`UPDATE deliveries SET state = ?, next_at = ? WHERE id = ?`, state, nanos(next), id)
}

// Counts is how many deliveries of a webhook are in each state.
func (tx *Tx) Counts(webhookID string) (map[State]int, error) {
	type row struct {
		state State
		n     int
	}
	rows, err := all(tx, func(s scanner) (r row, err error) { return r, s.Scan(&r.state, &r.n) },
		`SELECT state, count(*) FROM deliveries WHERE webhook_id = ? GROUP BY state`, webhookID)
	counts := map[State]int{}
	for _, r := range rows {
		counts[r.state] = r.n
	}
	return counts, err
}

// Prune forgets all but the last keep finished deliveries, and the events that no delivery carries any more.
func (tx *Tx) Prune(keep int) error {
	if _, err := tx.exec(`DELETE FROM deliveries WHERE state IN (?, ?) AND id <= (SELECT coalesce(max(id), 0) FROM deliveries) - ?`,
		Delivered, Failed, keep); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM events WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id)`)
	return err
}
