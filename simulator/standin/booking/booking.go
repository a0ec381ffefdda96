// Package booking is what moncreneau does with appointments: the rules of slots
// and credits, and the event that each change emits.
package booking

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// price of an appointment, in credits.
const price = 1

// Service books and changes appointments. A change, its event and the
// deliveries of that event become true together.
type Service struct {
	Store *store.Store
	Clock clockwork.Clock
}

// Request is what is asked for when booking.
type Request struct {
	DepartmentID   int64
	DateTime       string // as Local
	Name           string
	ExternalUserID string
	WorkerID       int64
	Phone, Email   string
}

var phone = regexp.MustCompile(`^\+224 ?6[0-9]{2}( ?[0-9]{2}){3}$`)

// checkPerson checks what is the same in every department.
func checkPerson(a store.Appointment) error {
	if strings.TrimSpace(a.Name) == "" {
		return problem.Field(problem.MissingRequiredField, "name", "is required")
	}
	if len(a.Name) > 200 {
		return problem.Field(problem.InvalidFieldValue, "name", "is longer than 200 bytes")
	}
	if len(a.ExternalUserID) > 200 {
		return problem.Field(problem.InvalidFieldValue, "externalUserId", "is longer than 200 bytes")
	}
	if a.WorkerID < 0 {
		return problem.Field(problem.InvalidFieldValue, "workerId", "want an id above 0")
	}
	if a.Phone != "" && !phone.MatchString(a.Phone) {
		return problem.Field(problem.InvalidPhoneNumber, "phone", "want a Guinean mobile number, like +224622123456")
	}
	if a.Email != "" {
		if parsed, err := mail.ParseAddress(a.Email); err != nil || parsed.Address != a.Email {
			return problem.Field(problem.InvalidEmail, "email", "is not an e-mail address")
		}
	}
	return nil
}

// Create books an appointment, takes its price from the account's credits, and
// emits appointment.created.
func (s *Service) Create(ctx context.Context, access Access, r Request) (store.Appointment, error) {
	a := store.Appointment{
		DepartmentID: r.DepartmentID, WorkerID: r.WorkerID, DateTime: r.DateTime, Status: store.Scheduled,
		Name: r.Name, Phone: r.Phone, Email: r.Email, ExternalUserID: r.ExternalUserID,
		CreditsConsumed: price, CreatedAt: s.Clock.Now().UTC(),
	}
	d, err := access.Department(a.DepartmentID)
	if err != nil {
		return a, err
	}
	if err := checkPerson(a); err != nil {
		return a, err
	}
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		if err := checkSlot(tx, d, a); err != nil {
			return err
		}
		if err := pay(tx, price); err != nil {
			return err
		}
		if err := tx.AddAppointment(&a); err != nil {
			return err
		}
		return s.emit(tx, a, change{eventType: "appointment.created"})
	})
	return a, err
}

func pay(tx *store.Tx, n int) error {
	credits, err := tx.Credits()
	if err != nil {
		return err
	}
	if credits < n {
		return problem.New(problem.InsufficientCredits, "the account has %d credits, an appointment takes %d", credits, n).
			With("required", n).With("available", credits)
	}
	return tx.SetCredits(credits - n)
}

// Get is one appointment.
func (s *Service) Get(ctx context.Context, access Access, id int64) (a store.Appointment, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		a, err = find(tx, access, id)
		return err
	})
	return a, err
}

func find(tx *store.Tx, access Access, id int64) (store.Appointment, error) {
	a, err := tx.Appointment(id)
	if errors.Is(err, store.ErrNotFound) {
		return a, problem.New(problem.AppointmentNotFound, "there is no appointment %d", id).With("appointmentId", id)
	}
	if err != nil {
		return a, err
	}
	_, err = access.Department(a.DepartmentID)
	return a, err
}

// List is one page of the appointments that the filter lets through, page 0
// first, and how many there are in all.
func (s *Service) List(ctx context.Context, access Access, f store.AppointmentFilter, page, size int) (list []store.Appointment, total int, err error) {
	f.Departments = access.ids()
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		list, total, err = tx.Appointments(f, page*size, size)
		return err
	})
	return list, total, err
}

// Cancel cancels an appointment, gives its credits back, and emits
// appointment.cancelled. by and reason go into the event.
func (s *Service) Cancel(ctx context.Context, access Access, id int64, by, reason string) error {
	_, err := s.alter(ctx, access, id, "cancelled", func(tx *store.Tx, a *store.Appointment) (change, error) {
		a.Status = store.Cancelled
		credits, err := tx.Credits()
		if err != nil {
			return change{}, err
		}
		refund := a.CreditsConsumed
		return change{eventType: "appointment.cancelled", by: by, reason: reason, refunded: refund}, tx.SetCredits(credits + refund)
	})
	return err
}

