package reference

import (
	"context"
	"errors"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
)

// Queue keeps what was accepted until it is processed, and remembers every event id
// so that none is accepted twice. There are two: SQLite inside this process, and
// PostgreSQL for several replicas.
type Queue interface {
	// Accept stores an event and remembers its id in one transaction. When it
	// returns nil the event is on disk, or was there before: then it is a duplicate,
	// whatever its body says.
	Accept(ctx context.Context, event Event) (duplicate bool, err error)

	// Process hands events to the Worker until ctx ends, each until an attempt
	// succeeds or is the last one. Then it waits for the attempts that are running.
	Process(ctx context.Context) error

	// Stats may be asked at any time.
	Stats(ctx context.Context) (Stats, error)

	// limiter counts requests for everyone who serves this queue.
	limiter(limit RateLimit) Limiter

	// Ping says whether events can be accepted.
	Ping(ctx context.Context) error

	Store
}

// Store is what may be done with a queue also from another process than the one that
// serves.
type Store interface {
	// DeadLetters returns the events that were given up, the oldest first.
	DeadLetters(ctx context.Context) ([]DeadLetter, error)

	// Replay has dead letters processed again, as if they had just been accepted:
	// the one with this event id, or all if it is empty. It returns how many there were.
	Replay(ctx context.Context, eventID string) (int, error)

	// Purge forgets ids and dead letters of events that were done with before a
	// time, and returns how many. A duplicate that comes later is a new event.
	Purge(ctx context.Context, before time.Time) (int, error)

	Close() error
}

// Worker makes the attempts.
type Worker struct {
	// Attempt processes an event once. The count starts at 1.
	Attempt func(ctx context.Context, event Event, attempt int) error
	// Failed is told of an attempt's error and gives the wait before the next
	// attempt, or dead if it was the last one.
	Failed func(event Event, attempt int, err error) (wait time.Duration, dead bool)
	// OrderKey is the handler's.
	OrderKey func(Event) string
	// Concurrency is how many attempts may run at the same time.
	Concurrency int
	// Grace is how long running attempts get when Process is to end. One that is cut
	// short then does not count.
	Grace time.Duration
}

// DeadLetter is an event whose last attempt failed.
type DeadLetter struct {
	EventID   string    `json:"eventId"`
	EventType string    `json:"eventType"`
	Attempts  int       `json:"attempts"`
	Reason    string    `json:"reason"` // the last attempt's error
	Accepted  time.Time `json:"accepted"`
	Failed    time.Time `json:"failed"`
}

// Stats is the state of a queue.
type Stats struct {
	Depth       int           // accepted and not yet processed, dead letters aside
	OldestAge   time.Duration // of these, how long the oldest has been waiting
	DeadLetters int
}

var errNotADeadLetter = errors.New("no dead letter with this event id")

var errStopped = errors.New("the queue is closed")

// OpenStore opens what the configuration says, for another purpose than to serve.
func OpenStore(ctx context.Context, config Config) (Store, error) {
	if config.DatabaseURL != "" {
		return openPostgresStore(ctx, config.DatabaseURL)
	}
	return openSQLiteStore(ctx, config.DataDir, clockwork.NewRealClock())
}

func openQueue(ctx context.Context, config Config, worker Worker, log zerolog.Logger, clock clockwork.Clock) (Queue, error) {
	if config.DatabaseURL != "" {
		return openPostgresQueue(ctx, config, worker, log, clock)
	}
	return openSQLiteQueue(ctx, config, worker, clock)
}
