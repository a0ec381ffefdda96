package store

import (
	"strings"
	"time"
)

// Status is the state of an appointment, in moncreneau's words.
type Status string

// The statuses of an appointment.
const (
	PendingPayment Status = "PENDING_PAYMENT"
	Scheduled      Status = "SCHEDULED"
	Completed      Status = "COMPLETED"
	Cancelled      Status = "CANCELLED"
	NoShow         Status = "NO_SHOW"
)

// Statuses lists them all.
func Statuses() []Status {
	return []Status{PendingPayment, Scheduled, Completed, Cancelled, NoShow}
}

// Appointment is one appointment.
type Appointment struct {
	ID             int64
	DepartmentID   int64
	WorkerID       int64  // 0: none asked for
	DateTime       string // local, 2006-01-02T15:04:05
	Status         Status
	Name           string
	Phone, Email   string
	ExternalUserID string
	// CreditsConsumed is what it cost; cancelling gives it back.
	CreditsConsumed int
	CreatedAt       time.Time
	ValidatedAt     time.Time // zero: not validated
}

// AppointmentFilter narrows a listing. Zero values do not narrow.
type AppointmentFilter struct {
	Status         Status
	DepartmentID   int64
	Departments    []int64 // any of them
	ExternalUserID string
	// From and Before bound DateTime: From <= DateTime < Before.
	From, Before string
}

func (f AppointmentFilter) where() (string, []any) {
	var terms []string
	var args []any
	add := func(term string, values ...any) {
		terms = append(terms, term)
		args = append(args, values...)
	}
	if f.Status != "" {
		add(`status = ?`, f.Status)
	}
	if f.DepartmentID != 0 {
		add(`department_id = ?`, f.DepartmentID)
	}
	if len(f.Departments) > 0 {
		ids := make([]any, len(f.Departments))
		for i, id := range f.Departments {
			ids[i] = id
		}
		add(`department_id IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`)`, ids...)
	}
	if f.ExternalUserID != "" {
		add(`external_user_id = ?`, f.ExternalUserID)
	}
	if f.From != "" {
		add(`date_time >= ?`, f.From)
	}
	if f.Before != "" {
		add(`date_time < ?`, f.Before)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return ` WHERE ` + strings.Join(terms, ` AND `), args
}

const appointmentColumns = `id, department_id, worker_id, date_time, status, name, phone, email, external_user_id, credits_consumed, created_at, validated_at`

func scanAppointment(row scanner) (a Appointment, err error) {
	var created, validated int64
	err = row.Scan(&a.ID, &a.DepartmentID, &a.WorkerID, &a.DateTime, &a.Status, &a.Name, &a.Phone, &a.Email,
		&a.ExternalUserID, &a.CreditsConsumed, &created, &validated)
	a.CreatedAt, a.ValidatedAt = instant(created), instant(validated)
	return a, err
}

// AddAppointment keeps a new appointment and gives it its id.
func (tx *Tx) AddAppointment(a *Appointment) error {
	res, err := tx.exec(`INSERT INTO appointments (department_id, worker_id, date_time, status, name, phone, email, external_user_id, credits_consumed, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.DepartmentID, a.WorkerID, a.DateTime, a.Status, a.Name, a.Phone, a.Email, a.ExternalUserID, a.CreditsConsumed, nanos(a.CreatedAt))
	if err != nil {
		return err
	}
	if a.ID, err = res.LastInsertId(); err != nil {
		return err
	}
	tx.changed(KindAppointment, a.ID)
	return nil
}

// SetAppointment replaces what is kept under a.ID.
func (tx *Tx) SetAppointment(a Appointment) error {
	tx.changed(KindAppointment, a.ID)
	return tx.execOne(`UPDATE appointments SET department_id = ?, worker_id = ?, date_time = ?, status = ?, name = ?, phone = ?,
		email = ?, external_user_id = ?, credits_consumed = ?, validated_at = ? WHERE id = ?`,
		a.DepartmentID, a.WorkerID, a.DateTime, a.Status, a.Name, a.Phone, a.Email, a.ExternalUserID, a.CreditsConsumed,
		nanos(a.ValidatedAt), a.ID)
}

// Appointment is the appointment with that id, or ErrNotFound.
func (tx *Tx) Appointment(id int64) (Appointment, error) {
	return one(tx, scanAppointment, `SELECT `+appointmentColumns+` FROM appointments WHERE id = ?`, id)
}

// Appointments is the part of the filtered list, in order of their ids, that
// begins at offset and has at most limit of them, and how many the list has.
func (tx *Tx) Appointments(f AppointmentFilter, offset, limit int) ([]Appointment, int, error) {
	where, args := f.where()
	total, err := one(tx, number, `SELECT count(*) FROM appointments`+where, args...)
	if err != nil {
		return nil, 0, err
	}
	list, err := all(tx, scanAppointment, `SELECT `+appointmentColumns+` FROM appointments`+where+` ORDER BY id LIMIT ? OFFSET ?`,
		append(args, limit, offset)...)
	return list, total, err
}

// Taken lists the appointments that occupy a slot of a department from one
// local time (inclusive) to another (exclusive).
func (tx *Tx) Taken(departmentID int64, from, before string) ([]Appointment, error) {
	return all(tx, scanAppointment, `SELECT `+appointmentColumns+` FROM appointments
		WHERE department_id = ? AND date_time >= ? AND date_time < ? AND status IN (?, ?) ORDER BY date_time, id`,
		departmentID, from, before, Scheduled, PendingPayment)
}
