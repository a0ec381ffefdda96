package catalogue

import (
	"context"
	"fmt"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/observe"
)

const loggingSection = "Log in structure"

// logged is what the receiver wrote while it took events.
type logged struct {
	accepted, refused sent
	records           []observe.Record // about the accepted event
	lines, plain      []string
	secret            string
}

var logTrial = lab.Define(lab.Plan{Name: "logs", Needs: lab.Logs, Requests: 3},
	func(ctx context.Context, r *lab.Run) (l logged, err error) {
		l.secret = r.Secret()
		ev := r.Event(created)
		l.accepted = genuine(ctx, r, ev, "a genuine event")
		l.refused = missigned(ctx, r, r.Event(created), "other-secret")
		if err := r.Quiet(ctx); err != nil {
			return l, err
		}
		r.Until(ctx, func() bool { // a line may come a moment after what it tells of
			l.records = r.Logs().Records(ev.ID)
			return !l.accepted.final().Acknowledged() || len(lacking(l.records)) == 0
		})
		l.lines, l.plain = r.Logs().Lines()
		return l, nil
	})

// agreement is how many effects of one event each observer has counted.
type agreement struct {
	event  sent
	names  []string
	counts []int
}

var agreementTrial = lab.Define(lab.Plan{Name: "observers", Needs: lab.PerEvent, Counts: true, Requests: 3},
	func(ctx context.Context, r *lab.Run) (a agreement, err error) {
		ev := r.Event(created)
		a.event = genuine(ctx, r, ev, "a genuine event, sent twice").again(ctx, r, ev)
		if _, err := settle(ctx, r, acknowledgedOf([]sent{a.event}), nil); err != nil {
			return a, err
		}
		for _, o := range r.Observers() {
			n := 0
			// A line may be written, or a row updated, a moment after the effect.
			r.Until(ctx, func() bool {
				n, err = o.Count(ctx, ev.ID)
				return err != nil || len(a.counts) == 0 || n >= a.counts[0]
			})
			if err != nil {
				return a, fmt.Errorf("%w: %w", lab.ErrUnobserved, err)
			}
			a.names, a.counts = append(a.names, o.Name()), append(a.counts, n)
		}
		return a, nil
	})

// severalObservers leaves out configurations with nothing to compare.
func severalObservers(cfg config.Config) string {
	observers := 0
	for _, configured := range []bool{cfg.Observe.Sink != nil, cfg.Observe.Logs != nil, cfg.Observe.Command != nil} {
		if configured {
			observers++
		}
	}
	if observers < 2 {
		return "fewer than two of observe.sink, logs and command are configured, so there is nothing to compare"
	}
	return ""
}

// logFields are the guide's.
var logFields = []string{"eventId", "eventType", "deliveryId", "timestamp"}

func logging() []Requirement {
	return []Requirement{
		{
			ID: "LOG-01", Level: Must, Guide: loggingSection,
			Title: "Every line of the log is a JSON object",
			Why:   "Whatever collects the logs parses every line, and drops or garbles what it cannot.",
			Mend:  "Use a structured logger for everything on standard output, the framework's own messages included; write the rest to standard error.",
			check: from(logTrial, func(l logged, j *Judgement) {
				if len(l.lines) == 0 {
					j.NotObserved("the receiver wrote nothing to its standard output")
					return
				}
				actual := ""
				if len(l.plain) > 0 {
					actual = fmt.Sprintf("%d of %d lines are not, such as %.120q", len(l.plain), len(l.lines), l.plain[0])
				}
				j.Require(len(l.plain) == 0, "JSON objects only", actual)
			}),
		},
		{
			ID: "LOG-02", Level: Must, Guide: loggingSection,
			Title: "An accepted event is logged with eventId, eventType, deliveryId and timestamp",
			Why:   "With them a delivery can be followed from moncreneau's side to yours.",
			Mend:  "Log one line for each delivery that is accepted, with these four fields.",
			check: from(logTrial, func(l logged, j *Judgement) {
				if !l.accepted.final().Acknowledged() {
					j.NotObserved("the event was not acknowledged")
					return
				}
				j.Require(len(l.records) > 0, "a line with the event's id in eventId", "none", l.accepted.attempts...)
				if len(l.records) == 0 {
					return
				}
				missing := lacking(l.records)
				j.Require(len(missing) == 0, "a line with "+strings.Join(logFields, ", "),
					fmt.Sprintf("the most complete line lacks %s: %.200s", strings.Join(missing, ", "), l.records[0].Line), l.accepted.attempts...)
			}),
		},
		{
			ID: "LOG-03", Level: Must, Guide: loggingSection,
			Title: "The secret is not logged",
			Why:   "Logs are read by more people and kept longer than secrets should be.",
			Mend:  "Log neither the configuration nor the headers as they are.",
			check: from(logTrial, func(l logged, j *Judgement) {
				if len(l.lines) == 0 {
					j.NotObserved("the receiver wrote nothing to its standard output")
					return
				}
				leaks := 0
				for _, line := range l.lines {
					if strings.Contains(line, l.secret) {
						leaks++
					}
				}
				j.Require(leaks == 0, "no line with the secret", fmt.Sprintf("%d lines with it", leaks))
			}),
		},
		{
			ID: "LOG-04", Level: Should, Guide: loggingSection, Applies: severalObservers,
			Title: "The observers tell the same number of effects of an event",
			Why:   "If the log says that an event was processed and it was not, or was twice, it misleads those who search for a lost event.",
			Mend:  "Log that an event is processed once, after its effect; or say in observe.logs.processed which line means it.",
			check: from(agreementTrial, func(a agreement, j *Judgement) {
				if len(a.counts) < 2 || a.counts[0] < 1 {
					j.NotObserved("the event had no effect to be counted")
					return
				}
				for i, n := range a.counts[1:] {
					j.Require(n == a.counts[0], fmt.Sprintf("%d by the %s, as by the %s", a.counts[0], a.names[i+1], a.names[0]), fmt.Sprintf("%d", n), a.event.attempts...)
				}
			}),
		},
	}
}

// lacking are the fields that even the most complete line lacks.
func lacking(records []observe.Record) []string {
	fewest := logFields
	for _, record := range records {
		if missing := missingFields(record); len(missing) < len(fewest) {
			fewest = missing
		}
	}
	return fewest
}

func missingFields(record observe.Record) (missing []string) {
	for _, field := range logFields {
		if value, ok := record.Fields[field]; !ok || value == nil || value == "" {
			missing = append(missing, field)
		}
	}
	return missing
}
