package reference

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// appointmentsTable is an example of a table of your own: the latest that is known of
// each appointment.
type appointmentsTable struct{ db *sql.DB }

func openAppointments(ctx context.Context, path string) (*appointmentsTable, error) {
	db, err := openSQLiteFile(path)
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS appointments (
		id        INTEGER PRIMARY KEY,
		version   INTEGER NOT NULL, -- when the event happened that this row is from
		status    TEXT NOT NULL,
		date_time TEXT NOT NULL,
		event_id  TEXT NOT NULL
	)`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("appointments: %w", err), db.Close())
	}
	return &appointmentsTable{db}, nil
}

// save writes a row only if the event is newer than the one that wrote it. Events
// that come late, twice or in the wrong order so change nothing.
func (t *appointmentsTable) save(ctx context.Context, event Event, a Appointment) error {
	_, err := t.db.ExecContext(ctx, `INSERT INTO appointments (id, version, status, date_time, event_id) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status,
			date_time = excluded.date_time, event_id = excluded.event_id
		WHERE excluded.version > appointments.version`,
		a.ID, event.Created.UnixNano(), a.Status, a.DateTime, event.ID)
	return err
}

// sendMail has no idempotency key to rely on but the Message-ID, by which mail servers
// drop what they have seen. Its errors must not repeat the address.
func sendMail(ctx context.Context, server string, event Event, a Appointment) error {
	if strings.ContainsAny(a.Email, "\r\n<>") {
		return nil // it would be read as more than an address; nothing to try again
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", server)
	if err != nil {
		return errors.New("the mail server cannot be reached")
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	host, _, _ := net.SplitHostPort(server)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.New("the mail server did not greet")
	}
	defer client.Close()
	if err := errors.Join(client.Mail("appointments@example.org"), client.Rcpt(a.Email)); err != nil {
		return errors.New("the mail server refused sender or recipient")
	}
	w, err := client.Data()
	if err != nil {
		return errors.New("the mail server refused the message")
	}
	id := sha256.Sum256([]byte(event.ID))
	_, err = fmt.Fprintf(w, "Message-ID: <%s@example.org>\r\nDate: %s\r\nFrom: appointments@example.org\r\nTo: %s\r\n"+
		"Subject: Votre rendez-vous\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nVotre rendez-vous est pris : %s.\r\n",
		hex.EncodeToString(id[:16]), event.Created.Format(time.RFC1123Z), a.Email, a.DateTime)
	if err := errors.Join(err, w.Close()); err != nil {
		return errors.New("the mail server refused the message")
	}
	_ = client.Quit() // the message was taken
	return nil
}
