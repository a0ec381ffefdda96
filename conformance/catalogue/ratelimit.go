package catalogue

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

const rateLimitSection = "Limit the rate"

// flood is what came of more requests than the rate limit admits.
type flood struct {
	limit config.RateLimit
	// within were sent while the limit was kept, above are those after them.
	within, above []sent
	throttled     []sent
	// later are throttled events, sent again after the window.
	later []sent
	tally tally
}

// enough is how many refusals show that there is a limit.
const enough = 5

var floodTrial = lab.Define(lab.Plan{Name: "flood", Setting: lab.Alone, Tight: true, Counts: true, Requests: 200},
	func(ctx context.Context, r *lab.Run) (f flood, err error) {
		if err := baseline(ctx, r); err != nil {
			return f, err
		}
		f.limit = r.Limit()
		if f.limit.None {
			return f, nil
		}
		begin := r.Clock().Now()
		// What earlier experiments have left of the window is used up first.
		f.within = volley(ctx, r, r.Rest(), "a request that keeps the declared limit")
		// Twice the limit is above it for every way of counting; a token bucket
		// admits what it refills in the meantime as well.
		for len(f.throttled) < enough {
			refill := float64(f.limit.Requests) * r.Clock().Since(begin).Seconds() / f.limit.Window.Seconds()
			if sentSoFar := len(f.within) + len(f.above); float64(sentSoFar) > 2*float64(f.limit.Requests)+refill+10 || sentSoFar > 5*f.limit.Requests+10 {
				break
			}
			more := volley(ctx, r, max(enough, f.limit.Requests/5), "a request above the declared limit")
			f.above = append(f.above, more...)
			for _, s := range more {
				if s.final().Status == http.StatusTooManyRequests {
					f.throttled = append(f.throttled, s)
				}
			}
			if ctx.Err() != nil {
				return f, context.Cause(ctx)
			}
		}
		if err := f.retryLater(ctx, r); err != nil {
			return f, err
		}
		once := acknowledgedOf(append(append(append([]sent(nil), f.within...), f.above...), f.later...))
		f.tally, err = settle(ctx, r, once, nil)
		return f, err
	})

// volley sends n new events, a few at a time, as fast as they are answered.
func volley(ctx context.Context, r *lab.Run, n int, what string) []sent {
	slots := make(chan struct{}, 8)
	events := r.Events(n)
	return each(events, func(ev fixtures.Event) sent {
		slots <- struct{}{}
		defer func() { <-slots }()
		return sent{ev.ID, what, []emitter.Attempt{r.SendNow(ctx, r.Deliver(ev))}}
	})
}

