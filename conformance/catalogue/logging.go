package catalogue

import (
	"context"
	"fmt"
	"strings"

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
	// bySink and byLogs count the effects of the accepted event; -1 where not observed.
	bySink, byLogs int
}

var logTrial = lab.Define(lab.Plan{Name: "logs", Needs: lab.Logs, Counts: true, Requests: 3},
	func(ctx context.Context, r *lab.Run) (l logged, err error) {
		l.secret = r.Secret()
		ev := r.Event(created)
		l.accepted = genuine(ctx, r, ev, "a genuine event")
		l.refused = missigned(ctx, r, r.Event(created), "other-secret")
		if _, err := settle(ctx, r, acknowledgedOf([]sent{l.accepted}), nil); err != nil {
			return l, err
		}
		l.bySink, l.byLogs = -1, -1
		if r.Sink() != nil {
			if l.bySink, err = (observe.Sink{Sink: r.Sink()}).Count(ctx, ev.ID); err != nil {
				return l, err
			}
			// The line may be written a moment after the effect.
			l.byLogs = awaitLog(ctx, r, ev.ID, l.bySink)
		}
		l.records = r.Logs().Records(ev.ID)
		l.lines, l.plain = r.Logs().Lines()
		return l, nil
	})

// awaitLog waits until the log has counted as many effects as the sink.
func awaitLog(ctx context.Context, r *lab.Run, eventID string, want int) int {
	n := 0
	r.Until(ctx, func() bool {
		n, _ = r.Logs().Count(ctx, eventID) // counting lines in memory does not fail
		return n >= want
	})
	return n
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
				missing := logFields
				for _, record := range l.records {
					if m := missingFields(record); len(m) < len(missing) {
						missing = m
					}
				}
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
			ID: "LOG-04", Level: Should, Guide: loggingSection, Needs: lab.Sink,
			Title: "The log and the effect sink tell the same number of effects",
			Why:   "If the log says that an event was processed and it was not, or was twice, it misleads those who search for a lost event.",
			Mend:  "Log that an event is processed once, after its effect; or say in observe.logs.processed which line means it.",
			check: from(logTrial, func(l logged, j *Judgement) {
				if l.bySink < 1 {
					j.NotObserved("the event had no effect to be logged")
					return
				}
				j.Require(l.byLogs == l.bySink, fmt.Sprintf("%d lines that say so, as the sink has counted", l.bySink), fmt.Sprintf("%d", l.byLogs), l.accepted.attempts...)
			}),
		},
	}
}

func missingFields(record observe.Record) (missing []string) {
	for _, field := range logFields {
		if value, ok := record.Fields[field]; !ok || value == nil || value == "" {
			missing = append(missing, field)
		}
	}
	return missing
}
