package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
	"github.com/moncreneau/hookcheck/reference/internal/pgtest"
)

// fleet is the receivers and their store.
type fleet struct {
	options  options
	env      []string
	dir      string
	database *pgtest.Server // nil on SQLite
	next     atomic.Uint64

	mu        sync.Mutex
	receivers []*drive.Process
}

func newFleet(ctx context.Context, o options, downstream string) (f *fleet, err error) {
	f = &fleet{options: o, receivers: make([]*drive.Process, o.replicas)}
	if f.dir, err = os.MkdirTemp("", "soak"); err != nil {
		return nil, err
	}
	f.env = []string{
		"MONCRENEAU_WEBHOOK_SECRET=" + drive.Secret, "DATA_DIR=" + f.dir, "DOWNSTREAM_URL=" + downstream,
		"RATE_LIMIT=none", "RETRY_BACKOFF=100ms", "RETRY_ATTEMPTS=10",
	}
	if o.engine == "postgres" {
		if f.database, err = pgtest.Start(ctx); err != nil {
			return nil, err
		}
		f.env = append(f.env, "DATABASE_URL="+f.database.URL)
	}
	for i := range f.receivers {
		if err := f.start(ctx, i); err != nil {
			f.stop()
			return nil, err
		}
	}
	return f, nil
}

func (f *fleet) start(ctx context.Context, i int) error {
	p, err := drive.Start(ctx, "", f.env, f.options.receiver)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.receivers[i] = p
	return nil
}

// address takes the receivers in turns, as a load balancer would.
func (f *fleet) address() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.receivers[f.next.Add(1)%uint64(len(f.receivers))].Address
}

// kill kills a receiver, or sometimes the database, or both, and starts it again.
func (f *fleet) kill(ctx context.Context, random *rand.Rand) (victim string, err error) {
	i := random.IntN(len(f.receivers))
	withDatabase := f.database != nil && random.IntN(5) == 0
	withReceiver := !withDatabase || random.IntN(2) == 0
	if withReceiver {
		victim = "receiver"
		f.mu.Lock()
		p := f.receivers[i]
		f.mu.Unlock()
		p.Kill()
	}
	if withDatabase {
		victim += "database"
		f.database.Kill()
		if err := f.database.Restart(ctx); err != nil {
			return victim, err
		}
	}
	if withReceiver {
		return victim, f.start(ctx, i)
	}
	return victim, nil
}

func (f *fleet) stop() {
	for _, p := range f.receivers {
		if p != nil {
			p.Stop()
		}
	}
	if f.database != nil {
		_ = f.database.Stop()
	}
	_ = os.RemoveAll(f.dir)
}

// account is what the store says.
type account struct{ processed, twice, queued, dead int }

func (f *fleet) account(ctx context.Context) (a account, err error) {
	driver, name, query := "pgx", "", `SELECT
		count(*) FILTER (WHERE state = 'processed'),
		(SELECT count(*) FROM (SELECT args->>'body' FROM river_job WHERE state IN ('completed', 'running') GROUP BY 1 HAVING count(*) > 1) twice),
		count(*) FILTER (WHERE state = 'queued'),
		count(*) FILTER (WHERE state = 'dead')
		FROM webhook_events`
	if f.database == nil {
		path := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(f.dir, "receiver.db"), RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
		driver, name, query = "sqlite", path.String(), `SELECT
			(SELECT count(*) FROM processed),
			(SELECT count(*) FROM (SELECT event_id FROM (SELECT event_id FROM processed UNION ALL SELECT event_id FROM queue) GROUP BY 1 HAVING count(*) > 1)),
			(SELECT count(*) FROM queue),
			(SELECT count(*) FROM dead_letters)`
	} else {
		name = f.database.URL
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return a, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, query).Scan(&a.processed, &a.twice, &a.queued, &a.dead)
	if err != nil {
		return a, fmt.Errorf("read the store: %w", err)
	}
	return a, nil
}

// drain waits until the store has recorded what had its effect.
func (f *fleet) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		a, err := f.account(ctx)
		if err != nil || a.queued == 0 {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil // the figures tell
		}
	}
}
