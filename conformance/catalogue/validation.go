package catalogue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

const validationSection = "Validate the payload"

// brokenEvent is a broken event of the contract and the attempt that carried it.
type brokenEvent struct {
	rule fixtures.Rule
	sent sent
}

type brokenEvents struct {
	all []brokenEvent
	// bound are those that every receiver must refuse, but for one of an unknown
	// type; lax are those that one should refuse, and which may therefore have
	// been taken and processed.
	bound, unknown, lax group
}

// unknownType is the rule for a type that the contract does not have.
const unknownType = "envelope.type.unknown-value"

var brokenTrial = lab.Define(lab.Plan{Name: "broken events", Counts: true, Requests: len(fixtures.Default().Rules()) + 1},
	func(ctx context.Context, r *lab.Run) (e brokenEvents, err error) {
		broken := fixtures.Broken(r.Seed())
		those := func(which func(fixtures.Rule) bool) func() []sent {
			return func() (out []sent) {
				mine := slices.DeleteFunc(slices.Clone(broken), func(b fixtures.BrokenEvent) bool { return !which(b.Rule) })
				events := each(mine, func(b fixtures.BrokenEvent) brokenEvent {
					s := genuine(ctx, r, b.Event, "a payload where "+b.Rule.Title)
					if strings.HasPrefix(b.Rule.ID, "envelope.id.") {
						s.id = "" // there is no id to be counted under
					}
					return brokenEvent{b.Rule, s}
				})
				e.all = append(e.all, events...)
				for _, b := range events {
					out = append(out, b.sent)
				}
				return out
			}
		}
		// JSON that is very deep is no event, but refusing it is left to the receiver: see VAL-08.
		binding := func(rule fixtures.Rule) bool { return rule.Level == fixtures.Must && rule.Kind != fixtures.KindTooDeep }
		return e, countApart(ctx, r,
			counting{into: &e.bound, never: true, send: those(binding)},
			counting{into: &e.unknown, never: true, send: those(func(rule fixtures.Rule) bool { return rule.ID == unknownType })},
			counting{into: &e.lax, never: true, send: those(func(rule fixtures.Rule) bool { return !binding(rule) && rule.ID != unknownType })},
		)
	})

// oddities are genuine requests that a receiver may not expect.
type oddities struct {
	extra       sent // fields that the contract does not know
	mismatch    sent // header and body name different types
	handledAs   string
	oversize    sent
	contentType sent
}

// oversize is far beyond any event, and little for us to send.
const oversize = 5 << 20

const (
	mismatchHeader = "appointment.cancelled"
	mismatchBody   = "appointment.created"
)

var oddityTrial = lab.Define(lab.Plan{Name: "odd requests", Requests: 5},
	func(ctx context.Context, r *lab.Run) (o oddities, err error) {
		ev := r.Event(created)
		if doc, err := parseDocument(ev.Body); err == nil {
			doc.set("apiVersion", `"2027-01"`)
			doc.at("data", "object").set("colour", `{"name":"indigo"}`)
			ev.Body = doc.write(asWritten)
		}
		o.extra = genuine(ctx, r, ev, "a genuine event with fields that are new")

		ev = r.Event(mismatchBody)
		d := r.Deliver(ev)
		d.Header[emitter.HeaderEvent] = []string{mismatchHeader}
		o.mismatch = sent{ev.ID, fmt.Sprintf("an event whose header says %s and whose body says %s", mismatchHeader, mismatchBody), []emitter.Attempt{r.Send(ctx, d)}}

		ev = r.Event(created)
		if doc, err := parseDocument(ev.Body); err == nil {
			doc.set("padding", `"`+string(bytes.Repeat([]byte("x"), oversize))+`"`)
			ev.Body = doc.write(asWritten)
		}
		o.oversize = genuine(ctx, r, ev, fmt.Sprintf("a body of %d MiB", oversize>>20))

		ev = r.Event(created)
		d = r.Deliver(ev)
		d.Header["Content-Type"] = []string{"text/plain"}
		o.contentType = sent{ev.ID, "an event sent as text/plain", []emitter.Attempt{r.Send(ctx, d)}}

		if !o.mismatch.final().Acknowledged() {
			return o, nil
		}
		if err := r.Quiet(ctx); err != nil {
			return o, err
		}
		o.handledAs = handledType(ctx, r, o.mismatch.id)
		return o, nil
	})

// handledType is the event type under which the receiver seems to have
// processed an event, from what it told the sink or its log; "" if it did not
// say, or did not process it.
func handledType(ctx context.Context, r *lab.Run, eventID string) (eventType string) {
	if r.Sink() != nil {
		calls := r.Sink().Calls(eventID)
		for _, call := range calls {
			var body struct {
				EventType string `json:"eventType"`
				Type      string `json:"type"`
			}
			if json.Unmarshal(call.Body, &body) == nil && body.EventType+body.Type != "" {
				return body.EventType + body.Type
			}
		}
		if len(calls) == 0 {
			return ""
		}
	}
	if r.Logs() != nil {
		r.Until(ctx, func() bool { // the line may come a moment after the effect
			eventType = r.Logs().ProcessedAs(eventID)
			return eventType != "" || r.Sink() == nil
		})
	}
	return eventType
}

// health is a genuine event sent when everything else is over.
var healthTrial = lab.Define(lab.Plan{Name: "health", Requests: 1},
	func(ctx context.Context, r *lab.Run) (sent, error) {
		var lost *lab.Lost
		if err := r.Quiet(ctx); err != nil && !errors.As(err, &lost) {
			return sent{}, err
		}
		return genuine(ctx, r, r.Event(created), "a genuine event after all the broken ones"), nil
	})

