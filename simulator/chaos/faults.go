package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

// faultKind is one kind of fault that a scenario can name: the settings it
// takes, what must hold of them, and what it does to an event's draft.
type faultKind struct {
	settings []string
	check    func(f Fault) error
	apply    func(f Fault, b *builder, d *draft, rng *rand.Rand)
}

// any is the value of kind and rule that leaves the choice to the seed.
const anyOf = "any"

var faultKinds = map[string]faultKind{
	"duplicate": {
		settings: []string{"times", "after", "concurrent"},
		check: func(f Fault) error {
			switch {
			case f.Times < 0 || f.Times > 1000:
				return wrongf("times", "%d: want 1 to 1000", f.Times)
			case f.After.Min < 0:
				return wrongf("after", "%s: want 0s or more", f.After)
			case f.Concurrent && f.After != Range{}:
				return wrongf("after", "a concurrent duplicate is sent at once")
			}
			return nil
		},
		apply: func(f Fault, _ *builder, d *draft, rng *rand.Rand) {
			d.concurrent = d.concurrent || f.Concurrent
			d.retime(fault.Duplicate{Times: int(max(f.Times, 1)), After: f.After.Range, Concurrent: f.Concurrent}, rng)
		},
	},
	"delay": {
		settings: []string{"by"},
		check:    func(f Fault) error { return wantPositive(f.By) },
		apply: func(f Fault, _ *builder, d *draft, rng *rand.Rand) {
			d.retime(fault.Delay{By: f.By.Range}, rng)
		},
	},
	"reorder": {
		settings: []string{"within"},
		check: func(f Fault) error {
			if f.Within < 1 || f.Within > 100_000 {
				return wrongf("within", "%d: want how many events may overtake it, 1 to 100000", f.Within)
			}
			return nil
		},
		apply: func(f Fault, _ *builder, d *draft, rng *rand.Rand) {
			// Half an interval more puts it between two others, not beside one.
			overtaken := d.rate.until(1+rng.IntN(int(f.Within))) + d.rate.until(1)/2
			d.retime(fault.Reorder{By: overtaken}, rng)
		},
	},
	"clock-skew": {
		settings: []string{"by"},
		check: func(f Fault) error {
			if f.By == (Range{}) {
				return wrongf("by", `want how far the clock is ahead, such as "-48h..48h"`)
			}
			return nil
		},
		apply: func(f Fault, _ *builder, d *draft, rng *rand.Rand) {
			d.alter(fault.ClockSkew{By: f.By.Pick(rng).Truncate(time.Second)})
		},
	},
	"chunked": {
		check: noCheck,
		apply: func(_ Fault, _ *builder, d *draft, _ *rand.Rand) { d.alter(fault.Chunked{}) },
	},
	"stall": {
		check: noCheck,
		apply: func(_ Fault, _ *builder, d *draft, _ *rand.Rand) {
			d.impeded = true
			d.alter(fault.Stall{})
		},
	},
	"short-length": {
		check: noCheck,
		apply: func(_ Fault, _ *builder, d *draft, _ *rand.Rand) {
			d.expect = Refuse
			d.alter(fault.ShortLength{})
		},
	},
	"bad-signature": {
		settings: []string{"kind"},
		check: func(f Fault) error {
			if f.Kind == "" || f.Kind == anyOf {
				return nil
			}
			_, err := fault.ParseBadSignatureKind(f.Kind)
			if err != nil {
				return wrongf("kind", "%w", err)
			}
			return nil
		},
		apply: func(f Fault, _ *builder, d *draft, rng *rand.Rand) {
			kinds := fault.BadSignatureKinds()
			kind := kinds[rng.IntN(len(kinds))]
			if f.Kind != "" && f.Kind != anyOf {
				kind = fault.BadSignatureKind(f.Kind)
			}
			d.expect = Refuse
			d.signature = kind
			d.names = append(d.names, fault.BadSignature{Kind: kind}.Name())
		},
	},
	"malformed": {
		settings: []string{"rule"},
		check: func(f Fault) error {
			if len(brokenBy(fixtures.Broken(0), f.Rule)) == 0 {
				return wrongf("rule", "%q: no rule of the contract has this id or begins so; "+
					"hookcheck fixtures broken lists them", f.Rule)
			}
			return nil
		},
		apply: func(f Fault, b *builder, d *draft, _ *rand.Rand) {
			broken := b.nextBroken(f.Rule)
			if d.expect == Accept {
				d.expect = Refuse
				if broken.Rule.Level != fixtures.Must {
					d.expect = Either
				}
			}
			d.alter(fault.Malformed{Event: broken})
		},
	},
	"network": {
		settings: []string{"condition"},
		check: func(f Fault) error {
			if _, known := conditions[f.Condition]; !known {
				return wrongf("condition", "%q: want one of %s", f.Condition, strings.Join(Conditions(), ", "))
			}
			return nil
		},
		apply: func(f Fault, _ *builder, d *draft, _ *rand.Rand) {
			if d.network != "" {
				return // a connection meets one condition, the first that strikes
			}
			d.impeded = true
			d.network = f.Condition
			d.names = append(d.names, "network/"+f.Condition)
		},
	},
}

