package reference

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// Accept hands the event to the writer and waits for the commit that it is part of.
func (q *postgresQueue) Accept(_ context.Context, event Event) (duplicate bool, err error) {
	return q.intake.accept(event)
}

// write commits what has come together as one transaction, again and again.
func (q *postgresQueue) write(ctx context.Context) {
	for {
		select {
		case <-q.intake.arrived:
		case <-ctx.Done():
			q.intake.close()
			q.intake.take().settle(errStopped)
			return
		}
		if b := q.intake.take(); len(b.events) > 0 {
			b.settle(q.commit(ctx, b.events))
		}
	}
}

func (q *postgresQueue) commit(ctx context.Context, batch []*acceptance) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Two replicas that wait for each other's ids would wait for ever, unless both
	// take them in the same order.
	slices.SortStableFunc(batch, func(a, b *acceptance) int { return strings.Compare(a.event.ID, b.event.ID) })
	ids := make([]string, len(batch))
	keys := make([]string, len(batch))
	for i, a := range batch {
		ids[i], keys[i] = a.event.ID, q.worker.OrderKey(a.event)
	}
	err := pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `INSERT INTO webhook_events (event_id, order_key)
			SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING RETURNING event_id`, ids, keys)
		if err != nil {
			return err
		}
		fresh, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		jobs := takeFresh(batch, fresh)
		if len(jobs) == 0 {
			return nil
		}
		_, err = q.client.InsertManyFastTx(ctx, tx, jobs)
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// takeFresh makes jobs of the events whose ids were new, and duplicates of the rest.
func takeFresh(batch []*acceptance, fresh []string) []river.InsertManyParams {
	isNew := make(map[string]bool, len(fresh))
	for _, id := range fresh {
		isNew[id] = true
	}
	var jobs []river.InsertManyParams
	for _, a := range batch {
		a.duplicate = !isNew[a.event.ID]
		if a.duplicate {
			continue
		}
		isNew[a.event.ID] = false // the next one in this batch is a duplicate
		jobs = append(jobs, river.InsertManyParams{Args: jobArgs{Body: a.event.Body, DeliveryID: a.event.DeliveryID}})
	}
	return jobs
}
