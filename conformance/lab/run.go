package lab

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Run is what one experiment works with. Its methods may be called concurrently.
type Run struct {
	bench *bench
	name  string

	mu         sync.Mutex
	events     *fixtures.Generator
	deliveries int
	left       bool
	marks      int // events of the lab's own, see mark
	baseline   int // of a counter that does not tell events apart
}

func newRun(b *bench, p Plan) *Run {
	return &Run{bench: b, name: p.Name, events: fixtures.NewGenerator(subSeed(b.lab.seed, p.Name))}
}

// Config is the receiver's configuration.
func (r *Run) Config() config.Config { return r.bench.lab.cfg }

// Clock is the lab's.
func (r *Run) Clock() clockwork.Clock { return r.bench.lab.clock }

// Seed is the experiment's own, which follows from the run's.
func (r *Run) Seed() uint64 { return subSeed(r.bench.lab.seed, r.name) }

// Secret signs genuine deliveries.
func (r *Run) Secret() string { return r.bench.lab.secret }

// Limit is the rate limit that this instance was started with.
func (r *Run) Limit() config.RateLimit { return r.bench.limit }

// Instance is the receiver.
func (r *Run) Instance() target.Instance { return r.bench.instance }

// Command runs a configured command where the receiver runs, and returns what it printed.
func (r *Run) Command(ctx context.Context, args []string) (string, error) {
	return r.bench.command(ctx, args)
}

// Lent reports whether others have used this receiver before: it was not started for
// this experiment alone.
func (r *Run) Lent() bool { return !r.bench.lab.target.Lifecycle() }

// URL is the endpoint that deliveries go to.
func (r *Run) URL() string { return r.bench.url() }

// Logs are the receiver's, nil where they are not observed.
func (r *Run) Logs() *observe.Logs { return r.bench.logs }

// Metrics are the receiver's, nil where they are not observed.
func (r *Run) Metrics() *observe.Metrics { return r.bench.metrics }

// Sink is the effect sink, nil where there is none.
func (r *Run) Sink() *effects.Sink { return r.bench.lab.sink }

// Event makes a valid event that no other experiment has.
func (r *Run) Event(eventType string) fixtures.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events.Event(eventType)
}

// Events makes n valid events, of each type in turn.
func (r *Run) Events(n int) []fixtures.Event {
	types := fixtures.Default().EventTypes()
	out := make([]fixtures.Event, n)
	for i := range out {
		out[i] = r.Event(types[i%len(types)])
	}
	return out
}

// Deliver is a genuine delivery of ev, under a new delivery id.
func (r *Run) Deliver(ev fixtures.Event) emitter.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliveries++
	id := "dlv_" + hex.EncodeToString(derive(r.bench.lab.seed, fmt.Sprintf("%s/%d", r.name, r.deliveries)))[:32]
	return emitter.NewDelivery(ev, r.bench.lab.secret, id)
}

// Send makes one attempt within the budget. An answer 429 is then the
// receiver's fault; it is put on record, and the attempt made again a little
// later, so that a wrong limit is not taken for whatever is being examined.
func (r *Run) Send(ctx context.Context, d emitter.Delivery) emitter.Attempt {
	for try := 1; ; try++ {
		a := r.sendInTurn(ctx, d)
		if a.Status != http.StatusTooManyRequests {
			return a
		}
		r.bench.noteThrottled(a)
		if try == throttledTries || len(r.bench.lab.Throttled()) > throttledTolerance || !r.sleep(ctx, retryAfter(a, r.bench.limit)) {
			return a
		}
	}
}

// sendInTurn takes a slot before its place, so that little time passes between a
// place and its request.
func (r *Run) sendInTurn(ctx context.Context, d emitter.Delivery) emitter.Attempt {
	select {
	case r.bench.slots <- struct{}{}:
		defer func() { <-r.bench.slots }()
	case <-ctx.Done():
		return emitter.Attempt{Delivery: d, Start: r.Clock().Now(), Err: context.Cause(ctx)}
	}
	if err := r.bench.pace.wait(ctx, 1); err != nil {
		return emitter.Attempt{Delivery: d, Start: r.Clock().Now(), Err: err}
	}
	leave, err := r.bench.lab.gate.enter(ctx)
	if err != nil {
		return emitter.Attempt{Delivery: d, Start: r.Clock().Now(), Err: err}
	}
	defer leave()
	return r.bench.send(ctx, d, r.timeout())
}

