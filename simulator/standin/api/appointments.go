package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Appointment is an appointment as the API shows it. Events show it differently.
type Appointment struct {
	ID              int64        `json:"id"`
	DepartmentID    int64        `json:"departmentId"`
	DateTime        string       `json:"dateTime"`
	Status          store.Status `json:"status"`
	Name            string       `json:"name"`
	QRCode          string       `json:"qrCode"`
	CreatedAt       string       `json:"createdAt"` // local, without a zone
	CreditsConsumed int          `json:"creditsConsumed"`
	ExternalUserID  string       `json:"externalUserId,omitempty"`
}

// ShowAppointment is a as the API shows it.
func ShowAppointment(a store.Appointment) Appointment {
	return Appointment{
		ID: a.ID, DepartmentID: a.DepartmentID, DateTime: a.DateTime, Status: a.Status, Name: a.Name,
		QRCode: booking.QRCode(a.ID), CreatedAt: a.CreatedAt.UTC().Format(booking.Local),
		CreditsConsumed: a.CreditsConsumed, ExternalUserID: a.ExternalUserID,
	}
}

// Page is one page of appointments.
type Page struct {
	Content       []Appointment `json:"content"`
	Page          int           `json:"page"` // from 0
	Size          int           `json:"size"`
	TotalElements int           `json:"totalElements"`
	TotalPages    int           `json:"totalPages"`
	Last          bool          `json:"last"`
}

func (a *API) createAppointment(c *call) (any, error) {
	var body struct {
		DepartmentID   *int64  `json:"departmentId"`
		DateTime       *string `json:"dateTime"`
		Name           *string `json:"name"`
		ExternalUserID string  `json:"externalUserId"`
		WorkerID       int64   `json:"workerId"`
		Phone          string  `json:"phone"` // assumed: events carry one
		Email          string  `json:"email"` // assumed: events carry one
	}
	if err := ReadJSON(c.w, c.r, &body); err != nil {
		return nil, err
	}
	for _, field := range []struct {
		name    string
		missing bool
	}{{"departmentId", body.DepartmentID == nil}, {"dateTime", body.DateTime == nil}, {"name", body.Name == nil}} {
		if field.missing {
			return nil, problem.Field(problem.MissingRequiredField, field.name, "is required")
		}
	}
	made, err := a.Bookings.Create(c.ctx(), c.access, booking.Request{
		DepartmentID: *body.DepartmentID, DateTime: *body.DateTime, Name: *body.Name,
		ExternalUserID: body.ExternalUserID, WorkerID: body.WorkerID, Phone: body.Phone, Email: body.Email,
	})
	if err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return ShowAppointment(made), nil
}

func (a *API) getAppointment(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	found, err := a.Bookings.Get(c.ctx(), c.access, id)
	if err != nil {
		return nil, err
	}
	return ShowAppointment(found), nil
}

func (a *API) cancelAppointment(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	return nil, a.Bookings.Cancel(c.ctx(), c.access, id, "API", "")
}

// Page sizes: 20 unless asked for (assumed), at most 100; more is taken as 100 (assumed).
const (
	defaultSize = 20
	maxSize     = 100
)

func (a *API) listAppointments(c *call) (any, error) {
	query := c.r.URL.Query()
	page, err := whole(query, "page", 0, 0)
	if err != nil {
		return nil, err
	}
	size, err := whole(query, "size", defaultSize, 1)
	if err != nil {
		return nil, err
	}
	size = min(size, maxSize)
	filter, err := filter(query)
	if err != nil {
		return nil, err
	}
	list, total, err := a.Bookings.List(c.ctx(), c.access, filter, page, size)
	if err != nil {
		return nil, err
	}
	shown := Page{Content: []Appointment{}, Page: page, Size: size, TotalElements: total, TotalPages: (total + size - 1) / size}
	shown.Last = page >= shown.TotalPages-1
	for _, found := range list {
		shown.Content = append(shown.Content, ShowAppointment(found))
	}
	return shown, nil
}

// maxPage keeps the offset of a page within an int.
const maxPage = 1_000_000_000

func whole(query url.Values, name string, otherwise, least int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > maxPage {
		return 0, problem.Field(problem.InvalidFieldValue, name, "%q is not a whole number of at least %d", text, least)
	}
	return n, nil
}

func filter(query url.Values) (f store.AppointmentFilter, err error) {
	if f.Status = store.Status(query.Get("status")); f.Status != "" && !slices.Contains(store.Statuses(), f.Status) {
		return f, problem.Unknown("status", string(f.Status), store.Statuses())
	}
	department, err := whole(query, "departmentId", 0, 1)
	if err != nil {
		return f, err
	}
	f.DepartmentID = int64(department)
	f.ExternalUserID = query.Get("externalUserId")
	if text := query.Get("startDate"); text != "" {
		from, _, err := moment("startDate", text)
		if err != nil {
			return f, err
		}
		f.From = from.Format(booking.Local)
	}
	if text := query.Get("endDate"); text != "" {
		until, isDay, err := moment("endDate", text)
		if err != nil {
			return f, err
		}
		if isDay {
			until = until.AddDate(0, 0, 1) // the whole day (assumed)
		} else {
			until = until.Add(time.Second)
		}
		f.Before = until.Format(booking.Local)
	}
	return f, nil
}

// moment reads a day or a local time.
func moment(field, text string) (t time.Time, isDay bool, err error) {
	if t, err = time.Parse(time.DateOnly, text); err == nil {
		return t, true, nil
	}
	if t, err = time.Parse(booking.Local, text); err == nil {
		return t, false, nil
	}
	return t, false, problem.Field(problem.InvalidDateTime, field, "%q is not of the form YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS", text)
}
