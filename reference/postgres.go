package reference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jonboulle/clockwork"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/rs/zerolog"
)

// River is the job queue; this table remembers the events beside it, for as long as
// duplicates are to be recognised. Every change to both is one transaction.
const postgresSchema = `
CREATE TABLE IF NOT EXISTS webhook_events (
  event_id    text PRIMARY KEY,
  seq         bigint GENERATED ALWAYS AS IDENTITY, -- the order of acceptance
  order_key   text NOT NULL,
  state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'processed', 'dead')),
  accepted    timestamptz NOT NULL DEFAULT now(),
  finished    timestamptz,
  attempts    integer,
  reason      text,  -- of a dead letter, as are:
  delivery_id text,
  body        bytea
);
CREATE INDEX IF NOT EXISTS webhook_events_queued ON webhook_events (accepted) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS webhook_events_ordered ON webhook_events (order_key, seq) WHERE state = 'queued' AND order_key <> '';
CREATE INDEX IF NOT EXISTS webhook_events_dead ON webhook_events (seq) WHERE state = 'dead';
CREATE INDEX IF NOT EXISTS webhook_events_finished ON webhook_events (finished);
CREATE TABLE IF NOT EXISTS webhook_replicas (
  id    text PRIMARY KEY,
  beats bigint NOT NULL
);
CREATE UNLOGGED TABLE IF NOT EXISTS webhook_budgets ( -- a crash may empty it
  client text PRIMARY KEY,
  full_at timestamptz NOT NULL -- when the client may again send a whole window's worth
);
`

// postgresStore is what every process may do with the database.
type postgresStore struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

// openPostgresStore connects, and makes the tables that are missing.
func openPostgresStore(ctx context.Context, url string) (*postgresStore, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &postgresStore{pool, client}, nil
}

// connect waits for a database that is still starting, as it is when a machine or a
// compose file comes up.
func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("postgres: DATABASE_URL is not valid") // the error may repeat the password
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for err = pool.Ping(ctx); err != nil; err = pool.Ping(ctx) {
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			pool.Close()
			return nil, fmt.Errorf("postgres: %w", err)
		}
	}
	return pool, nil
}

// migrate is done by one replica at a time.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer conn.Release()
	const lock = 0x6d6f6e63 // any number that others do not take
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", lock) }()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("postgres: make River's tables: %w", err)
	}
	if _, err := conn.Exec(ctx, postgresSchema); err != nil {
		return fmt.Errorf("postgres: make tables: %w", err)
	}
	return nil
}

func (s *postgresStore) Close() error {
	s.pool.Close()
	return nil
}

func (s *postgresStore) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	rows, err := s.pool.Query(ctx, `SELECT event_id, attempts, reason, accepted, finished, body FROM webhook_events WHERE state = 'dead' ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("postgres: read dead letters: %w", err)
	}
	letters, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DeadLetter, error) {
		var letter DeadLetter
		var body []byte
		err := row.Scan(&letter.EventID, &letter.Attempts, &letter.Reason, &letter.Accepted, &letter.Failed, &body)
		letter.EventType = restoreEvent(body, "").Type
		return letter, err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: read dead letters: %w", err)
	}
	return letters, nil
}

func (s *postgresStore) Replay(ctx context.Context, eventID string) (int, error) {
	replayed := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE webhook_events SET state = 'queued', accepted = now(), finished = NULL
			WHERE state = 'dead' AND ($1 = '' OR event_id = $1) RETURNING body, delivery_id`, eventID)
		if err != nil {
			return err
		}
		jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (river.InsertManyParams, error) {
			var args jobArgs
			err := row.Scan(&args.Body, &args.DeliveryID)
			return river.InsertManyParams{Args: args}, err
		})
		if err != nil || len(jobs) == 0 {
			return err
		}
		replayed, err = s.client.InsertManyFastTx(ctx, tx, jobs)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("postgres: replay: %w", err)
	}
	if replayed == 0 && eventID != "" {
		return 0, errNotADeadLetter
	}
	return replayed, nil
}

func (s *postgresStore) Purge(ctx context.Context, before time.Time) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM webhook_events WHERE state <> 'queued' AND finished < $1`, before)
	if err != nil {
		return 0, fmt.Errorf("postgres: purge: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// postgresQueue is the Queue of one replica of several.
type postgresQueue struct {
	*postgresStore
	worker    Worker
	retention time.Duration
	replica   string
	clock     clockwork.Clock
	log       zerolog.Logger
	jobs      knownJobs
	intake    *intake
	stop      context.CancelFunc
	writing   sync.WaitGroup
}

func openPostgresQueue(ctx context.Context, config Config, worker Worker, log zerolog.Logger, clock clockwork.Clock) (*postgresQueue, error) {
	store, err := openPostgresStore(ctx, config.DatabaseURL)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	q := &postgresQueue{
		postgresStore: store,
		worker:        worker,
		retention:     config.Retention,
		replica:       host + "_" + uuid.NewString(),
		clock:         clock,
		log:           log,
		intake:        newIntake(),
	}
	if q.client, err = q.newClient(config); err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), store.Close())
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.writing.Go(func() { q.write(writing) })
	return q, nil
}

func (q *postgresQueue) newClient(config Config) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &jobWorker{queue: q, retry: config.Retry}); err != nil {
		return nil, err
	}
	return river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		ID:                          q.replica,
		Logger:                      slog.New(onlyErrors{zerolog.NewSlogHandler(q.log)}),
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: config.Workers}},
		JobTimeout:                  2 * config.AttemptTimeout, // the attempt's own comes first
		FetchCooldown:               5 * time.Millisecond,
		FetchPollInterval:           100 * time.Millisecond,
		CompletedJobRetentionPeriod: time.Hour, // a job holds personal data
	})
}

// onlyErrors keeps River's own messages, which are many, to what needs someone.
type onlyErrors struct{ slog.Handler }

func (h onlyErrors) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (q *postgresQueue) Close() error {
	q.stop()
	q.writing.Wait()
	return q.postgresStore.Close()
}

func (q *postgresQueue) Ping(ctx context.Context) error { return q.pool.Ping(ctx) }

func (q *postgresQueue) Stats(ctx context.Context) (Stats, error) {
	var stats Stats
	var age float64
	err := q.pool.QueryRow(ctx, `SELECT
		count(*) FILTER (WHERE state = 'queued'),
		count(*) FILTER (WHERE state = 'dead'),
		coalesce(extract(epoch FROM now() - min(accepted) FILTER (WHERE state = 'queued')), 0)::float8
		FROM webhook_events WHERE state IN ('queued', 'dead')`).Scan(&stats.Depth, &stats.DeadLetters, &age)
	if err != nil {
		return stats, fmt.Errorf("postgres: stats: %w", err)
	}
	stats.OldestAge = time.Duration(age * float64(time.Second))
	return stats, nil
}