// ending tells how a receiver was lost, with what it said last.
func ending(lost *lab.Lost) string {
	text := fmt.Sprintf("%v (during: %s)", lost, lost.During)
	if len(lost.Output) > 0 {
		text += fmt.Sprintf("; the last it wrote: %.300s", lost.Output[len(lost.Output)-1])
	}
	if len(lost.Attempts) > 0 {
		text += "; the last requests before are with this finding"
	}
	return text
}

func validation() []Requirement {
	return append(refusedPayloadKinds(), []Requirement{
		{
			ID: "VAL-09", Level: Must, Guide: validationSection,
			Title: "No payload, however broken, is answered with a server error",
			Why:   "A 5xx says that the receiver failed: moncreneau sends the same broken event again, and your alerts go off.",
			Mend:  "Catch what parsing and validation throw, and answer 400.",
			check: from(brokenTrial, func(e brokenEvents, j *Judgement) {
				for _, b := range e.all {
					if !b.unread() {
						j.Answer(b.sent.final(), noServerError, b.sent.what)
					}
				}
			}),
		},
		{
			ID: "VAL-10", Level: Should, Guide: validationSection,
			Title: "A payload that is not valid is answered 400",
			Why:   "It is the status that the guide gives.",
			Mend:  "Answer 400 rather than 422.",
			check: from(brokenTrial, func(e brokenEvents, j *Judgement) {
				for _, b := range e.all {
					if a := b.sent.final(); refusedPayload.ok(a.Status) {
						j.Answer(a, exactly(400, "the guide's status for an invalid payload"), b.sent.what)
					}
				}
			}),
		},
		{
			ID: "VAL-11", Level: Must, Guide: validationSection, Needs: lab.Effects,
			Title: "A payload that is refused has no effect",
			Why:   "An event that is refused and processed all the same is processed again when it is sent again.",
			Mend:  "Validate before anything is queued.",
			check: from(brokenTrial, func(e brokenEvents, j *Judgement) {
				j.NothingRefusedProcessed(e.bound, e.unknown, e.lax)
			}),
		},
		{
			ID: "VAL-12", Level: Must, Guide: validationSection, Needs: lab.Effects,
			Title: "An event of a type that is not known has no effect",
			Why:   "A handler that takes every other type for its last case cancels or completes appointments at random.",
			Mend:  "Dispatch on the known types, and do nothing for any other.",
			check: from(brokenTrial, func(e brokenEvents, j *Judgement) {
				j.NeverProcessed(e.unknown.tally, e.unknown.events...)
			}),
		},
		{
			ID: "VAL-13", Level: Should, Guide: validationSection,
			Title: "An event with fields that are new is accepted",
			Why:   "moncreneau adds fields without notice; a receiver that refuses them stops working on that day.",
			Mend:  "Ignore what you do not know (additionalProperties: true).",
			check: from(oddityTrial, func(o oddities, j *Judgement) { j.Answer(o.extra.final(), acknowledged, o.extra.what) }),
		},
		{
			ID: "VAL-14", Level: Should, Guide: validationSection,
			Title: "An event whose header and body name different types is not processed as the header's",
			Why:   "Only the body is signed: whoever can change the header must not choose what is done.",
			Mend:  "Dispatch on the type in the body.",
			check: from(oddityTrial, func(o oddities, j *Judgement) {
				a := o.mismatch.final()
				switch {
				case !a.Acknowledged():
					j.Answer(a, outcome{"a refusal (4xx), or processing as the body's type", refused.accepts}, o.mismatch.what)
				case o.handledAs == "":
					j.NotObserved("it was acknowledged, and neither the sink nor the log says as which type it was processed (eventType)")
				default:
					j.Require(o.handledAs != mismatchHeader, "processing as "+mismatchBody, "processed as "+o.handledAs, a)
				}
			}),
		},
		{
			ID: "VAL-15", Level: Should, Guide: validationSection,
			Title: fmt.Sprintf("A body of %d MiB is refused", oversize>>20),
			Why:   "No event is nearly as large; reading without a limit lets anybody fill the memory.",
			Mend:  "Limit the body (1 MiB is plenty) and answer 413.",
			check: from(oddityTrial, func(o oddities, j *Judgement) {
				// A receiver may close the connection before it has read everything.
				j.Answer(o.oversize.final(), outcome{"413, another 4xx, or a closed connection", report.Answers{"4xx", report.NoAnswer}}, o.oversize.what)
			}),
		},
		{
			ID: "VAL-16", Level: Should, Guide: validationSection,
			Title: "An event that is not sent as JSON is refused",
			Why:   "moncreneau sends application/json only; anything else does not come from it.",
			Mend:  "Answer 415 or 400 unless the content type is application/json.",
			check: from(oddityTrial, func(o oddities, j *Judgement) { j.Answer(o.contentType.final(), refused, o.contentType.what) }),
		},
		{
			ID: "VAL-17", Level: Must, Guide: validationSection,
			Title: "The receiver is in good health after all of this",
			Why:   "One bad request must not take the service away from all others.",
			Mend:  "Catch errors at the edge of each request, and bound what a request may cost.",
			check: withLab(healthTrial, func(ctx context.Context, s sent, l *lab.Lab, j *Judgement) error {
				if err := l.AwaitAll(ctx); err != nil {
					return err
				}
				for _, lost := range l.Losses() {
					if lost.Untrusted {
						continue // its certificate is the finding of others
					}
					j.Require(false, "the receiver to go on answering", ending(lost), lost.Attempts...)
				}
				j.Answer(s.final(), acknowledged, s.what)
				return nil
			}),
		},
	}...)
}
