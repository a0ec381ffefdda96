package control

import (
	"context"
	"net/http"

	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// listAppointments is the latest appointments, at most 100.
func (c *Control) listAppointments(_ http.ResponseWriter, r *http.Request) (answer, error) {
	shown := []api.Appointment{}
	err := c.Store.Do(r.Context(), func(tx *store.Tx) error {
		const limit = 100
		_, total, err := tx.Appointments(store.AppointmentFilter{}, 0, 0)
		if err != nil {
			return err
		}
		list, _, err := tx.Appointments(store.AppointmentFilter{}, max(total-limit, 0), limit)
		for i := len(list) - 1; i >= 0; i-- {
			shown = append(shown, api.ShowAppointment(list[i]))
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return ok(map[string][]api.Appointment{"data": shown})
}

func (c *Control) updateAppointment(w http.ResponseWriter, r *http.Request) (answer, error) {
	var patch booking.Patch
	if err := api.ReadJSON(w, r, &patch); err != nil {
		return answer{}, err
	}
	return c.alter(r, func(ctx context.Context, id int64) (store.Appointment, error) {
		return c.Bookings.Update(ctx, id, patch)
	})
}

func (c *Control) validateAppointment(_ http.ResponseWriter, r *http.Request) (answer, error) {
	return c.alter(r, c.Bookings.Validate)
}

func (c *Control) completeAppointment(_ http.ResponseWriter, r *http.Request) (answer, error) {
	return c.alter(r, c.Bookings.Complete)
}

func (c *Control) missAppointment(_ http.ResponseWriter, r *http.Request) (answer, error) {
	return c.alter(r, c.Bookings.NoShow)
}

func (c *Control) alter(r *http.Request, f func(context.Context, int64) (store.Appointment, error)) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	a, err := f(r.Context(), id)
	if err != nil {
		return answer{}, err
	}
	return ok(api.ShowAppointment(a))
}