const (
	throttledTries = 3
	// throttledTolerance is how many answers 429 are waited for.
	// With more of them its limit is plainly another one, and waiting would take hours.
	throttledTolerance = 20
)

// unlimitedWait is the longest wait for a receiver that declares no limit.
const unlimitedWait = 5 * time.Second

// retryAfter is how long to stay away after an answer 429.
func retryAfter(a emitter.Attempt, limit config.RateLimit) time.Duration {
	wait := time.Second
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = time.Duration(seconds) * time.Second
	}
	if limit.None {
		return min(wait, unlimitedWait)
	}
	return min(wait, limit.Window)
}

func (r *Run) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-r.Clock().After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// SendNow makes one attempt without pacing, for floods and bursts. The caller
// accounts for the budget.
func (r *Run) SendNow(ctx context.Context, d emitter.Delivery) emitter.Attempt {
	return r.bench.send(ctx, d, r.timeout())
}

// timeout lets an answer come late, so that it is seen as late rather than as
// missing: whether it came in time is for those requirements that ask for it.
func (r *Run) timeout() time.Duration {
	return max(r.Config().Declare.Ack+2*time.Second, r.Config().Patience)
}

// SendAll sends each delivery within the budget and returns the attempts in
// the order of the deliveries.
func (r *Run) SendAll(ctx context.Context, deliveries []emitter.Delivery) []emitter.Attempt {
	return all(deliveries, func(d emitter.Delivery) emitter.Attempt { return r.Send(ctx, d) })
}

// Burst sends all deliveries at the same moment, having reserved the budget
// for all of them first. There must be no more than AtOnce allows.
func (r *Run) Burst(ctx context.Context, deliveries []emitter.Delivery) []emitter.Attempt {
	r.Reserve(ctx, len(deliveries))
	return all(deliveries, func(d emitter.Delivery) emitter.Attempt { return r.SendReserved(ctx, d) })
}

// SendReserved makes one attempt for which Reserve has taken a place. An answer 429 is
// put on record as the receiver's fault.
func (r *Run) SendReserved(ctx context.Context, d emitter.Delivery) emitter.Attempt {
	a := r.SendNow(ctx, d)
	if a.Status == http.StatusTooManyRequests {
		r.bench.noteThrottled(a)
	}
	return a
}

// Reserve takes n places of the budget, for requests that are then made with
// SendReserved or SendNow, and waits until they are due.
func (r *Run) Reserve(ctx context.Context, n int) {
	_ = r.bench.pace.wait(ctx, n) // the requests will tell if the run has ended
}

// AtOnce is how many of n requests the rate limit admits at the same moment.
func (r *Run) AtOnce(n int) int {
	if r.bench.pace == nil {
		return n
	}
	return min(n, r.bench.pace.budget)
}

// Rest takes what is left of the budget at this moment, for requests that are then
// made at once with SendNow, and says how many they may be.
func (r *Run) Rest() int { return r.bench.pace.takeAll() }

func all(deliveries []emitter.Delivery, send func(emitter.Delivery) emitter.Attempt) []emitter.Attempt {
	out := make([]emitter.Attempt, len(deliveries))
	var sending sync.WaitGroup
	for i, d := range deliveries {
		sending.Go(func() { out[i] = send(d) })
	}
	sending.Wait()
	return out
}

// Leave takes the experiment out of those that the others wait for: it has
// nothing more to stimulate, and at most watches what comes of it.
func (r *Run) Leave() {
	r.mu.Lock()
	left := r.left
	r.left = true
	r.mu.Unlock()
	if !left {
		r.bench.quiet.leave()
	}
}

// Waited puts on record that the receiver made us wait since start, and for what.
func (r *Run) Waited(start time.Time, what string) {
	r.bench.lab.waits.add(r.Clock().Since(start), what)
}
