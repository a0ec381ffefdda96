package catalogue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/observe"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

const metricsSection = "Count metrics"

// counted is how the metrics moved while the receiver took known traffic.
type counted struct {
	names         config.Metrics
	events        []sent // each sent twice
	before, after *observe.Snapshot
	err           error
	// others counted so many effects; "" where nothing else tells events apart.
	by     string
	others int
	// strangers are effects of events that others had sent before, on a receiver that is
	// lent to one experiment after another: it may still have been retrying them.
	strangers int
}

// measured is how many events are sent, each of them twice.
const measured = 4

var metricsTrial = lab.Define(lab.Plan{Name: "metrics", Setting: lab.Alone, Needs: lab.Metrics, Requests: 2*measured + 3},
	func(ctx context.Context, r *lab.Run) (c counted, err error) {
		c.names = r.Metrics().Names
		r.AwaitRest(ctx)
		start := r.Clock().Now()
		if c.before, c.err = read(ctx, r); c.err != nil {
			return c, nil
		}
		for _, ev := range r.Events(measured) {
			c.events = append(c.events, genuine(ctx, r, ev, "a genuine event, sent twice").again(ctx, r, ev))
		}
		missigned(ctx, r, r.Event(created), "other-secret")
		taken := acknowledgedOf(c.events)
		if _, err := r.AwaitProcessed(ctx, ids(taken)...); err != nil && !errors.Is(err, lab.ErrUnobserved) {
			return c, err
		}
		// The metrics may move a moment after the effect.
		r.Until(ctx, func() bool {
			c.after, c.err = read(ctx, r)
			return c.err == nil && c.after.Processed-c.before.Processed >= float64(len(taken))
		})
		// One more event goes all the way through before the last reading, so
		// that a duplicate which was counted has been counted by then.
		sending := r.Clock().Now()
		if last := genuine(ctx, r, r.Event(created), "one more event"); last.final().Acknowledged() {
			c.events = append(c.events, last)
			taken = append(taken, last)
			_, _ = r.AwaitProcessed(ctx, last.id) // a missing effect shows in the numbers
			r.Until(ctx, func() bool {
				c.after, c.err = read(ctx, r)
				return c.err == nil && c.allMoved(float64(len(taken)))
			})
			if r.Linger(ctx, sending); c.err == nil {
				c.after, c.err = read(ctx, r)
			}
		}
		c.strangers = strangers(r, start, ids(taken))
		if exact := r.Observers(); len(exact) > 0 {
			c.by = exact[0].Name()
			for _, s := range taken {
				n, err := exact[0].Count(ctx, s.id)
				if err != nil {
					return c, fmt.Errorf("%w: %w", lab.ErrUnobserved, err)
				}
				c.others += n
			}
		}
		return c, nil
	})

// strangers counts the effects since start, and those that may just not have been counted
// before, of other events than one's own.
func strangers(r *lab.Run, start time.Time, own []string) (n int) {
	if !r.Lent() || r.Sink() == nil {
		return 0
	}
	const counted = 200 * time.Millisecond // after the effect; less than AwaitRest lingers
	for _, call := range r.Sink().All() {
		if call.Outcome == effects.Done && call.End.After(start.Add(-counted)) && !slices.Contains(own, call.EventID) {
			n++
		}
	}
	return n
}

// rose is the rise of webhooks_processed_total, which own effects and perhaps those of
// strangers explain.
func (c counted) rose(own int) (fits bool, actual string) {
	n := c.after.Processed - c.before.Processed
	actual = fmt.Sprintf("%v", n)
	if c.strangers > 0 {
		actual += fmt.Sprintf(", where %d more may be of events that came before", c.strangers)
	}
	return n >= float64(own) && n <= float64(own+c.strangers), actual
}

// allMoved reports whether each metric has risen by n at least. A receiver counts
// them one after the other, and may be read in between.
func (c counted) allMoved(n float64) bool {
	return c.after.Received-c.before.Received >= n && c.after.Processed-c.before.Processed >= n && c.after.Processing-c.before.Processing >= n
}

