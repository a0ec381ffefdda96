package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

// Tally folds records, of one run or of all shards of one, into a Result.
type Tally struct {
	header    *Header
	shards    map[Shard]bool
	open      int  // records without an end so far
	watched   bool // there is a record of effects
	end       End
	events    map[uint64]*fate
	known     map[string]bool // event ids that were sent
	effects   map[string]int  // done, by event id
	seqs      map[string]bool // delivery ids, to notice a record that was given twice
	latency   *hdrhistogram.Histogram
	lag       *hdrhistogram.Histogram
	counts    Counts
	statuses  map[string]int
	faults    map[string]int
	series    map[int]*bucket
	surprises []Problem // broken deliveries that were not refused
	surprised int
}

// fate is what became of an event.
type fate struct {
	id           string
	expect       Expect
	acknowledged bool
	deadLetter   bool
	last         string // how its latest attempt ended
}

// NewTally returns an empty tally.
func NewTally() *Tally {
	return &Tally{
		shards: map[Shard]bool{}, events: map[uint64]*fate{}, known: map[string]bool{},
		effects: map[string]int{}, seqs: map[string]bool{}, latency: newHistogram(), lag: newHistogram(),
		statuses: map[string]int{}, faults: map[string]int{}, series: map[int]*bucket{},
	}
}

// newHistogram holds 1 µs to 10 min in microseconds, to three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (10 * time.Minute).Microseconds(), 3)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), h.HighestTrackableValue())) // within its range: cannot fail
}

// Add takes up one record. Records of different plans, or the same one twice,
// are errors.
func (t *Tally) Add(r Record) error {
	switch {
	case r.Header != nil:
		return t.addHeader(r.Header)
	case r.Attempt != nil:
		return t.addAttempt(r.Attempt)
	case r.Effect != nil:
		if r.Effect.Outcome == effects.Done {
			t.effects[r.Effect.EventID]++
			t.counts.Effects++
		} else {
			t.counts.FailedEffects++
		}
	case r.End != nil:
		t.open--
		t.end.Planned += r.End.Planned
		t.end.Interrupted = t.end.Interrupted || r.End.Interrupted
		t.end.Duration = max(t.end.Duration, r.End.Duration)
	}
	return nil
}

func (t *Tally) addHeader(h *Header) error {
	switch {
	case t.header == nil:
		t.header = new(*h)
	case h.Plan != t.header.Plan:
		return fmt.Errorf("is of another plan: %s, seed %d, not %s, seed %d",
			h.Scenario.Name, h.Seed, t.header.Scenario.Name, t.header.Seed)
	case h.Target == "" || t.header.Target == "": // effects belong to all shards
	case h.Shard.Of != t.header.Shard.Of:
		return fmt.Errorf("is shard %s of a plan that is split otherwise: %s", h.Shard, t.header.Shard)
	}
	t.open++
	t.watched = t.watched || h.Effects
	if h.Target == "" {
		return nil
	}
	if t.shards[h.Shard] {
		return fmt.Errorf("shard %s was given twice", h.Shard)
	}
	t.shards[h.Shard] = true
	t.header.Shard, t.header.Target = h.Shard, h.Target
	return nil
}

func (t *Tally) addAttempt(a *Attempt) error {
	if t.seqs[a.DeliveryID] {
		return fmt.Errorf("delivery %s is recorded twice", a.DeliveryID)
	}
	t.seqs[a.DeliveryID] = true
	t.known[a.EventID] = true
	t.counts.Attempts++
	t.statuses[outcome(a)]++
	for _, f := range a.Faults {
		t.faults[f]++
		if f == "redelivery" {
			t.counts.Redelivered++
		}
	}
	f := t.events[a.Event]
	if f == nil {
		f = &fate{id: a.EventID, expect: a.Expect, deadLetter: a.Downstream.deadLetter()}
		t.events[a.Event] = f
	}
	f.last = outcome(a)
	f.acknowledged = f.acknowledged || a.Acknowledged()
	if a.Expect == Refuse {
		t.judgeRefusal(a)
	}
	record(t.lag, a.Start-a.Planned)
	// Of an attempt that a fault slows down, or that brought no answer, the time
	// says nothing about the receiver.
	timed := !a.Impeded && a.Error == ""
	if timed {
		record(t.latency, a.Total)
	}
	t.bucketAt(a.Start).add(a, timed)
	return nil
}

// judgeRefusal notes a broken or mis-signed delivery that was not answered 4xx.
func (t *Tally) judgeRefusal(a *Attempt) {
	switch {
	case a.Status >= 400 && a.Status < 500:
		t.counts.Refused++
	case a.Impeded && a.Status == 0: // no answer, and nobody's failure
	default:
		t.surprised++
		if len(t.surprises) < maxProblems {
			t.surprises = append(t.surprises, Problem{
				EventID: a.EventID, DeliveryID: a.DeliveryID,
				What: fmt.Sprintf("%s: want a 4xx, got %s", strings.Join(a.Faults, ", "), outcome(a)),
			})
		}
	}
}

// noAnswer has the plain words for why an attempt brought no answer, by what its
// error says; the first that fits.
var noAnswer = []struct{ says, word string }{
	{"unreachable", "unreachable"},
	{"refused", "connection refused"},
	{"reset", "connection reset"},
	{"deadline exceeded", "timeout"},
	{"canceled", "cancelled"},
	{"signal received", "cancelled"}, // the cause that signal.NotifyContext gives
	{"EOF", "connection closed"},
	{"broken pipe", "connection closed"},
}

// outcome is the status, or in a word why there is none.
func outcome(a *Attempt) string {
	if a.Error == "" {
		return strconv.Itoa(a.Status)
	}
	for _, reason := range noAnswer {
		if strings.Contains(a.Error, reason.says) {
			return reason.word
		}
	}
	return "error"
}

// missing lists the shards of the plan that were not given.
func (t *Tally) missing() []string {
	var missing []string
	for i := range t.header.Shard.Of {
		if s := (Shard{i + 1, t.header.Shard.Of}); !t.shards[s] {
			missing = append(missing, s.String())
		}
	}
	return missing
}

// fates are the events in order.
func (t *Tally) fates() []*fate {
	var out []*fate
	for _, n := range slices.Sorted(maps.Keys(t.events)) {
		out = append(out, t.events[n])
	}
	return out
}
