package reference

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/errgroup"
	"modernc.org/sqlite" // the driver "sqlite", without cgo
)

// The store is one file. An event is in exactly one of three tables, and moves from
// one to another in a transaction:
//
//	queue -> processed           an attempt succeeded; its body is not kept
//	queue -> dead_letters        the last attempt failed
//	dead_letters -> queue        it is replayed
//
// No table has an index over the ids that would make inserting slower as it grows:
// they are in memory, in an idSet that is rebuilt at the start.
const sqliteSchema = `
CREATE TABLE IF NOT EXISTS queue (
  seq         INTEGER PRIMARY KEY, -- the order of acceptance
  event_id    TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  accepted    INTEGER NOT NULL,    -- this and all times: milliseconds since 1970
  body        BLOB NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0,
  due         INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS processed (
  seq       INTEGER PRIMARY KEY,   -- so that no event can be processed twice
  event_id  TEXT NOT NULL,
  processed INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS dead_letters (
  seq         INTEGER PRIMARY KEY,
  event_id    TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  accepted    INTEGER NOT NULL,
  body        BLOB NOT NULL,
  attempts    INTEGER NOT NULL,
  failed      INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  replay      INTEGER NOT NULL DEFAULT 0 -- asked for; the process that serves does it
);
CREATE INDEX IF NOT EXISTS dead_letters_by_id ON dead_letters (event_id);
CREATE INDEX IF NOT EXISTS dead_letters_to_replay ON dead_letters (seq) WHERE replay;
`

const databaseFile = "receiver.db"

// sqliteStore is what every process may do with the file, also beside one that serves.
type sqliteStore struct {
	db    *sql.DB
	clock clockwork.Clock
}

// openSQLiteStore opens the store in a directory, and makes both if they are missing.
// Nobody else can read them, for events hold personal data.
func openSQLiteStore(ctx context.Context, dir string, clock clockwork.Clock) (*sqliteStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db, err := openSQLiteFile(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, sqliteSchema); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), db.Close())
	}
	return &sqliteStore{db, clock}, nil
}

func openSQLiteFile(path string) (*sql.DB, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	// A commit need not bring the file's times to the disk with its bytes. Where the
	// system does not tell the two apart, everything is brought there.
	_, _ = sqlite.Fdatasync(true)
	// FULL: a commit is on disk, not only in the system's cache, when it returns. What is
	// in the queue is soon deleted again: the longer its pages stay in the log, the fewer
	// have to be written to their place.
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(4000)",
	}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	if !filepath.IsAbs(path) {
		name.Path, name.Opaque = "", url.PathEscape(path)
	}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return db, nil
}

func (s *sqliteStore) Close() error { return s.db.Close() }

func (s *sqliteStore) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT event_id, body, attempts, reason, accepted, failed FROM dead_letters ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("sqlite: read dead letters: %w", err)
	}
	defer rows.Close()
	var letters []DeadLetter
	for rows.Next() {
		var letter DeadLetter
		var body []byte
		var accepted, failed int64
		if err := rows.Scan(&letter.EventID, &body, &letter.Attempts, &letter.Reason, &accepted, &failed); err != nil {
			return nil, fmt.Errorf("sqlite: read dead letters: %w", err)
		}
		letter.EventType = restoreEvent(body, "").Type
		letter.Accepted, letter.Failed = time.UnixMilli(accepted).UTC(), time.UnixMilli(failed).UTC()
		letters = append(letters, letter)
	}
	return letters, rows.Err()
}

