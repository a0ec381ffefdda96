package reference

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/jonboulle/clockwork"
)

// sqliteWriter is the only one that writes while the receiver serves. It commits what
// has come together since its last commit as one transaction, so that duplicates need
// no lock: it sees every id in turn.
type sqliteWriter struct {
	queue      *sqliteQueue
	conn       *sql.Conn
	statements statements
	clock      clockwork.Clock
	ids        idSet         // of every event in the store
	retention  time.Duration // how long those of processed events stay

	lastSeq int64 // given to an event
	behind  bool  // there are events on disk that the backlog has not seen
	loaded  int64 // the last one that it has seen

	unrecorded []outcome // of attempts, kept until a commit takes them
}

func (w *sqliteWriter) open(ctx context.Context, q *sqliteQueue, wal string) (err error) {
	w.queue, w.clock, w.ids, w.behind = q, q.clock, idSet{}, true
	if w.conn, err = q.db.Conn(ctx); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err := w.load(ctx); err != nil {
		return errors.Join(fmt.Errorf("sqlite: read ids: %w", err), w.conn.Close())
	}
	if err := growLog(wal); err != nil {
		return errors.Join(err, w.conn.Close())
	}
	w.statements = statements{conn: w.conn, prepared: map[string]*sql.Stmt{}}
	return nil
}

func (w *sqliteWriter) close() error {
	return errors.Join(w.statements.close(), w.conn.Close())
}

// load reads the ids that are in the store. It takes a second or two for a million.
func (w *sqliteWriter) load(ctx context.Context) error {
	rows, err := w.conn.QueryContext(ctx, `SELECT seq, event_id, false FROM processed
		UNION ALL SELECT seq, event_id, false FROM dead_letters
		UNION ALL SELECT seq, event_id, true FROM queue`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var id sql.RawBytes
		var queued bool
		if err := rows.Scan(&seq, &id, &queued); err != nil {
			return err
		}
		w.ids.add(string(id))
		w.lastSeq = max(w.lastSeq, seq)
		if queued {
			w.queue.depth.Add(1)
		}
	}
	return rows.Err()
}

// growLog gives SQLite's write-ahead log a first length; the rest comes with its first
// use, up to the checkpoint that openSQLiteFile asks for.
// Overwriting what is there is several times faster for the disk than making a file
// longer at each commit. SQLite takes zeros for the end of the log.
func growLog(path string) error {
	const size = 5 << 20
	log, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- made from DATA_DIR
	if err != nil {
		return fmt.Errorf("sqlite: grow the write-ahead log: %w", err)
	}
	info, err := log.Stat()
	if err == nil && info.Size() < size {
		_, err = log.WriteAt(make([]byte, size-info.Size()), info.Size())
	}
	if err == nil {
		err = log.Sync()
	}
	if err = errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("sqlite: grow the write-ahead log: %w", err)
	}
	return nil
}

// run writes until the queue is closed, and then what is left.
func (w *sqliteWriter) run() {
	const replayPoll = time.Second
	poll := w.clock.NewTicker(replayPoll)
	defer poll.Stop()
	for open := true; open; {
		select {
		case <-w.queue.intake.arrived:
		case <-w.queue.outcomes.arrived:
		case <-w.queue.refill:
		case <-poll.Chan():
			w.replay()
			w.expire()
		case <-w.queue.stopping:
			open = false
			w.queue.intake.close()
		}
		// Those who are about to bring something go first: the more one commit takes,
		// the less it costs each.
		runtime.Gosched()
		runtime.Gosched()
		w.unrecorded = w.queue.outcomes.take(w.unrecorded)
		w.commit(w.queue.intake.take())
		w.fill()
	}
}

// commit writes what was taken, and answers those who wait for it.
func (w *sqliteWriter) commit(b *batch) {
	fresh := w.dropDuplicates(b.events)
	outcomes := w.unrecorded
	if len(outcomes) < len(fresh) {
		outcomes = nil // deliveries wait for this commit; a few outcomes can wait for the next
	}
	var err error
	if len(fresh)+len(outcomes) > 0 {
		err = w.transaction(func() error {
			if err := w.statements.insert(fresh, w.clock.Now()); err != nil {
				return err
			}
			return w.statements.record(outcomes, w.clock.Now())
		})
	}
	if err != nil {
		for _, a := range fresh {
			w.ids.remove(a.event.ID) // it may come again
		}
	} else {
		w.settle(outcomes)
		w.publish(fresh)
	}
	b.settle(err)
}

// dropDuplicates marks what was seen before, also within the batch, and numbers the
// rest.
func (w *sqliteWriter) dropDuplicates(events []*acceptance) []*acceptance {
	fresh := make([]*acceptance, 0, len(events))
	for _, a := range events {
		if a.duplicate = !w.ids.add(a.event.ID); a.duplicate {
			continue
		}
		w.lastSeq++
		a.seq = w.lastSeq
		fresh = append(fresh, a)
	}
	return fresh
}

func (w *sqliteWriter) transaction(do func() error) error {
	err := w.statements.exec("BEGIN IMMEDIATE")
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err = do(); err == nil {
		err = w.statements.exec("COMMIT")
	}
	if err != nil {
		_, _ = w.conn.ExecContext(context.Background(), "ROLLBACK")
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// settle forgets outcomes that are recorded.
func (w *sqliteWriter) settle(outcomes []outcome) {
	if len(outcomes) == 0 {
		return
	}
	for _, o := range outcomes {
		if o.failure == "" || o.dead {
			w.queue.depth.Add(-1)
		}
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
	// After an error it is tried again with the next commit or tick.
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
	err = w.transaction(func() (err error) {
		moved, err = w.statements.replay(w.lastSeq, w.clock.Now())
		return err
	})
	if err != nil {
		return
	}
	w.lastSeq += moved
	w.queue.depth.Add(moved)
	w.behind = true
}

// expire forgets the ids of events that were processed long ago, a few at a time. With
// them goes the memory that they take.
func (w *sqliteWriter) expire() {
	if w.retention == 0 {
		return
	}
	var expired []string
	err := w.transaction(func() (err error) {
		expired, err = w.statements.expire(w.clock.Now().Add(-w.retention))
		return err
	})
	if err != nil {
		return // it is tried again at the next tick
	}
	for _, id := range expired {
		w.ids.remove(id)
	}
}
