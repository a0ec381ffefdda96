package chaos

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run came to. Its JSON form is result.json; durations are in
// milliseconds.
type Result struct {
	Scenario string   `json:"scenario"`
	About    string   `json:"about,omitempty"`
	Seed     uint64   `json:"seed"`
	Plan     string   `json:"plan"`
	Shards   []string `json:"shards"`
	Target   string   `json:"target"`

	Started  time.Time `json:"started"`
	Duration Millis    `json:"durationMs"`
	// Complete says that everything was sent and somebody answered.
	Complete bool `json:"complete"`
	// Verdict is Passed, Failed or NoVerdict.
	Verdict      string        `json:"verdict"`
	Reason       string        `json:"reason,omitempty"`
	Expectations []Expectation `json:"expectations"`
	Counts       Counts        `json:"counts"`
	// Latency is from send to the last byte of the answer, of attempts that no
	// fault slows down; Lag is how late attempts were sent.
	Latency  Percentiles    `json:"latency"`
	Lag      Percentiles    `json:"lag"`
	Outcomes map[string]int `json:"outcomes"` // by status, or why there was none
	Faults   map[string]int `json:"faults"`   // attempts that each fault concerned
	Series   []Bucket       `json:"series"`
}

// The verdicts of a run.
const (
	Passed    = "passed"
	Failed    = "failed"
	NoVerdict = "no verdict"
)

// Counts are how many of what there were.
type Counts struct {
	Planned       uint64 `json:"planned"` // steps of the plan that were sent
	Attempts      int    `json:"attempts"`
	Redelivered   int    `json:"redelivered"`
	Events        int    `json:"events"`
	Genuine       int    `json:"genuine"`
	Acknowledged  int    `json:"acknowledged"` // of the genuine events
	Broken        int    `json:"broken"`
	Refused       int    `json:"refused"` // deliveries of broken events, answered 4xx
	Effects       int    `json:"effects"`
	FailedEffects int    `json:"failedEffects"`
}

// Expectation is one expectation of the scenario and how it fared.
type Expectation struct {
	Name   string `json:"name"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	Status string `json:"status"` // Passed, Failed or "not observed"
	// Problems are the first of what went against it.
	Problems []Problem `json:"problems,omitempty"`
}

// NotObserved is the status of an expectation that nobody could see.
const NotObserved = "not observed"

// Problem is one event or delivery that went against an expectation.
type Problem struct {
	EventID    string `json:"eventId,omitempty"`
	DeliveryID string `json:"deliveryId,omitempty"`
	What       string `json:"what"`
}

// maxProblems is how many problems an expectation lists.
const maxProblems = 20

// Millis is a duration that JSON writes in milliseconds.
type Millis float64

func millis(d time.Duration) Millis { return Millis(float64(d.Microseconds()) / 1000) }

// Duration is m as a duration.
func (m Millis) Duration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// Percentiles sums up a distribution of durations.
type Percentiles struct {
	Count int64  `json:"count"`
	P50   Millis `json:"p50Ms"`
	P90   Millis `json:"p90Ms"`
	P99   Millis `json:"p99Ms"`
	P999  Millis `json:"p999Ms"`
	Max   Millis `json:"maxMs"`
}

// NewPercentiles sums up a histogram of microseconds.
func NewPercentiles(h *hdrhistogram.Histogram) Percentiles {
	at := func(q float64) Millis { return Millis(float64(h.ValueAtQuantile(q)) / 1000) }
	return Percentiles{h.TotalCount(), at(50), at(90), at(99), at(99.9), Millis(float64(h.Max()) / 1000)}
}

// Result judges what was added so far.
func (t *Tally) Result() Result {
	if t.header == nil {
		return Result{Verdict: NoVerdict, Reason: "the record is empty"}
	}
	h := t.header
	counts := t.counts
	counts.Planned = t.end.Planned
	counts.Events = len(t.events)
	for _, f := range t.events {
		switch f.expect {
		case Refuse:
			counts.Broken++
		case Accept:
			counts.Genuine++
			if f.acknowledged {
				counts.Acknowledged++
			}
		}
	}
	r := Result{
		Scenario: h.Scenario.Name, About: h.Scenario.About, Seed: h.Seed, Plan: h.Plan, Shards: t.given(),
		Target: h.Target, Started: h.Started, Complete: t.incomplete() == "", Duration: millis(t.end.Duration), Counts: counts,
		Latency: NewPercentiles(t.latency), Lag: NewPercentiles(t.lag),
		Outcomes: t.statuses, Faults: t.faults, Series: t.buckets(),
	}
	r.Expectations = t.judge(h.Scenario.Expect, counts, r.Latency)
	r.Verdict, r.Reason = t.verdict(r.Expectations)
	return r
}
