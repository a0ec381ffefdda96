package booking

import (
	"context"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// Local is how moncreneau writes the time of an appointment: local and without a
// zone. Guinea is UTC all year.
const Local = "2006-01-02T15:04:05"

// maxDays bounds one question about availability.
const maxDays = 92

// Day is one day of a department's availability.
type Day struct {
	Date  string `json:"date"` // 2006-01-02
	Slots []Slot `json:"slots"`
}

// Slot is one time that can be booked.
type Slot struct {
	Time      string `json:"time"` // 15:04
	Available bool   `json:"available"`
	DateTime  string `json:"dateTime"` // as Local
}

// slots lists the times of a day at which an appointment can begin.
func (d Department) slots(day time.Time) []time.Time {
	var starts []time.Time
	step := time.Duration(d.SlotDuration) * time.Minute
	for _, hours := range d.OpeningHours[weekday(day.Weekday())] {
		end := at(day, hours.End)
		for start := at(day, hours.Start); !start.Add(step).After(end); start = start.Add(step) {
			starts = append(starts, start)
		}
	}
	return starts
}

// at is the time of day clock (15:04, from our own table) on day.
func at(day time.Time, clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return day
	}
	return time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func (d Department) hasSlot(t time.Time) bool {
	for _, start := range d.slots(t) {
		if start.Equal(t) {
			return true
		}
	}
	return false
}

// Availability tells which slots of a department are free from one day to
// another, both included. Without workers of its own, a department sees one
// person at a time.
func (s *Service) Availability(ctx context.Context, access Access, departmentID int64, from, to time.Time) ([]Day, error) {
	d, err := access.Department(departmentID)
	if err != nil {
		return nil, err
	}
	if to.Before(from) {
		return nil, problem.Field(problem.InvalidFieldValue, "endDate", "is before startDate")
	}
	if to.Sub(from) > maxDays*24*time.Hour {
		return nil, problem.Field(problem.InvalidFieldValue, "endDate", "is more than %d days after startDate", maxDays)
	}
	taken := map[string]bool{}
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		list, err := tx.Taken(d.ID, from.Format(Local), to.AddDate(0, 0, 1).Format(Local))
		for _, a := range list {
			if a.WorkerID == 0 {
				taken[a.DateTime] = true
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	days := []Day{}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		slots := []Slot{}
		for _, start := range d.slots(day) {
			key := start.Format(Local)
			slots = append(slots, Slot{Time: start.Format("15:04"), Available: !taken[key], DateTime: key})
		}
		days = append(days, Day{Date: day.Format(time.DateOnly), Slots: slots})
	}
	return days, nil
}

// checkSlot says why a cannot take its slot, if it cannot.
func checkSlot(tx *store.Tx, d Department, a store.Appointment) error {
	start, err := time.Parse(Local, a.DateTime)
	if err != nil {
		return problem.Field(problem.InvalidDateTime, "dateTime", "%q is not of the form YYYY-MM-DDTHH:MM:SS, local and without a zone", a.DateTime)
	}
	if !d.hasSlot(start) {
		return problem.New(problem.SlotNotAvailable, "department %d has no slot at %s: see /departments/%d/availability", d.ID, a.DateTime, d.ID).
			With("departmentId", d.ID).With("dateTime", a.DateTime)
	}
	taken, err := tx.Taken(d.ID, a.DateTime, start.Add(time.Second).Format(Local))
	if err != nil {
		return err
	}
	for _, other := range taken {
		if other.ID == a.ID || other.WorkerID != a.WorkerID {
			continue
		}
		if other.Name == a.Name && other.ExternalUserID == a.ExternalUserID {
			return problem.New(problem.DuplicateAppointment, "appointment %d is for the same person in the same slot", other.ID).With("appointmentId", other.ID)
		}
		return problem.New(problem.SlotNotAvailable, "the slot at %s is taken", a.DateTime).With("departmentId", d.ID).With("dateTime", a.DateTime)
	}
	return nil
}
