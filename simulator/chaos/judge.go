package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// judge holds the scenario's expectations against what happened.
func (t *Tally) judge(e Expectations, c Counts, latency Percentiles) []Expectation {
	var all []Expectation
	if e.Acknowledged > 0 {
		all = append(all, t.judgeAcknowledged(e.Acknowledged, c))
	}
	for _, bound := range []struct {
		name string
		want Duration
		got  Millis
	}{{"p50", e.P50, latency.P50}, {"p99", e.P99, latency.P99}, {"max", e.Max, latency.Max}} {
		if bound.want > 0 {
			all = append(all, judgeLatency(bound.name, time.Duration(bound.want), bound.got, latency.Count))
		}
	}
	if e.Processed != "" {
		all = append(all, t.judgeProcessed(e.Processed))
	}
	if e.Broken != "" {
		all = append(all, t.judgeBroken(e.Broken, c))
	}
	if t.incomplete() != "" { // what was cut off says nothing about the receiver
		for i := range all {
			all[i].Status, all[i].Problems = NotObserved, nil
		}
	}
	return all
}

func (t *Tally) judgeAcknowledged(want Share, c Counts) Expectation {
	x := Expectation{
		Name: "acknowledged", Want: "at least " + want.String() + " of genuine events",
		Got: fmt.Sprintf("%d of %d", c.Acknowledged, c.Genuine), Status: Passed,
	}
	if c.Genuine == 0 {
		x.Status = NotObserved
		return x
	}
	if float64(c.Acknowledged) < float64(want)*float64(c.Genuine) {
		x.Status = Failed
	}
	for _, f := range t.fates() {
		if f.expect == Accept && !f.acknowledged {
			x.note(f.id, "never acknowledged; last: "+f.last)
		}
	}
	return x
}

func judgeLatency(name string, want time.Duration, got Millis, count int64) Expectation {
	x := Expectation{
		Name: name, Want: "at most " + want.String(), Got: got.Duration().Round(time.Microsecond).String(), Status: Passed,
	}
	switch {
	case count == 0:
		x.Status, x.Got = NotObserved, "no answers"
	case got.Duration() > want:
		x.Status = Failed
	}
	return x
}

// judgeProcessed counts the effects of each genuine event.
func (t *Tally) judgeProcessed(want string) Expectation {
	x := Expectation{Name: "processed", Want: want + ", for each acknowledged event", Status: Passed}
	if !t.watched {
		x.Status, x.Got = NotObserved, "no effects were watched"
		return x
	}
	var lost, twice, judged int
	for _, f := range t.fates() {
		if f.expect != Accept {
			continue
		}
		done := t.effects[f.id]
		if f.acknowledged || done > 0 {
			judged++
		}
		if done == 0 && f.acknowledged && !f.deadLetter && want != AtMostOnce {
			lost++
			x.note(f.id, "acknowledged, but its effect was never seen")
		}
		if done > 1 && want != AtLeastOnce {
			twice++
			x.note(f.id, fmt.Sprintf("processed %d times", done))
		}
	}
	var unknown int
	for _, id := range slices.Sorted(maps.Keys(t.effects)) {
		if !t.known[id] {
			unknown++
			what := "an effect of an event that was never sent"
			if id == "" {
				what = "an effect that names no event"
			}
			x.note(id, what)
		}
	}
	x.Got = fmt.Sprintf("of %d: %d lost, %d more than once, %d unknown", judged, lost, twice, unknown)
	if lost > 1 && lost == judged {
		x.Got += "; perhaps the receiver knows these events from an earlier run with this seed, or calls elsewhere"
	}
	switch {
	case lost+twice+unknown > 0:
		x.Status = Failed
	case judged == 0:
		x.Status = NotObserved
	}
	return x
}

// judgeBroken wants 4xx for what is broken or mis-signed and, if so asked, no
// effect of it.
func (t *Tally) judgeBroken(want string, c Counts) Expectation {
	x := Expectation{
		Name: "broken", Want: "refused with 4xx", Status: Passed,
		Got: fmt.Sprintf("%d deliveries refused, %d not", c.Refused, t.surprised), Problems: t.surprises,
	}
	processed := 0
	if want == NeverProcessed {
		for _, f := range t.fates() {
			if f.expect == Refuse && t.effects[f.id] > 0 {
				processed++
				x.note(f.id, "broken or mis-signed, but processed")
			}
		}
		x.Want += ", and never processed"
		x.Got += fmt.Sprintf("; %d events processed", processed)
	}
	switch {
	case t.surprised+processed > 0:
		x.Status = Failed
	case c.Refused == 0:
		x.Status = NotObserved
	case want == NeverProcessed && !t.watched:
		x.Status, x.Got = NotObserved, "no effects were watched"
	}
	return x
}

func (x *Expectation) note(eventID, what string) {
	if len(x.Problems) < maxProblems {
		x.Problems = append(x.Problems, Problem{EventID: eventID, What: what})
	}
}

// verdict sums up. What could not be seen is no success.
func (t *Tally) verdict(all []Expectation) (verdict, reason string) {
	var failed, unseen []string
	for _, x := range all {
		switch x.Status {
		case Failed:
			failed = append(failed, x.Name)
		case NotObserved:
			unseen = append(unseen, x.Name)
		}
	}
	switch why := t.incomplete(); {
	case why != "":
		return NoVerdict, why
	case len(t.missing()) > 0:
		return NoVerdict, "missing: shard " + strings.Join(t.missing(), ", ")
	case len(failed) > 0:
		return Failed, strings.Join(failed, ", ")
	case len(unseen) > 0:
		return NoVerdict, "not observed: " + strings.Join(unseen, ", ")
	}
	return Passed, ""
}

// incomplete says why the record cannot be judged; empty when it can.
func (t *Tally) incomplete() string {
	switch {
	case t.end.Interrupted:
		return "the run was interrupted"
	case t.open > 0:
		return "the record has no end: the run was cut off"
	case t.unanswered():
		return "nobody answered at " + t.header.Target
	}
	return ""
}

// unanswered says whether not one attempt was answered: that is no receiver
// that fails, it is none.
func (t *Tally) unanswered() bool {
	for outcome := range t.statuses {
		if _, err := strconv.Atoi(outcome); err == nil {
			return false
		}
	}
	return true
}