func metrics() []Requirement {
	readable := func(judge func(c counted, taken int, j *Judgement)) check {
		return from(metricsTrial, func(c counted, j *Judgement) {
			taken := acknowledgedOf(c.events)
			switch {
			case c.err != nil:
				j.Require(false, "metrics in Prometheus' text format at "+c.names.Path, c.err.Error())
			case len(taken) == 0:
				j.NotObserved("no event was acknowledged, so nothing was there to be counted")
			default:
				judge(c, len(taken), j)
			}
		})
	}
	return []Requirement{
		{
			ID: "MET-01", Level: Must, Guide: metricsSection,
			Title: "The guide's four metrics are exported",
			Why:   "Dashboards and alerts are written against their names.",
			Mend:  "Export webhooks_received_total, webhooks_processed_total, webhooks_failed_total and webhook_processing_seconds; if yours have other names, say so in observe.metrics.",
			check: readable(func(c counted, _ int, j *Judgement) {
				var missing []string
				for _, name := range []string{c.names.Received, c.names.Processed, c.names.Processing} {
					if !c.after.Present[name] {
						missing = append(missing, name)
					}
				}
				// A counter with labels appears with its first increment, so the
				// absence of failures is not yet the absence of the metric; RET-09
				// and MET-04 see it move.
				slices.Sort(missing)
				j.Require(len(missing) == 0, "the metrics after some events have been processed", "missing: "+strings.Join(missing, ", "))
			}),
		},
		{
			ID: "MET-02", Level: Must, Guide: metricsSection,
			Title: "webhooks_received_total counts the deliveries that came in",
			Why:   "It is the number to hold against what moncreneau says it has sent.",
			Mend:  "Count every delivery that passes the signature; duplicates may count or not.",
			check: readable(func(c counted, taken int, j *Judgement) {
				rose := c.after.Received - c.before.Received
				j.Require(rose >= float64(taken), fmt.Sprintf("a rise of at least %d", taken), fmt.Sprintf("%v", rose))
			}),
		},
		{
			ID: "MET-03", Level: Must, Guide: metricsSection,
			Title: "webhooks_processed_total counts each event once",
			Why:   "A number that counts duplicates as processed hides that events are missing.",
			Mend:  "Count when an event's work has succeeded, not when a delivery comes in.",
			check: readable(func(c counted, taken int, j *Judgement) {
				fits, actual := c.rose(taken)
				j.Require(fits, fmt.Sprintf("a rise of %d for %d events, of which %d were sent twice", taken, taken, taken-1), actual)
			}),
		},
		{
			ID: "MET-04", Level: Must, Guide: metricsSection, Needs: lab.Metrics,
			Title: "webhooks_failed_total rises when an event is given up",
			Why:   "It is what the alert for lost work watches.",
			Mend:  "Count dead letters (or failed attempts) in it.",
			check: from(givenUpTrial, func(g givenUp, j *Judgement) {
				switch {
				case len(g.calls) == 0:
					j.NotObserved("the receiver made no downstream call for the event")
				case g.metricsErr != nil:
					j.Require(false, "readable metrics", g.metricsErr.Error())
				default:
					j.Require(g.after.Failed > g.before.Failed, "a rise", fmt.Sprintf("from %v to %v", g.before.Failed, g.after.Failed), g.event.attempts...)
				}
			}),
		},
		{
			ID: "MET-05", Level: Must, Guide: metricsSection,
			Title: "webhook_processing_seconds measures the processing of each event",
			Why:   "Processing that becomes slow is the first sign of a queue that will not empty.",
			Mend:  "Observe the time of each processing in a histogram or a summary.",
			check: readable(func(c counted, taken int, j *Judgement) {
				kind := c.after.Types[c.names.Processing]
				j.Require(kind == "histogram" || kind == "summary", "a histogram or a summary", kind)
				rose := c.after.Processing - c.before.Processing
				j.Require(rose >= float64(taken), fmt.Sprintf("at least %d observations", taken), fmt.Sprintf("%v", rose))
			}),
		},
		{
			ID: "MET-06", Level: Should, Guide: metricsSection, Needs: lab.PerEvent,
			Title: "The metrics tell the same number of effects as the other observers",
			Why:   "If two observers disagree, one of them misleads you.",
			Mend:  "Count an event as processed exactly when its effect has succeeded.",
			check: readable(func(c counted, _ int, j *Judgement) {
				fits, actual := c.rose(c.others)
				j.Require(fits, fmt.Sprintf("a rise of %d, as the %s counted", c.others, c.by), actual)
			}),
		},
	}
}