func (s *sqliteStore) Replay(ctx context.Context, eventID string) (int, error) {
	result, err := s.db.ExecContext(ctx, `UPDATE dead_letters SET replay = 1 WHERE ?1 = '' OR event_id = ?1`, eventID)
	if err != nil {
		return 0, fmt.Errorf("sqlite: replay: %w", err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 && eventID != "" {
		err = errNotADeadLetter
	}
	return int(n), err
}

// Purge deletes a few rows at a time, so that a process that serves gets its turn.
func (s *sqliteStore) Purge(ctx context.Context, before time.Time) (int, error) {
	purged := 0
	for _, statement := range []string{
		`DELETE FROM processed WHERE seq IN (SELECT seq FROM processed WHERE processed < ? ORDER BY seq LIMIT 1000)`,
		`DELETE FROM dead_letters WHERE seq IN (SELECT seq FROM dead_letters WHERE failed < ? ORDER BY seq LIMIT 1000)`,
	} {
		for more := true; more; {
			result, err := s.db.ExecContext(ctx, statement, before.UnixMilli())
			if err != nil {
				return purged, fmt.Errorf("sqlite: purge: %w", err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return purged, fmt.Errorf("sqlite: purge: %w", err)
			}
			purged += int(n)
			more = n > 0
		}
	}
	return purged, nil
}

// sqliteQueue is the Queue of the one process that serves: the store, the ids, the
// goroutine that writes and the jobs in memory.
type sqliteQueue struct {
	*sqliteStore
	worker  Worker
	lock    *sql.DB // held open so that no second process serves from the same directory
	backlog *backlog
	depth   atomic.Int64

	writer   sqliteWriter
	intake   *intake
	outcomes *outcomes
	refill   chan struct{} // asks the writer to look for jobs on disk
	stopping chan struct{}
	stopped  chan struct{}
	stopOnce sync.Once
}

// openSQLiteQueue opens the store in DataDir for serving.
func openSQLiteQueue(ctx context.Context, config Config, worker Worker, clock clockwork.Clock) (*sqliteQueue, error) {
	dir := config.DataDir
	store, err := openSQLiteStore(ctx, dir, clock)
	if err != nil {
		return nil, err
	}
	q := &sqliteQueue{
		sqliteStore: store,
		worker:      worker,
		backlog:     newBacklog(clock, worker.OrderKey),
		intake:      newIntake(),
		outcomes:    newOutcomes(),
		refill:      make(chan struct{}, 1),
		stopping:    make(chan struct{}),
		stopped:     make(chan struct{}),
	}
	if q.lock, err = lockDirectory(ctx, dir); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	q.writer.retention = config.Retention
	if err := q.writer.open(ctx, q, filepath.Join(dir, databaseFile+"-wal")); err != nil {
		return nil, errors.Join(err, q.lock.Close(), store.Close())
	}
	go func() {
		defer close(q.stopped)
		q.writer.run()
	}()
	return q, nil
}

// lockDirectory takes SQLite's own lock on a file of its own, which the system
// releases however the process ends. A process that is still shutting down is waited
// for.
func lockDirectory(ctx context.Context, dir string) (*sql.DB, error) {
	lock, err := openSQLiteFile(filepath.Join(dir, "serving.lock"))
	if err != nil {
		return nil, err
	}
	lock.SetMaxOpenConns(1)
	if _, err := lock.ExecContext(ctx, `PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE IF NOT EXISTS lock (held); DELETE FROM lock;`); err != nil {
		return nil, errors.Join(
			fmt.Errorf("sqlite: another receiver serves from %s; several replicas need DATABASE_URL: %w", dir, err),
			lock.Close())
	}
	return lock, nil
}

// Close writes what is still to be written and closes the store.
func (q *sqliteQueue) Close() error {
	q.stopOnce.Do(func() { close(q.stopping) })
	<-q.stopped
	return errors.Join(q.writer.close(), q.sqliteStore.Close(), q.lock.Close())
}

func (q *sqliteQueue) limiter(limit RateLimit) Limiter { return newLimiter(limit, q.clock) }

func (q *sqliteQueue) Ping(ctx context.Context) error { return q.db.PingContext(ctx) }

func (q *sqliteQueue) Stats(ctx context.Context) (Stats, error) {
	stats := Stats{Depth: int(q.depth.Load())}
	var oldest sql.NullInt64
	err := q.db.QueryRowContext(ctx, `SELECT (SELECT accepted FROM queue ORDER BY seq LIMIT 1), (SELECT count(*) FROM dead_letters)`).
		Scan(&oldest, &stats.DeadLetters)
	if err != nil {
		return stats, fmt.Errorf("sqlite: stats: %w", err)
	}
	if oldest.Valid {
		stats.OldestAge = q.clock.Since(time.UnixMilli(oldest.Int64))
	}
	return stats, nil
}

// Accept hands the event to the writer and waits for the commit that it is part of.
func (q *sqliteQueue) Accept(_ context.Context, event Event) (duplicate bool, err error) {
	return q.intake.accept(event)
}

// Process makes attempts until ctx ends.
func (q *sqliteQueue) Process(ctx context.Context) error {
	attempts, cancel := outlive(ctx, q.worker.Grace, q.clock)
	defer cancel()
	q.askForRefill()
	var workers errgroup.Group
	workers.SetLimit(q.worker.Concurrency)
	for j := q.backlog.next(ctx); j != nil; j = q.backlog.next(ctx) {
		workers.Go(func() error {
			// To wake a goroutine for each job would cost as much as a short job does.
			for mine := j; mine != nil; mine = q.backlog.another(ctx) {
				q.attempt(attempts, mine)
			}
			return nil
		})
		runtime.Gosched() // so that it can, before another one begins beside it
	}
	err := workers.Wait()
	q.backlog.stop()
	return err
}

// attempt makes one attempt.
//
// The next job with the same key need not wait until the outcome is on disk: outcomes
// are recorded in the order in which they come, so that after a crash either both are
// done again, in order, or only the later one is.
func (q *sqliteQueue) attempt(ctx context.Context, j *job) {
	j.attempts++
	o := outcome{seq: j.seq, attempts: j.attempts}
	if err := q.worker.Attempt(ctx, j.event, j.attempts); err != nil {
		if ctx.Err() != nil {
			return // cut short by the end of the process: it does not count
		}
		o.failure = err.Error()
		o.wait, o.dead = q.worker.Failed(j.event, j.attempts, err)
	}
	q.outcomes.add(o)
	if o.failure != "" && !o.dead {
		q.backlog.again(j, o.wait)
		return
	}
	q.backlog.done(j)
}

func (q *sqliteQueue) askForRefill() {
	select {
	case q.refill <- struct{}{}:
	default: // it was asked already
	}
}
