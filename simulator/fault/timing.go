package fault

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Range is a span of durations, both ends included. A zero Range is no time.
type Range struct{ Min, Max time.Duration }

// Pick draws a duration from the range, each with the same chance.
func (r Range) Pick(rng *rand.Rand) time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(rng.Int64N(int64(r.Max-r.Min)+1))
}

func (r Range) String() string {
	if r.Max <= r.Min {
		return r.Min.String()
	}
	return fmt.Sprintf("%s..%s", r.Min, r.Max)
}

// Duplicate sends an event again, under new delivery ids.
type Duplicate struct {
	// Times is how many more attempts there are.
	Times int
	// After is how long each comes after the one before it.
	After Range
	// Concurrent sends every copy at the moment of the first, none waiting for
	// another's answer; After is then ignored. Who sends waits otherwise.
	Concurrent bool
}

// Name is duplicate, or duplicate/concurrent.
func (f Duplicate) Name() string {
	if f.Concurrent {
		return "duplicate/concurrent"
	}
	return "duplicate"
}

// Schedule adds the copies after the last planned attempt.
func (f Duplicate) Schedule(rng *rand.Rand, at []time.Duration) []time.Duration {
	last := at[len(at)-1]
	for range f.Times {
		if !f.Concurrent {
			last += f.After.Pick(rng)
		}
		at = append(at, last)
	}
	return at
}

// Reorder sends every attempt so much later that the events planned in between
// come first.
type Reorder struct{ By time.Duration }

// Name is reorder.
func (Reorder) Name() string { return "reorder" }

// Schedule moves all attempts by the same time.
func (f Reorder) Schedule(_ *rand.Rand, at []time.Duration) []time.Duration { return later(at, f.By) }

// Delay sends every attempt later, which also lets later events overtake it.
type Delay struct{ By Range }

// Name is delay.
func (Delay) Name() string { return "delay" }

// Schedule moves all attempts by the same time.
func (f Delay) Schedule(rng *rand.Rand, at []time.Duration) []time.Duration {
	return later(at, f.By.Pick(rng))
}

func later(at []time.Duration, by time.Duration) []time.Duration {
	moved := make([]time.Duration, len(at))
	for i, t := range at {
		moved[i] = t + by
	}
	return moved
}
