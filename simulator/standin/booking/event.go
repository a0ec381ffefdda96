package booking

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// change is what happened to an appointment.
type change struct {
	eventType  string
	fields     map[string]fromTo // of appointment.updated
	by, reason string            // of appointment.cancelled
	refunded   int               // of appointment.cancelled
}

// fromTo is the change of one field.
type fromTo struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// envelope is the body of an event: fixtures/contract.graphql says what belongs
// into it, and a test holds every event of this package to it.
type envelope struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Created string `json:"created"`
	Data    struct {
		Object object `json:"object"`
	} `json:"data"`
}

// object is the appointment as events show it. It differs from the API's: see
// creditsUsed and the zone of createdAt.
type object struct {
	ID           int64         `json:"id"`
	DepartmentID int64         `json:"departmentId"`
	Department   departmentRef `json:"department"`
	DateTime     string        `json:"dateTime"`
	Status       store.Status  `json:"status"`
	Name         string        `json:"name"`
	Phone        string        `json:"phone,omitempty"`
	Email        string        `json:"email,omitempty"`
	QRCode       string        `json:"qrCode"`
	CreatedAt    string        `json:"createdAt"`
	CreditsUsed  int           `json:"creditsUsed"`

	UpdatedAt string            `json:"updatedAt,omitempty"`
	Changes   map[string]fromTo `json:"changes,omitempty"`

	CancelledAt     string `json:"cancelledAt,omitempty"`
	CancelledBy     string `json:"cancelledBy,omitempty"`
	CancelReason    string `json:"cancelReason,omitempty"`
	CreditsRefunded *int   `json:"creditsRefunded,omitempty"`
}

type departmentRef struct {
	ID           int64        `json:"id"`
	Name         string       `json:"name"`
	Organization Organization `json:"organization"`
}

// QRCode is the address of an appointment's QR code.
func QRCode(id int64) string { return fmt.Sprintf("https://moncreneau.gn/qr/%d", id) }

// newEvent is the event that tells c of a. The body is compact JSON with
// non-ASCII letters as they are.
func newEvent(a store.Appointment, d Department, c change, now time.Time) (store.Event, error) {
	instant := now.Format(time.RFC3339)
	e := envelope{ID: newEventID(), Type: c.eventType, Created: instant}
	e.Data.Object = object{
		ID: a.ID, DepartmentID: a.DepartmentID,
		Department: departmentRef{ID: d.ID, Name: d.Name, Organization: d.Organization},
		DateTime:   a.DateTime, Status: a.Status, Name: a.Name, Phone: a.Phone, Email: a.Email,
		QRCode: QRCode(a.ID), CreatedAt: a.CreatedAt.UTC().Format(time.RFC3339), CreditsUsed: a.CreditsConsumed,
	}
	switch c.eventType {
	case "appointment.updated":
		e.Data.Object.UpdatedAt, e.Data.Object.Changes = instant, c.fields
	case "appointment.cancelled":
		e.Data.Object.CancelledAt, e.Data.Object.CancelledBy, e.Data.Object.CancelReason = instant, c.by, c.reason
		e.Data.Object.CreditsRefunded = &c.refunded
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return store.Event{}, err
	}
	return store.Event{ID: e.ID, Type: e.Type, AppointmentID: a.ID, Created: now, Body: bytes.TrimSuffix(body.Bytes(), []byte("\n"))}, nil
}

// newEventID is evt_ and 128 random bits in hexadecimal.
func newEventID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: see crypto/rand
	return "evt_" + hex.EncodeToString(id[:])
}
