package api

import (
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// Availability is which slots of a department are free.
type Availability struct {
	DepartmentID int64         `json:"departmentId"`
	Availability []booking.Day `json:"availability"`
}

func (a *API) listDepartments(c *call) (any, error) { return c.access.All(), nil }

func (a *API) getDepartment(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	return c.access.Department(id)
}

func (a *API) getAvailability(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	from, err := c.day("startDate")
	if err != nil {
		return nil, err
	}
	to, err := c.day("endDate")
	if err != nil {
		return nil, err
	}
	days, err := a.Bookings.Availability(c.ctx(), c.access, id, from, to)
	if err != nil {
		return nil, err
	}
	return Availability{DepartmentID: id, Availability: days}, nil
}

// day is a date in the query that has to be there.
func (c *call) day(name string) (time.Time, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, problem.Field(problem.MissingRequiredField, name, "is required in the query")
	}
	t, _, err := moment(name, text)
	return t.Truncate(24 * time.Hour), err
}
