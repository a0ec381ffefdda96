package store

import "time"

// Due takes the next deliveries of a webhook out of its queue, those due longest
// first, at most limit: they are then Sending and the caller's to send.
func (tx *Tx) Due(webhookID string, now time.Time, limit int) ([]Delivery, error) {
	list, err := all(tx, scanDelivery, selectDeliveries+` WHERE d.webhook_id = ? AND d.state = ? AND d.next_at <= ?
		ORDER BY d.next_at, d.id LIMIT ?`, webhookID, Pending, nanos(now), limit)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := tx.SetDelivery(list[i].ID, Sending, list[i].NextAt); err != nil {
			return nil, err
		}
		list[i].State = Sending
	}
	return list, nil
}

// NextDue is when the first pending delivery of a webhook is due; zero when it has none.
func (tx *Tx) NextDue(webhookID string) (time.Time, error) {
	n, err := one(tx, func(row scanner) (n int64, err error) { return n, row.Scan(&n) },
		`SELECT coalesce(min(next_at), 0) FROM deliveries WHERE webhook_id = ? AND state = ?`, webhookID, Pending)
	return instant(n), err
}

// Requeue puts back what was being sent when the last process ended: whether it
// arrived is not known, and an event may come twice but must not be lost.
func (tx *Tx) Requeue() error {
	_, err := tx.exec(`UPDATE deliveries SET state = ? WHERE state = ?`, Pending, Sending)
	return err
}
