package reference

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// River gives back the jobs of a process that was killed after a time that is longer
// than any attempt: by default an hour. An appointment cannot wait that long, so each
// replica shows that it lives, and each takes the jobs of those that do not any more.
const (
	heartbeat = time.Second
	deadAfter = 5 * heartbeat
)

// sighting is how far another replica had counted, and since when.
type sighting struct {
	beats int64
	since time.Time
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
	rows, err := q.pool.Query(ctx, `SELECT id, beats FROM webhook_replicas WHERE id <> $1`, q.replica)
	if err != nil {
		return err
	}
	var id string
	var beats int64
	var dead []string
	now := q.clock.Now()
	_, err = pgx.ForEachRow(rows, []any{&id, &beats}, func() error {
		if last, known := seen[id]; !known || last.beats != beats {
			seen[id] = sighting{beats, now}
		} else if now.Sub(last.since) >= deadAfter {
			dead = append(dead, id)
		}
		return nil
	})
	for _, id := range dead {
		err = errors.Join(err, q.inherit(ctx, id))
		delete(seen, id)
	}
	return err
}

// inherit makes the jobs of a dead replica available. The attempt that it did not
// finish does not count.
func (q *postgresQueue) inherit(ctx context.Context, replica string) error {
	return pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available', attempt = greatest(attempt - 1, 0)
			WHERE state = 'running' AND kind = $1 AND attempted_by[array_upper(attempted_by, 1)] = $2`, jobArgs{}.Kind(), replica)
		if err != nil {
			return err
		}
		if n := tag.RowsAffected(); n > 0 {
			q.log.Warn("Took over from a replica that died", "replica", replica, "events", n)
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
