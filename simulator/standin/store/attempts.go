package store

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Attempt is one HTTP exchange of a delivery.
type Attempt struct {
	DeliveryID     int64
	Number         int    // 1 is the first
	WireID         string // X-Moncreneau-Delivery
	StartedAt      time.Time
	URL            string
	RequestHeader  http.Header
	RequestBody    []byte
	Status         int // 0: no answer
	ResponseHeader http.Header
	ResponseBody   []byte
	Error          string
	// Connect, FirstByte and Total are counted from StartedAt; 0: not reached.
	Connect, FirstByte, Total time.Duration
}

// AddAttempt records the next attempt of its delivery and sets its Number.
func (tx *Tx) AddAttempt(a *Attempt) error {
	requestHeader, err := json.Marshal(a.RequestHeader)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	responseHeader, err := json.Marshal(a.ResponseHeader)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	a.Number, err = one(tx, number, `UPDATE deliveries SET attempts = attempts + 1 WHERE id = ? RETURNING attempts`, a.DeliveryID)
	if err != nil {
		return err
	}
	tx.changed(KindDelivery, a.DeliveryID)
	_, err = tx.exec(`INSERT INTO attempts (delivery_id, number, wire_id, started_at, url, request_header, request_body,
		status, response_header, response_body, error, connect, first_byte, total) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.DeliveryID, a.Number, a.WireID, nanos(a.StartedAt), a.URL, string(requestHeader), orEmpty(a.RequestBody),
		a.Status, string(responseHeader), orEmpty(a.ResponseBody), a.Error, a.Connect, a.FirstByte, a.Total)
	return err
}

// orEmpty keeps a nil slice from becoming NULL.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Attempts lists the attempts of a delivery, the first one first.
func (tx *Tx) Attempts(deliveryID int64) ([]Attempt, error) {
	return all(tx, scanAttempt, `SELECT delivery_id, number, wire_id, started_at, url, request_header, request_body,
		status, response_header, response_body, error, connect, first_byte, total FROM attempts WHERE delivery_id = ? ORDER BY number`, deliveryID)
}

func scanAttempt(row scanner) (a Attempt, err error) {
	var started int64
	var requestHeader, responseHeader string
	if err := row.Scan(&a.DeliveryID, &a.Number, &a.WireID, &started, &a.URL, &requestHeader, &a.RequestBody,
		&a.Status, &responseHeader, &a.ResponseBody, &a.Error, &a.Connect, &a.FirstByte, &a.Total); err != nil {
		return a, err
	}
	a.StartedAt = instant(started)
	if err := json.Unmarshal([]byte(requestHeader), &a.RequestHeader); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(responseHeader), &a.ResponseHeader)
}