// retryLater waits for a whole window and sends what was throttled again.
func (f *flood) retryLater(ctx context.Context, r *lab.Run) error {
	if len(f.throttled) == 0 {
		return nil
	}
	start := r.Clock().Now()
	select {
	case <-r.Clock().After(f.limit.Window + f.limit.Window/10):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.Waited(start, fmt.Sprintf("the window of the rate limit (%v)", f.limit.Window))
	var sending sync.WaitGroup
	f.later = make([]sent, min(len(f.throttled), 3))
	for i := range f.later {
		s := f.throttled[i]
		sending.Go(func() {
			// The very same bytes: the delivery id is not what limits the rate.
			again := r.SendNow(ctx, s.final().Delivery)
			f.later[i] = sent{s.id, "an event that was throttled, sent again after the window", append(append([]emitter.Attempt(nil), s.attempts...), again)}
		})
	}
	sending.Wait()
	return nil
}

// limited leaves out receivers that promise no limit.
func limited(cfg config.Config) string {
	if cfg.Declare.RateLimit.None {
		return "no rate limit is declared (declare.rateLimit: none)"
	}
	return ""
}

// rateFields are headers by which a receiver can tell the state of its limit:
// RFC 9110's, the IETF draft's in its old and new form, and the older custom.
var rateFields = []string{"Retry-After", "RateLimit", "RateLimit-Policy", "RateLimit-Reset", "RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Remaining"}

// notBelow is what is expected of requests that keep the limit.
func notBelow(limit config.RateLimit) string {
	if limit.None {
		return "no 429 at all, since no rate limit is declared"
	}
	return fmt.Sprintf("no 429 below %d requests in %v", limit.Requests, limit.Window)
}

func rateLimit() []Requirement {
	throttling := func(f flood, j *Judgement) bool {
		if len(f.throttled) == 0 {
			j.NotObserved("no request was throttled: see RATE-02")
			return false
		}
		return true
	}
	return []Requirement{
		{
			ID: "RATE-01", Level: Must, Guide: rateLimitSection,
			Title: "Nothing is throttled below the declared rate",
			Why:   "moncreneau's ordinary traffic would be refused, and come back as redeliveries on top of it.",
			Mend:  "Check that the limit counts per sender, per window, and not across all of them; nor, where it counts in a Redis or the like, across the instances that hookcheck starts (see {{.Instance}}).",
			check: withLab(floodTrial, func(ctx context.Context, f flood, l *lab.Lab, j *Judgement) error {
				if err := l.AwaitAll(ctx); err != nil {
					return err
				}
				for _, s := range f.within {
					j.Require(s.final().Status != http.StatusTooManyRequests, notBelow(f.limit), describe(s.final()), s.attempts...)
				}
				throttles := l.Throttled()
				for _, t := range throttles {
					j.Require(false, notBelow(t.Limit), describe(t.Attempt), t.Attempt)
				}
				for _, lost := range l.Losses() {
					j.lost(lost)
				}
				if len(f.within) == 0 && len(throttles) == 0 {
					j.Observed++ // no limit is declared, and the whole run met none
				}
				return nil
			}),
		},
		{
			ID: "RATE-02", Level: Must, Guide: rateLimitSection, Applies: limited,
			Title: "What comes above the declared rate is answered 429",
			Why:   "The limit protects everything behind the receiver from a sender that has gone wild, or is not moncreneau.",
			Mend:  "Count requests per sender and answer 429 above the limit.",
			check: from(floodTrial, func(f flood, j *Judgement) {
				n := len(f.within) + len(f.above)
				var witness []emitter.Attempt
				if len(f.above) > 0 {
					witness = f.above[len(f.above)-1].attempts
				}
				if len(f.throttled) > 0 {
					witness = f.throttled[0].attempts
				}
				j.Require(len(f.throttled) > 0, fmt.Sprintf("429 for some of %d requests, where %d in %v are declared", n, f.limit.Requests, f.limit.Window), "none", witness...)
			}),
		},
		{
			ID: "RATE-03", Level: Should, Guide: rateLimitSection, Applies: limited,
			Title: "A throttled request is told when to come back",
			Why:   "Without Retry-After or RateLimit fields a sender can only guess, and usually guesses too soon.",
			Mend:  "Add Retry-After, or the RateLimit fields of the IETF draft, to the answer 429.",
			check: from(floodTrial, func(f flood, j *Judgement) {
				if !throttling(f, j) {
					return
				}
				a := f.throttled[0].final()
				told := false
				for _, name := range rateFields {
					told = told || a.Header.Get(name) != ""
				}
				j.Require(told, "Retry-After or RateLimit fields with the 429", "neither", a)
			}),
		},
		{
			ID: "RATE-04", Level: Must, Guide: rateLimitSection, Applies: limited,
			Title: "The limit lifts when the window is over",
			Why:   "A limit that never lifts, or that is prolonged by every request it refuses, shuts the sender out for good.",
			Mend:  "Let refused requests not count, or count only within the window.",
			check: from(floodTrial, func(f flood, j *Judgement) {
				if !throttling(f, j) {
					return
				}
				for _, s := range f.later {
					a := s.final()
					j.Require(a.Status != 0 && a.Status != http.StatusTooManyRequests, fmt.Sprintf("no 429 once %v have passed", f.limit.Window), describe(a), s.attempts...)
				}
			}),
		},
		{
			ID: "RATE-05", Level: Must, Guide: rateLimitSection, Needs: lab.Effects, Applies: limited,
			Title: "A throttled event is accepted later and processed once",
			Why:   "429 means later, not never. An id that is recorded before the limit is checked makes the redelivery a duplicate.",
			Mend:  "Check the limit before anything is recorded.",
			check: from(floodTrial, func(f flood, j *Judgement) {
				if !throttling(f, j) {
					return
				}
				for _, s := range f.later {
					if s.final().Status == http.StatusTooManyRequests {
						j.NotObserved("it was throttled again: see RATE-04")
						return
					}
					j.Answer(s.final(), acknowledged, s.what)
				}
				j.Processed(f.tally, f.later...)
			}),
		},
	}
}