// FaultNames lists the faults that a scenario can name, in alphabetical order.
func FaultNames() []string { return slices.Sorted(maps.Keys(faultKinds)) }

func noCheck(Fault) error { return nil }

func wantPositive(by Range) error {
	if by.Min < 0 || by.Max <= 0 {
		return wrongf("by", `%s: want a time above 0s, such as "0s..3s"`, by)
	}
	return nil
}

// brokenBy keeps the events whose broken rule is rule, or begins with it up to
// a dot. Without a rule it keeps those that every receiver must refuse.
func brokenBy(events []fixtures.BrokenEvent, rule string) []fixtures.BrokenEvent {
	return slices.DeleteFunc(slices.Clone(events), func(e fixtures.BrokenEvent) bool {
		if rule == "" || rule == anyOf {
			return e.Rule.Level != fixtures.Must
		}
		return e.Rule.ID != rule && !strings.HasPrefix(e.Rule.ID, rule+".")
	})
}

// draft is an event on its way into the plan.
type draft struct {
	event         fixtures.Event
	number, story uint64
	phase         string
	rate          Rate // of the phase
	alterations   []fault.Fault
	signature     fault.BadSignatureKind
	network       string
	names         []string
	expect        Expect
	impeded       bool
	concurrent    bool
	outageUntil   time.Duration // attempts before then find nobody
	at            []time.Duration
	script        *Script
	previous      uint64 // sequence number of the last attempt
	sent          int    // how many attempts there were
}

func (d *draft) alter(f fault.Fault) {
	d.alterations = append(d.alterations, f)
	d.names = append(d.names, f.Name())
}

func (d *draft) retime(f fault.Timing, rng *rand.Rand) {
	d.at = f.Schedule(rng, d.at)
	d.names = append(d.names, f.Name())
}

// hits says whether f strikes the phase's nth event, from 1.
func (f Fault) hits(n int, rng *rand.Rand) bool {
	if len(f.At) > 0 {
		return slices.Contains(f.At, Whole(n))
	}
	return rng.Float64() < float64(f.Probability)
}

// script draws how the receiver's side effect behaves for one event.
func (d *Downstream) script(rng *rand.Rand) *Script {
	if d == nil || (d.Probability > 0 && rng.Float64() >= float64(d.Probability)) {
		return nil
	}
	return &Script{Fail: int(d.Fail), Status: int(d.Status), Hang: d.Hang, Reset: int(d.Reset), Delay: d.Delay.Pick(rng)}
}

func (s *Script) String() string {
	if s == nil {
		return "well"
	}
	return fmt.Sprintf("reset %d, fail %d, delay %s", s.Reset, s.Fail, s.Delay)
}
