// Package chaos is moncreneau's worst week, on demand and repeatable: a Scenario
// and a seed make a Plan, the same one every time; a Runner sends it and writes
// a record; the record is judged by the scenario's expectations.
//
//	Scenario (YAML) + seed + shard -> Plan -> Steps -> Runner -> record (JSON lines) -> Result -> report
package chaos

import (
	"time"

	"github.com/moncreneau/hookcheck/simulator/fault"
)

// Scenario says what is sent and what should come of it. Its text form is YAML;
// see Parse.
type Scenario struct {
	// Name is how it is called on the command line and in reports.
	Name string `yaml:"name"`
	// About says in a sentence or two what it rehearses.
	About string `yaml:"about"`
	// Phases follow each other; what a phase delays may reach into later ones.
	Phases []Phase `yaml:"phases"`
	// Redeliver is how long moncreneau waits before it sends an event again that
	// was not acknowledged: the first wait, the second, and so on. Empty is never.
	// A longer Retry-After is honoured.
	Redeliver []Duration `yaml:"redeliver"`
	// Expect is what the run is judged by.
	Expect Expectations `yaml:"expect"`
}

// Phase is a stretch of a scenario: what is sent, how fast, and what is wrong with it.
type Phase struct {
	Name string `yaml:"name"`
	// Pause is how long after the phase before it this one begins.
	Pause Duration `yaml:"pause"`
	// Events is how many independent events there are. Either this or Lives.
	Events Whole `yaml:"events"`
	// Types is the mix of event types and their weights; empty is all types alike.
	Types map[string]float64 `yaml:"types"`
	// Lives is how many appointments live their whole life, created to the end:
	// three to five events each, in a consistent story.
	Lives Whole `yaml:"lives"`
	// Gap is how long a life's event comes after the one before it.
	Gap Range `yaml:"gap"`
	// Rate is how many events (or lives) begin in a unit of time: "50/s", "100/m".
	Rate Rate `yaml:"rate"`
	// Burst sends all at once, instead of at a Rate.
	Burst bool `yaml:"burst"`
	// Outage makes the receiver unreachable for the whole phase; at its end
	// everything is delivered again at once.
	Outage bool `yaml:"outage"`
	// Faults are drawn for each event, in this order, and compose.
	Faults []Fault `yaml:"faults"`
	// Downstream is how the receiver's side effect behaves; nil is well.
	Downstream *Downstream `yaml:"downstream"`
}

// Fault is one entry of a phase's faults: which, how often, and its settings.
// Which settings a fault takes is in the table of faults (faults.go).
type Fault struct {
	Name string `yaml:"fault"`
	// Probability is the chance for each event. Either this or At.
	Probability Share `yaml:"probability"`
	// At are exact positions: the phase's 1st, 2nd, … event.
	At []Whole `yaml:"at"`

	Times      Whole  `yaml:"times"`
	After      Range  `yaml:"after"`
	Concurrent bool   `yaml:"concurrent"`
	By         Range  `yaml:"by"`
	Within     Whole  `yaml:"within"`
	Kind       string `yaml:"kind"`
	Rule       string `yaml:"rule"`
	Condition  string `yaml:"condition"`
}

// Downstream scripts the receiver's side effect for a share of a phase's events.
type Downstream struct {
	// Probability is the share of events that it concerns; 0 means all.
	Probability Share `yaml:"probability"`
	// Fail is how many calls fail, with Status (0 is 500) or, with Hang, without
	// an answer. A receiver tries three times: 3 or more is a dead letter.
	Fail   Whole `yaml:"fail"`
	Status Whole `yaml:"status"`
	Hang   bool  `yaml:"hang"`
	// Reset is how many calls are reset before those.
	Reset Whole `yaml:"reset"`
	// Delay is how long each call takes.
	Delay Range `yaml:"delay"`
}

// Expectations are what a run is judged by; what is left out is not judged.
type Expectations struct {
	// Acknowledged is the least share of genuine events that must be
	// acknowledged, by any of their attempts.
	Acknowledged Share `yaml:"acknowledged"`
	// P50, P99 and Max bound the time from send to the last byte of the answer,
	// over attempts that no fault slows down.
	P50 Duration `yaml:"p50"`
	P99 Duration `yaml:"p99"`
	Max Duration `yaml:"max"`
	// Processed is how often the effect of each acknowledged genuine event must
	// be seen: "once", "at-least-once" or "at-most-once".
	Processed string `yaml:"processed"`
	// Broken is about broken and mis-signed deliveries: "refused" wants a 4xx for
	// each, "never-processed" also that no effect of one is seen.
	Broken string `yaml:"broken"`
	// Within is how long after the last attempt effects are waited for; 0 is 30 s.
	Within Duration `yaml:"within"`
}

// Values of Expectations.Processed and Broken.
const (
	Once           = "once"
	AtLeastOnce    = "at-least-once"
	AtMostOnce     = "at-most-once"
	Refused        = "refused"
	NeverProcessed = "never-processed"
)

// OnTheWire is what is left of e when no effects are watched.
func (e Expectations) OnTheWire() Expectations {
	e.Processed = ""
	if e.Broken != "" {
		e.Broken = Refused
	}
	return e
}

// Whole is a whole number, written "3".
type Whole int

// Duration is a length of time, written "2s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// Range is a span of durations, written "0s..3s" or "2s".
type Range struct{ fault.Range }

// Rate is events a second, written "50/s", "100/m" or "6/h".
type Rate float64

// Share is a part of the whole from 0 to 1, written "5%" or 0.05.
type Share float64
