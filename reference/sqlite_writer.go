package reference

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
)

// sqliteWriter is the only one that writes while the receiver serves. It commits what
// has come together since its last commit as one transaction, so that the wait for
// the disk is shared, and so that duplicates need no lock: it sees every id in turn.
type sqliteWriter struct {
	queue *sqliteQueue
	conn  *sql.Conn
	clock clockwork.Clock
	ids   idSet // of every event in the store

	lastSeq int64 // given to an event
	behind  bool  // there are events on disk that the backlog has not seen
	loaded  int64 // the last one that it has seen

	batch      []*acceptance
	unrecorded []outcome // of attempts, kept until a commit takes them
}

// maxBatch bounds a transaction, and with it the time that one delivery waits.
const maxBatch = 512

// rowsPerStatement is how many rows one INSERT takes: fewer statements cost less.
const rowsPerStatement = 64

// acceptance is an event that waits to be on disk.
type acceptance struct {
	event     Event
	seq       int64
	duplicate bool
	result    chan acceptResult
}

type acceptResult struct {
	duplicate bool
	err       error
}

// outcome is how an attempt ended.
type outcome struct {
	job     *job
	failure string        // empty: it succeeded
	dead    bool          // it was the last attempt
	wait    time.Duration // or else before the next one
}

func (w *sqliteWriter) open(ctx context.Context, q *sqliteQueue) (err error) {
	w.queue, w.clock, w.ids, w.behind = q, q.clock, idSet{}, true
	if w.conn, err = q.db.Conn(ctx); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	for _, table := range []string{"processed", "dead_letters", "queue"} {
		if err := w.load(ctx, table); err != nil {
			return fmt.Errorf("sqlite: read ids: %w", err)
		}
	}
	return nil
}

func (w *sqliteWriter) load(ctx context.Context, table string) error {
	rows, err := w.conn.QueryContext(ctx, `SELECT seq, event_id FROM `+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var id sql.RawBytes
		if err := rows.Scan(&seq, &id); err != nil {
			return err
		}
		w.ids.add(string(id))
		w.lastSeq = max(w.lastSeq, seq)
		if table == "queue" {
			w.queue.depth.Add(1)
		}
	}
	return rows.Err()
}

// run writes until the queue is closed, and then what is left.
func (w *sqliteWriter) run() {
	const replayPoll = time.Second
	poll := w.clock.NewTicker(replayPoll)
	defer poll.Stop()
	for {
		select {
		case a := <-w.queue.accepts:
			w.batch = append(w.batch, a)
		case o := <-w.queue.outcomes:
			w.unrecorded = append(w.unrecorded, o)
		case <-w.queue.refill:
		case <-poll.Chan():
			w.replay()
		case <-w.queue.stopping:
			w.collect()
			w.commit()
			return
		}
		w.collect()
		w.commit()
		w.fill()
	}
}

// collect takes what has come together, without waiting.
func (w *sqliteWriter) collect() {
	for len(w.batch) < maxBatch && len(w.unrecorded) < maxBatch {
		select {
		case a := <-w.queue.accepts:
			w.batch = append(w.batch, a)
		case o := <-w.queue.outcomes:
			w.unrecorded = append(w.unrecorded, o)
		default:
			return
		}
	}
}

// commit writes the batch, and answers those who wait for it.
func (w *sqliteWriter) commit() {
	fresh := w.dropDuplicates()
	var err error
	if len(fresh)+len(w.unrecorded) > 0 {
		err = w.transaction(func() error {
			if err := w.insert(fresh); err != nil {
				return err
			}
			return w.record(w.unrecorded)
		})
	}
	if err == nil {
		w.settle()
		w.publish(fresh)
	} else {
		for _, a := range fresh {
			w.ids.remove(a.event.ID) // it may come again
		}
	}
	for _, a := range w.batch {
		a.result <- acceptResult{a.duplicate, err}
	}
	clear(w.batch)
	w.batch = w.batch[:0]
}

// dropDuplicates marks what was seen before, also within the batch, and numbers the
// rest.
func (w *sqliteWriter) dropDuplicates() []*acceptance {
	fresh := make([]*acceptance, 0, len(w.batch))
	for _, a := range w.batch {
		if a.duplicate = w.ids.has(a.event.ID); a.duplicate {
			continue
		}
		w.ids.add(a.event.ID)
		w.lastSeq++
		a.seq = w.lastSeq
		fresh = append(fresh, a)
	}
	return fresh
}

