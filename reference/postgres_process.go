package reference

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// jobArgs is an event as River keeps it. The body is bytes and not JSON, which the
// database would rewrite.
type jobArgs struct {
	Body       []byte `json:"body"`
	DeliveryID string `json:"delivery_id"`
}

// Kind names the job in River's tables.
func (jobArgs) Kind() string { return "webhook_event" }

// InsertOpts leaves it to the worker to say which attempt is the last.
func (jobArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1000} }

// Process makes attempts until ctx ends. It shows that it lives from before the first
// attempt until after the last.
func (q *postgresQueue) Process(ctx context.Context) error {
	seen := map[string]sighting{}
	attempts, cancel := outlive(ctx, q.worker.Grace, q.clock)
	defer cancel()
	for err := q.start(attempts, seen); err != nil; err = q.start(attempts, seen) {
		q.log.Error().Str("error", err.Error()).Msg("The queue cannot be processed, will try again")
		select {
		case <-q.clock.After(heartbeat):
		case <-ctx.Done():
			return nil
		}
	}
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() { q.watchReplicas(watching, seen) })
	<-ctx.Done()
	err := q.client.Stop(context.WithoutCancel(ctx))
	stopWatching()
	watch.Wait()
	if err != nil {
		return fmt.Errorf("postgres: stop River: %w", err)
	}
	return nil
}

func (q *postgresQueue) start(ctx context.Context, seen map[string]sighting) error {
	if err := q.beat(ctx, seen); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := q.client.Start(ctx); err != nil {
		return fmt.Errorf("postgres: start River: %w", err)
	}
	return nil
}

// jobWorker makes River's attempts with the Worker.
type jobWorker struct {
	river.WorkerDefaults[jobArgs]
	queue *postgresQueue
	retry Retry
	waits sync.Map // the wait after a failed attempt, by the job's id
}

// errHandled is what River hears of a failed attempt: the log has the rest.
var errHandled = errors.New("the attempt failed")

// Work makes one attempt.
func (w *jobWorker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	w.queue.jobs.begin(job.ID)
	defer func() { w.queue.jobs.end(job.ID, w.queue.clock.Now()) }()
	event := restoreEvent(job.Args.Body, job.Args.DeliveryID)
	queued, first, err := w.look(ctx, event)
	switch {
	case err != nil:
		return river.JobSnooze(time.Second)
	case !queued: // a replica that was taken for dead had it done after all
		return nil
	case !first:
		return river.JobSnooze(orderPoll)
	}
	failure := w.queue.worker.Attempt(ctx, event, job.Attempt)
	switch {
	case failure == nil:
		return w.finish(ctx, job, `UPDATE webhook_events SET state = 'processed', finished = now(), attempts = $2
			WHERE event_id = $1 AND state = 'queued'`, event.ID, job.Attempt)
	case ctx.Err() != nil: // cut short by the end of the process: it does not count
		return river.JobSnooze(0)
	}
	wait, dead := w.queue.worker.Failed(event, job.Attempt, failure)
	if !dead {
		w.waits.Store(job.ID, wait)
		return errHandled
	}
	return w.finish(ctx, job, `UPDATE webhook_events SET state = 'dead', finished = now(), attempts = $2, reason = $3, delivery_id = $4, body = $5
		WHERE event_id = $1 AND state = 'queued'`, event.ID, job.Attempt, failure.Error(), event.DeliveryID, event.Body)
}

// orderPoll is how long an event waits before it looks again whether its turn has come.
const orderPoll = 50 * time.Millisecond

// look says whether the event is still to be processed, and whether no earlier one
// with the same order key is.
func (w *jobWorker) look(ctx context.Context, event Event) (queued, first bool, err error) {
	err = w.queue.pool.QueryRow(ctx, `SELECT state = 'queued', order_key = '' OR NOT EXISTS (
			SELECT 1 FROM webhook_events earlier WHERE earlier.state = 'queued'
			AND earlier.order_key = this.order_key AND earlier.order_key <> '' AND earlier.seq < this.seq)
		FROM webhook_events this WHERE event_id = $1`, event.ID).Scan(&queued, &first)
	if errors.Is(err, pgx.ErrNoRows) { // purged while it was in the queue by hand
		return false, false, nil
	}
	return queued, first, err
}

// NextRetry gives River the wait that the log has announced.
func (w *jobWorker) NextRetry(job *river.Job[jobArgs]) time.Time {
	wait, ok := w.waits.LoadAndDelete(job.ID)
	if !ok { // the attempt succeeded, but that could not be recorded
		wait = w.retry.wait(job.Attempt)
	}
	return w.queue.clock.Now().Add(wait.(time.Duration))
}

// finish records the end of an event and of its job as one transaction. A database
// that restarts is waited for: what is not recorded would be done again.
func (w *jobWorker) finish(ctx context.Context, job *river.Job[jobArgs], statement string, args ...any) error {
	record := func() error {
		return pgx.BeginFunc(ctx, w.queue.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, statement, args...); err != nil {
				return err
			}
			_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
			return err
		})
	}
	err := record()
	for tries := 0; err != nil && ctx.Err() == nil && tries < 20; tries++ {
		w.queue.clock.Sleep(500 * time.Millisecond)
		err = record()
	}
	if err != nil {
		return fmt.Errorf("postgres: record the attempt: %w", err)
	}
	return nil
}
