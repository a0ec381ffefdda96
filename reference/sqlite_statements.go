package reference

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// statements are those of the writer, each prepared once for each number of rows.
type statements struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	args     []any
}

// rowsPerStatement is how many rows one statement takes at most: many at once cost
// less than one at a time.
const rowsPerStatement = 64

func (s *statements) insert(events []*acceptance, now time.Time) error {
	accepted := any(now.UnixMilli())
	for rows := range slices.Chunk(events, rowsPerStatement) {
		args := s.args[:0]
		for _, a := range rows {
			args = append(args, a.seq, a.event.ID, a.event.DeliveryID, accepted, a.event.Body)
		}
		s.args = args
		err := s.exec(`INSERT INTO queue (seq, event_id, delivery_id, accepted, body) VALUES `+list("(?,?,?,?,?)", len(rows)), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// record moves the events whose processing has ended, and notes the failed attempts.
func (s *statements) record(outcomes []outcome, now time.Time) error {
	var processed []int64
	for _, o := range outcomes {
		var err error
		switch {
		case o.failure == "":
			processed = append(processed, o.seq)
		case o.dead:
			err = s.bury(o, now)
		default:
			err = s.exec(`UPDATE queue SET attempts = ?, due = ? WHERE seq = ?`, o.attempts, now.Add(o.wait).UnixMilli(), o.seq)
		}
		if err != nil {
			return err
		}
	}
	return s.keep(processed, now)
}

// keep moves events that are processed: all that follow each other with one statement.
func (s *statements) keep(processed []int64, now time.Time) error {
	slices.Sort(processed)
	for len(processed) > 0 {
		first, n := processed[0], 1
		for n < len(processed) && processed[n] == first+int64(n) {
			n++
		}
		last := processed[n-1]
		err := s.exec(`INSERT INTO processed (seq, event_id, processed)
			SELECT seq, event_id, ? FROM queue WHERE seq BETWEEN ? AND ?`, now.UnixMilli(), first, last)
		if err != nil {
			return err
		}
		if err := s.exec(`DELETE FROM queue WHERE seq BETWEEN ? AND ?`, first, last); err != nil {
			return err
		}
		processed = processed[n:]
	}
	return nil
}

func (s *statements) bury(o outcome, now time.Time) error {
	err := s.exec(`INSERT INTO dead_letters (seq, event_id, delivery_id, accepted, body, attempts, failed, reason)
		SELECT seq, event_id, delivery_id, accepted, body, ?, ?, ? FROM queue WHERE seq = ?`,
		o.attempts, now.UnixMilli(), o.failure, o.seq)
	if err != nil {
		return err
	}
	return s.exec(`DELETE FROM queue WHERE seq = ?`, o.seq)
}

func (s *statements) replay(lastSeq int64, now time.Time) (moved int64, err error) {
	result, err := s.conn.ExecContext(context.Background(),
		`INSERT INTO queue (seq, event_id, delivery_id, accepted, body)
		 SELECT ? + row_number() OVER (ORDER BY seq), event_id, delivery_id, ?, body FROM dead_letters WHERE replay`,
		lastSeq, now.UnixMilli())
	if err != nil {
		return 0, err
	}
	if moved, err = result.RowsAffected(); err != nil {
		return 0, err
	}
	return moved, s.exec(`DELETE FROM dead_letters WHERE replay`)
}

// expire looks at the oldest events only, which are the first to go.
func (s *statements) expire(before time.Time) (ids []string, err error) {
	rows, err := s.conn.QueryContext(context.Background(), `DELETE FROM processed WHERE seq IN (
		SELECT seq FROM (SELECT seq, processed FROM processed ORDER BY seq LIMIT 1000) WHERE processed < ?) RETURNING event_id`,
		before.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// exec is not given up half way: it has no context but the transaction's.
func (s *statements) exec(query string, args ...any) error {
	ctx := context.Background()
	statement, ok := s.prepared[query]
	if !ok {
		var err error
		if statement, err = s.conn.PrepareContext(ctx, query); err != nil {
			return err
		}
		s.prepared[query] = statement
	}
	_, err := statement.ExecContext(ctx, args...)
	return err
}

func (s *statements) close() error {
	var errs []error
	for _, statement := range s.prepared {
		errs = append(errs, statement.Close())
	}
	return errors.Join(errs...)
}

func list(item string, n int) string { return strings.Repeat(item+",", n-1) + item }
