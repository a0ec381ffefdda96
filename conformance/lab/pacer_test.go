package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// limiter is one way in which receivers count; it says whether a request that
// comes at a moment is admitted. Moments never go back.
type limiter func(at time.Time) bool

var limiters = map[string]func(limit config.RateLimit, start time.Time) limiter{
	"fixed windows": func(limit config.RateLimit, start time.Time) limiter {
		window, used := int64(-1), 0
		return func(at time.Time) bool {
			if now := int64(at.Sub(start) / limit.Window); now != window {
				window, used = now, 0
			}
			used++
			return used <= limit.Requests
		}
	},
	"a window that opens with a request": func(limit config.RateLimit, start time.Time) limiter {
		opened, used := start.Add(-limit.Window), 0
		return func(at time.Time) bool {
			if at.Sub(opened) >= limit.Window {
				opened, used = at, 0
			}
			used++
			return used <= limit.Requests
		}
	},
	"a sliding window": func(limit config.RateLimit, _ time.Time) limiter {
		var admitted []time.Time
		return func(at time.Time) bool {
			for len(admitted) > 0 && at.Sub(admitted[0]) >= limit.Window {
				admitted = admitted[1:]
			}
			admitted = append(admitted, at)
			return len(admitted) <= limit.Requests
		}
	},
	"a token bucket": func(limit config.RateLimit, start time.Time) limiter {
		tokens, filled := float64(limit.Requests), start
		return func(at time.Time) bool {
			tokens = min(float64(limit.Requests), tokens+at.Sub(filled).Seconds()*float64(limit.Requests)/limit.Window.Seconds())
			filled = at
			tokens--
			return tokens >= 0
		}
	},
}

// takePlaces waits for n places, moving the clock on for as long as it takes.
func takePlaces(t *testing.T, clock *clockwork.FakeClock, p *pacer, n int) {
	t.Helper()
	waiting, done := context.WithCancel(t.Context())
	var err error
	go func() {
		defer done()
		err = p.wait(t.Context(), n)
	}()
	for clock.BlockUntilContext(waiting, 1) == nil {
		clock.Advance(p.window / 97)
	}
	<-waiting.Done()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPacedRequestsStayBelowEveryKindOfLimit(t *testing.T) {
	for kind, newLimiter := range limiters {
		for seed := range uint64(25) {
			random := rand.New(rand.NewPCG(seed, 1))
			limit := config.RateLimit{Requests: 1 + random.IntN(150), Window: time.Duration(1+random.IntN(120)) * time.Second}
			t.Run(fmt.Sprintf("%s, seed %d: %d in %v", kind, seed, limit.Requests, limit.Window), func(t *testing.T) {
				clock := clockwork.NewFakeClock()
				p := newPacer(clock, limit)
				admits := newLimiter(limit, clock.Now().Add(-time.Duration(random.Int64N(int64(limit.Window)))))
				var arrived time.Time
				for sent := 0; sent < 5*limit.Requests; {
					if random.IntN(3) == 0 {
						clock.Advance(time.Duration(random.Int64N(int64(limit.Window))))
					}
					burst := 1 + random.IntN(1+p.budget/3)
					takePlaces(t, clock, p, burst)
					for range burst {
						// Requests take up to a twentieth of the window to arrive.
						if at := clock.Now().Add(time.Duration(random.Int64N(int64(limit.Window / 20)))); at.After(arrived) {
							arrived = at
						}
						sent++
						if !admits(arrived) {
							t.Fatalf("request %d is above the limit", sent)
						}
					}
				}
			})
		}
	}
}

func TestPacingUsesMostOfTheLimit(t *testing.T) {
	clock := clockwork.NewFakeClock()
	p := newPacer(clock, config.RateLimit{Requests: 100, Window: time.Minute})
	start := clock.Now()
	for range 3 * p.budget {
		takePlaces(t, clock, p, 1)
	}
	if took := clock.Since(start); took < 2*time.Minute || took > 135*time.Second {
		t.Errorf("270 requests took %v; 90 in each 63 s would be 2m6s", took)
	}
}

func TestNothingIsPacedWithoutALimit(t *testing.T) {
	p := newPacer(clockwork.NewFakeClock(), config.RateLimit{None: true})
	for range 1000 {
		if err := p.wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheRestOfAWindowIsWhatWasNotTakenInIt(t *testing.T) {
	clock := clockwork.NewFakeClock()
	p := newPacer(clock, config.RateLimit{Requests: 10, Window: time.Minute})
	takePlaces(t, clock, p, 5)
	clock.Advance(20 * time.Second)
	takePlaces(t, clock, p, 1)
	for _, step := range []struct {
		later time.Duration
		want  int
	}{{0, 3}, {0, 0}, {43 * time.Second, 5}, {20 * time.Second, 4}, {time.Hour, 9}} {
		clock.Advance(step.later)
		if got := p.takeAll(); got != step.want {
			t.Errorf("%v later there are %d places, want %d", step.later, got, step.want)
		}
	}
}

func TestAWaitForAPlaceEndsWithItsContext(t *testing.T) {
	for name, p := range map[string]*pacer{
		"under a limit":   newPacer(clockwork.NewFakeClock(), config.RateLimit{Requests: 1, Window: time.Hour}),
		"without a limit": nil,
	} {
		t.Run(name, func(t *testing.T) {
			cause := errors.New("the reason")
			ctx, cancel := context.WithCancelCause(t.Context())
			if err := p.wait(ctx, 1); err != nil {
				t.Fatal(err)
			}
			cancel(cause)
			if err := p.wait(ctx, 1); !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		})
	}
}
