package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// keepAlive is how often an idle stream says that it is still there, so that
// the browser notices a stand-in that is gone.
const keepAlive = 15 * time.Second

// stream is a text/event-stream of what changes: delivery, webhook and
// appointment with the row as it is now ({"id":…,"deleted":true} when it is
// gone), account, and reload when too much has changed to be told.
func (c *Control) stream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	listener := c.Feed.Listen()
	defer listener.Close()
	ticker := c.Clock.NewTicker(keepAlive)
	defer ticker.Stop()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprint(w, "retry: 1000\n\n")
	for {
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.Chan():
			_, _ = fmt.Fprint(w, ": still here\n\n")
		case <-listener.Ready():
			changes, all := listener.Take()
			if all {
				_, _ = fmt.Fprint(w, "event: reload\ndata: {}\n\n")
			}
			for _, change := range changes {
				row, err := c.row(r, change)
				if err != nil {
					return // the browser connects again and loads everything
				}
				data, err := json.Marshal(row)
				if err != nil {
					return
				}
				_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", change.Kind, data)
			}
		}
	}
}

// row is the changed row as it is shown.
func (c *Control) row(r *http.Request, change store.Change) (row any, err error) {
	id, _ := strconv.ParseInt(change.ID, 10, 64) // webhooks have other ids, and use the text
	err = c.Store.Do(r.Context(), func(tx *store.Tx) error {
		switch change.Kind {
		case store.KindDelivery:
			d, err := tx.Delivery(id)
			row = showDelivery(d)
			return err
		case store.KindWebhook:
			w, err := tx.Webhook(change.ID)
			if err != nil {
				return err
			}
			row, err = c.showWebhook(tx, w)
			return err
		case store.KindAppointment:
			a, err := tx.Appointment(id)
			row = api.ShowAppointment(a)
			return err
		default:
			credits, err := tx.Credits()
			row = map[string]int{"credits": credits}
			return err
		}
	})
	if errors.Is(err, store.ErrNotFound) {
		return map[string]any{"id": change.ID, "deleted": true}, nil
	}
	return row, err
}