// Validate records that the appointment was validated on arrival (its QR code
// scanned) and emits appointment.validated.
func (s *Service) Validate(ctx context.Context, id int64) (store.Appointment, error) {
	return s.alter(ctx, Access{}, id, "validated", func(_ *store.Tx, a *store.Appointment) (change, error) {
		if !a.ValidatedAt.IsZero() {
			return change{}, problem.New(problem.InvalidRequest, "appointment %d is validated already", a.ID)
		}
		a.ValidatedAt = s.Clock.Now().UTC()
		return change{eventType: "appointment.validated"}, nil
	})
}

// Complete ends the appointment and emits appointment.completed.
func (s *Service) Complete(ctx context.Context, id int64) (store.Appointment, error) {
	return s.alter(ctx, Access{}, id, "completed", func(_ *store.Tx, a *store.Appointment) (change, error) {
		a.Status = store.Completed
		return change{eventType: "appointment.completed"}, nil
	})
}

// NoShow records that nobody came. No event type is named for it, so it emits
// appointment.updated with the change of status.
func (s *Service) NoShow(ctx context.Context, id int64) (store.Appointment, error) {
	return s.alter(ctx, Access{}, id, "missed", func(_ *store.Tx, a *store.Appointment) (change, error) {
		from := a.Status
		a.Status = store.NoShow
		return change{eventType: "appointment.updated", fields: map[string]fromTo{"status": {from, a.Status}}}, nil
	})
}

// Patch is what Update alters; nil leaves a field as it is.
type Patch struct {
	DateTime *string `json:"dateTime"`
	Name     *string `json:"name"`
	Phone    *string `json:"phone"`
	Email    *string `json:"email"`
	WorkerID *int64  `json:"workerId"`
}

// Update moves an appointment or corrects the person, and emits
// appointment.updated with what has changed.
func (s *Service) Update(ctx context.Context, id int64, p Patch) (store.Appointment, error) {
	return s.alter(ctx, Access{}, id, "updated", func(tx *store.Tx, a *store.Appointment) (change, error) {
		fields := map[string]fromTo{}
		set(fields, "dateTime", &a.DateTime, p.DateTime)
		set(fields, "name", &a.Name, p.Name)
		set(fields, "phone", &a.Phone, p.Phone)
		set(fields, "email", &a.Email, p.Email)
		set(fields, "workerId", &a.WorkerID, p.WorkerID)
		if len(fields) == 0 {
			return change{}, problem.New(problem.InvalidRequest, "nothing would change: give dateTime, name, phone, email or workerId a new value")
		}
		if err := checkPerson(*a); err != nil {
			return change{}, err
		}
		d, err := Access{}.Department(a.DepartmentID)
		if err != nil {
			return change{}, err
		}
		return change{eventType: "appointment.updated", fields: fields}, checkSlot(tx, d, *a)
	})
}

func set[T comparable](fields map[string]fromTo, name string, field, to *T) {
	if to != nil && *to != *field {
		fields[name] = fromTo{*field, *to}
		*field = *to
	}
}

// alter changes an appointment that is still to come; verb says to what, for
// the message when it is not.
func (s *Service) alter(ctx context.Context, access Access, id int64, verb string, f func(*store.Tx, *store.Appointment) (change, error)) (a store.Appointment, err error) {
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		if a, err = find(tx, access, id); err != nil {
			return err
		}
		if a.Status != store.Scheduled && a.Status != store.PendingPayment {
			return problem.New(problem.InvalidRequest, "appointment %d is %s and cannot be %s", id, a.Status, verb).With("status", a.Status)
		}
		c, err := f(tx, &a)
		if err != nil {
			return err
		}
		if err := tx.SetAppointment(a); err != nil {
			return err
		}
		return s.emit(tx, a, c)
	})
	return a, err
}

func (s *Service) emit(tx *store.Tx, a store.Appointment, c change) error {
	d, err := Access{}.Department(a.DepartmentID)
	if err != nil {
		return err
	}
	now := s.Clock.Now().UTC().Truncate(time.Second)
	event, err := newEvent(a, d, c, now)
	if err != nil {
		return fmt.Errorf("booking: %s: %w", c.eventType, err)
	}
	_, err = endpoint.Enqueue(tx, event, store.BecauseOfChange, s.Clock.Now())
	return err
}
