package reference

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// River gives back the jobs of a process that was killed after a time that is longer
// than any attempt: by default an hour. An appointment cannot wait that long, so each
// replica shows that it lives, and each takes the jobs of those that do not any more.
const (
	heartbeat = time.Second
	deadBeats = 5
	deadAfter = deadBeats * heartbeat
)

// sighting is how far another replica had counted, and how often this one has counted
// since. Beats are compared with beats and not with the clock: a database that is slow
// holds up both.
type sighting struct {
	beats int64
	stood int
}

// watchReplicas runs until ctx ends. Its errors need no more than the next beat: while
// the database is away nobody counts, and nobody is taken for dead, because only a
// replica that stands still while it is watched is.
func (q *postgresQueue) watchReplicas(ctx context.Context, seen map[string]sighting) {
	ticker := q.clock.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.Chan():
			if err := q.beat(ctx, seen); err != nil {
				clear(seen)
			}
		case <-ctx.Done():
			q.leave(context.WithoutCancel(ctx))
			return
		}
	}
}

func (q *postgresQueue) beat(ctx context.Context, seen map[string]sighting) error {
	ctx, cancel := context.WithTimeout(ctx, deadAfter)
	defer cancel()
	if _, err := q.pool.Exec(ctx, `INSERT INTO webhook_replicas (id, beats) VALUES ($1, 0)
		ON CONFLICT (id) DO UPDATE SET beats = webhook_replicas.beats + 1`, q.replica); err != nil {
		return err
	}
	if _, err := q.pool.Exec(ctx, `DELETE FROM webhook_budgets WHERE full_at < now()`); err != nil {
		return err
	}
	if q.retention > 0 {
		if _, err := q.pool.Exec(ctx, `DELETE FROM webhook_events WHERE event_id IN (
			SELECT event_id FROM webhook_events WHERE state = 'processed' AND finished < now() - $1::interval LIMIT 1000)`,
			q.retention); err != nil {
			return err
		}
	}
	rows, err := q.pool.Query(ctx, `SELECT id, beats FROM webhook_replicas WHERE id <> $1`, q.replica)
	if err != nil {
		return err
	}
	var id string
	var beats int64
	var dead []string
	_, err = pgx.ForEachRow(rows, []any{&id, &beats}, func() error {
		last, known := seen[id]
		if !known || last.beats != beats {
			last = sighting{beats: beats}
		} else if last.stood++; last.stood == deadBeats {
			dead = append(dead, id)
		}
		seen[id] = last
		return nil
	})
	for _, id := range dead {
		err = errors.Join(err, q.inherit(ctx, id))
		delete(seen, id)
	}
	return errors.Join(err, q.reclaim(ctx))
}

// Which jobs River has given to a replica and not heard of since, of this kind ($1) and
// that replica ($2), and how they become available: the attempt that was not finished
// does not count.
const (
	givenTo  = `state = 'running' AND kind = $1 AND attempted_by[array_upper(attempted_by, 1)] = $2`
	giveBack = `UPDATE river_job SET state = 'available', attempt = greatest(attempt - 1, 0) WHERE ` + givenTo
)

// reclaim makes those of this replica's own jobs available that it never heard of: the
// database had given them out and was gone before it could say so.
func (q *postgresQueue) reclaim(ctx context.Context) error {
	const longAgo = ` AND attempted_at < now() - $3::interval`
	rows, err := q.pool.Query(ctx, `SELECT id FROM river_job WHERE `+givenTo+longAgo, jobArgs{}.Kind(), q.replica, deadAfter)
	if err != nil {
		return err
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	lost := q.jobs.unknown(jobs, q.clock.Now())
	if len(lost) == 0 {
		return nil
	}
	_, err = q.pool.Exec(ctx, giveBack+longAgo+` AND id = ANY($4)`, jobArgs{}.Kind(), q.replica, deadAfter, lost)
	return err
}

// knownJobs are the jobs that this replica works on, or has just worked on: River
// needs a moment, or longer while the database is away, to record how an attempt ended.
type knownJobs struct {
	mu    sync.Mutex
	until map[int64]time.Time // zero while the attempt runs
}

func (k *knownJobs) begin(id int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until == nil {
		k.until = map[int64]time.Time{}
	}
	k.until[id] = time.Time{}
}

func (k *knownJobs) end(id int64, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until[id] = now.Add(2 * deadAfter)
}

// unknown returns those of the ids that are not known, and forgets what is long ended.
func (k *knownJobs) unknown(ids []int64, now time.Time) []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.until, func(_ int64, until time.Time) bool { return !until.IsZero() && until.Before(now) })
	return slices.DeleteFunc(ids, func(id int64) bool {
		_, known := k.until[id]
		return known
	})
}

// inherit makes the jobs of a dead replica available.
func (q *postgresQueue) inherit(ctx context.Context, replica string) error {
	return pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, giveBack, jobArgs{}.Kind(), replica)
		if err != nil {
			return err
		}
		if n := tag.RowsAffected(); n > 0 {
			q.log.Warn().Str("replica", replica).Int64("events", n).Msg("Took over from a replica that died")
		}
		_, err = tx.Exec(ctx, `DELETE FROM webhook_replicas WHERE id = $1`, replica)
		return err
	})
}

// leave is the good end: nothing is left to inherit.
func (q *postgresQueue) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, deadAfter)
	defer cancel()
	_, _ = q.pool.Exec(ctx, `DELETE FROM webhook_replicas WHERE id = $1`, q.replica)
}