func (w *sqliteWriter) transaction(do func() error) error {
	ctx := context.Background() // a commit is not given up half way
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	err := do()
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

func (w *sqliteWriter) insert(fresh []*acceptance) error {
	now := w.clock.Now().UnixMilli()
	for len(fresh) > 0 {
		rows := fresh[:min(len(fresh), rowsPerStatement)]
		fresh = fresh[len(rows):]
		args := make([]any, 0, 5*len(rows))
		for _, a := range rows {
			args = append(args, a.seq, a.event.ID, a.event.DeliveryID, now, a.event.Body)
		}
		if err := w.exec(`INSERT INTO queue (seq, event_id, delivery_id, accepted, body) VALUES `+
			placeholders("(?,?,?,?,?)", len(rows)), args...); err != nil {
			return err
		}
	}
	return nil
}

// record moves the events whose processing has ended, and notes the failed attempts.
func (w *sqliteWriter) record(outcomes []outcome) error {
	now := w.clock.Now()
	var processed, args []any
	for _, o := range outcomes {
		switch {
		case o.failure == "":
			processed = append(processed, o.job.seq)
			args = append(args, o.job.seq, o.job.event.ID, now.UnixMilli())
		case o.dead:
			if err := w.exec(`INSERT INTO dead_letters (seq, event_id, delivery_id, accepted, body, attempts, failed, reason)
				SELECT seq, event_id, delivery_id, accepted, body, ?, ?, ? FROM queue WHERE seq = ?`,
				o.job.attempts, now.UnixMilli(), o.failure, o.job.seq); err != nil {
				return err
			}
			if err := w.exec(`DELETE FROM queue WHERE seq = ?`, o.job.seq); err != nil {
				return err
			}
		default:
			if err := w.exec(`UPDATE queue SET attempts = ?, due = ? WHERE seq = ?`,
				o.job.attempts, now.Add(o.wait).UnixMilli(), o.job.seq); err != nil {
				return err
			}
		}
	}
	for len(processed) > 0 {
		n := min(len(processed), rowsPerStatement)
		if err := w.exec(`INSERT INTO processed (seq, event_id, processed) VALUES `+placeholders("(?,?,?)", n), args[:3*n]...); err != nil {
			return err
		}
		if err := w.exec(`DELETE FROM queue WHERE seq IN (`+placeholders("?", n)+`)`, processed[:n]...); err != nil {
			return err
		}
		processed, args = processed[n:], args[3*n:]
	}
	return nil
}

// settle lets the backlog go on once the outcomes are on disk.
func (w *sqliteWriter) settle() {
	for _, o := range w.unrecorded {
		if o.failure != "" && !o.dead {
			w.queue.backlog.again(o.job, o.wait)
			continue
		}
		w.queue.depth.Add(-1)
		w.queue.backlog.done(o.job)
	}
	clear(w.unrecorded)
	w.unrecorded = w.unrecorded[:0]
}

// publish gives accepted events to the workers, directly as long as they keep up.
func (w *sqliteWriter) publish(fresh []*acceptance) {
	w.queue.depth.Add(int64(len(fresh)))
	if w.behind || w.queue.backlog.room() < len(fresh) {
		w.behind = w.behind || len(fresh) > 0
		return
	}
	for _, a := range fresh {
		w.queue.backlog.add(&job{seq: a.seq, event: a.event}, 0)
		w.loaded = a.seq
	}
}

// fill reads events that are only on disk, as far as there is room for them: after
// the start, after a replay, and when the workers could not keep up.
func (w *sqliteWriter) fill() {
	const few = maxHeld / 2
	room := w.queue.backlog.room()
	if !w.behind || room < few {
		return
	}
	n, err := w.read(room)
	// On an error it is tried again after the next commit or tick.
	w.behind = err != nil || n == room
}

func (w *sqliteWriter) read(limit int) (n int, err error) {
	rows, err := w.conn.QueryContext(context.Background(),
		`SELECT seq, delivery_id, body, attempts, due FROM queue WHERE seq > ? ORDER BY seq LIMIT ?`, w.loaded, limit)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	now := w.clock.Now()
	for rows.Next() {
		var j job
		var body []byte
		var delivery string
		var due int64
		if err := rows.Scan(&j.seq, &delivery, &body, &j.attempts, &due); err != nil {
			return n, err
		}
		j.event = restoreEvent(body, delivery)
		w.queue.backlog.add(&j, time.UnixMilli(due).Sub(now))
		w.loaded = j.seq
		n++
	}
	return n, rows.Err()
}

// replay takes dead letters back that someone asked for. They get a new place at the
// end of the queue.
func (w *sqliteWriter) replay() {
	var asked bool
	err := w.conn.QueryRowContext(context.Background(), `SELECT EXISTS (SELECT 1 FROM dead_letters WHERE replay)`).Scan(&asked)
	if err != nil || !asked {
		return // an error is tried again at the next tick
	}
	var moved int64
	err = w.transaction(func() error {
		result, err := w.conn.ExecContext(context.Background(),
			`INSERT INTO queue (seq, event_id, delivery_id, accepted, body)
			 SELECT ? + row_number() OVER (ORDER BY seq), event_id, delivery_id, ?, body FROM dead_letters WHERE replay`,
			w.lastSeq, w.clock.Now().UnixMilli())
		if err != nil {
			return err
		}
		if moved, err = result.RowsAffected(); err != nil {
			return err
		}
		return w.exec(`DELETE FROM dead_letters WHERE replay`)
	})
	if err != nil {
		return
	}
	w.lastSeq += moved
	w.queue.depth.Add(moved)
	w.behind = true
}

func (w *sqliteWriter) exec(statement string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), statement, args...)
	return err
}

func placeholders(row string, n int) string {
	return strings.Repeat(row+",", n-1) + row
}
