package chaos

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// longestRetryAfter is how long a Retry-After is honoured at most.
const longestRetryAfter = 2 * time.Minute

// redeliver sends a genuine event again until it is acknowledged or the
// scenario's schedule is used up. An event has one such series at a time.
func (r *run) redeliver(ctx context.Context, step Step, a emitter.Attempt) {
	// In an outage the plan itself delivers again, when it is over.
	if step.Expect != Accept || step.Network == Unreachable || a.Acknowledged() || !r.claim(step.Event) {
		return
	}
	defer r.release(step.Event)
	for i, pause := range r.schedule {
		due := r.Clock.Since(r.start) + max(time.Duration(pause), retryAfter(a.Header))
		if !r.wait(ctx, due-r.Clock.Since(r.start)) || !r.unacknowledged(step.Event) || !r.acquire(ctx) {
			return
		}
		a = r.send(ctx, step.redelivery(r.seed, i+1), due)
		<-r.slots
		if a.Acknowledged() {
			return
		}
	}
}

// retryAfter reads a Retry-After in seconds, the form that rate limits use.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestRetryAfter)
}

func (r *run) claim(number uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.events[number]
	if e.acknowledged || e.redelivering {
		return false
	}
	e.redelivering = true
	return true
}

func (r *run) release(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events[number].redelivering = false
}

func (r *run) unacknowledged(number uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.events[number].acknowledged
}

// settle waits for the effect of every acknowledged event, then until no more
// effects come, and records them all.
func (r *run) settle(ctx context.Context, within time.Duration) {
	if r.Effects == nil {
		return
	}
	if within == 0 {
		within = 30 * time.Second
	}
	patience, cancel := clockwork.WithTimeout(ctx, r.Clock, within)
	defer cancel()
	for _, e := range r.events { // no attempt is under way any more
		if e.acknowledged && !e.script.deadLetter() {
			_, err := r.Effects.Await(patience, e.id, func(calls []effects.Call) bool {
				return effects.CountDone(calls) > 0
			})
			if err != nil {
				break // the record shows what is missing
			}
		}
	}
	_ = r.Effects.Quiet(patience, r.Quiet) // a receiver that never rests is judged by what it did
	for _, record := range effectRecords(r.Effects, r.start) {
		r.records <- record
	}
}

// deadLetter says whether a receiver that tries three times, as the guide says,
// gives up on an event with this script.
func (s *Script) deadLetter() bool { return s != nil && s.Reset+s.Fail >= 3 }
