package catalogue

import (
	"context"
	"fmt"
	"slices"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

const idempotencySection = "Be idempotent"

// copies is how often one event is sent at the same moment.
const copies = 20

// duplicates are events that were sent more than once, each in its own way.
type duplicates struct {
	atOnce       group // twice in a row, to the byte the same, delivery id included
	concurrently group // copies times at the same moment
	redelivered  group // again under a new delivery id, as moncreneau does
	otherBody    group // again under the same event id, with another content
	sameSubject  group // two events, about one appointment
	corrected    group // first refused for its payload, then sent again as it should be
	later        group // again when it and another had been processed
}

var duplicateTrial = lab.Define(lab.Plan{Name: "duplicates", Counts: true, Requests: copies + 14},
	func(ctx context.Context, r *lab.Run) (d duplicates, err error) {
		one := func(send func(ctx context.Context, r *lab.Run) sent) func() []sent {
			return func() []sent { return []sent{send(ctx, r)} }
		}
		return d, countApart(ctx, r,
			counting{into: &d.atOnce, send: one(twiceAtOnce)},
			counting{into: &d.concurrently, send: one(manyAtOnce)},
			counting{into: &d.redelivered, send: one(redelivered)},
			counting{into: &d.otherBody, send: one(withOtherBody)},
			counting{into: &d.sameSubject, send: func() []sent { return sameAppointment(ctx, r) }},
			counting{into: &d.corrected, send: one(corrected)},
			counting{into: &d.later, send: func() []sent { return againLater(ctx, r) }},
		)
	})

func twiceAtOnce(ctx context.Context, r *lab.Run) sent {
	ev := r.Event(created)
	same := r.Deliver(ev)
	return sent{ev.ID, "sent twice in a row, with the same delivery id", []emitter.Attempt{r.Send(ctx, same), r.Send(ctx, same)}}
}

func manyAtOnce(ctx context.Context, r *lab.Run) sent {
	ev := r.Event(created)
	deliveries := make([]emitter.Delivery, r.AtOnce(copies))
	for i := range deliveries {
		deliveries[i] = r.Deliver(ev)
	}
	return sent{ev.ID, fmt.Sprintf("sent %d times at the same moment", len(deliveries)), r.Burst(ctx, deliveries)}
}

func redelivered(ctx context.Context, r *lab.Run) sent {
	ev := r.Event(created)
	return genuine(ctx, r, ev, "sent again with a new delivery id").again(ctx, r, ev)
}

func withOtherBody(ctx context.Context, r *lab.Run) sent {
	ev := r.Event(created)
	other := r.Event("appointment.cancelled")
	other.Body = withID(other.Body, ev.ID)
	other.ID = ev.ID
	return genuine(ctx, r, ev, "sent again with the same event id and another content").again(ctx, r, other)
}

// againLater sends an event, another one when that has been processed, and the
// first again when the other has been processed, too.
func againLater(ctx context.Context, r *lab.Run) []sent {
	ev := r.Event(created)
	first := genuine(ctx, r, ev, "sent again later in the run")
	if done, _ := r.AwaitProcessed(ctx, ev.ID); !done {
		return []sent{first} // which the count will tell
	}
	other := genuine(ctx, r, r.Event(created), "sent between an event and its duplicate")
	_, _ = r.AwaitProcessed(ctx, ev.ID, other.id) // as above
	return []sent{first.again(ctx, r, ev), other}
}

// withID gives an event's body another id.
func withID(body []byte, id string) []byte {
	doc, err := parseDocument(body)
	if err != nil {
		return body
	}
	doc.set("id", fmt.Sprintf("%q", id))
	return doc.write(asWritten)
}

// sameAppointment sends two events about one appointment.
func sameAppointment(ctx context.Context, r *lab.Run) []sent {
	first, second := r.Event(created), r.Event("appointment.updated")
	if doc, err := parseDocument(second.Body); err == nil {
		doc.at("data", "object").set("id", fmt.Sprint(first.AppointmentID))
		second.Body, second.AppointmentID = doc.write(asWritten), first.AppointmentID
	}
	return each([]fixtures.Event{first, second}, func(ev fixtures.Event) sent {
		return genuine(ctx, r, ev, "one of two events about the same appointment")
	})
}

// corrected sends an event with an invalid payload, and then the valid one of
// the same id.
func corrected(ctx context.Context, r *lab.Run) sent {
	ev := r.Event(created)
	broken := ev
	if doc, err := parseDocument(ev.Body); err == nil {
		doc.set("data", "null")
		broken.Body = doc.write(asWritten)
	}
	return genuine(ctx, r, broken, "refused for its payload first, then sent as it should be").again(ctx, r, ev)
}

// retrying is an event that came again while its first processing was failing.
type retrying struct {
	event sent
	// waited says that it was not yet processed when it came again.
	waited bool
	tally  tally
}

var retryingTrial = lab.Define(lab.Plan{Name: "duplicate while retrying", Setting: lab.Troubled, Needs: lab.Sink, Counts: true, Requests: 4},
	func(ctx context.Context, r *lab.Run) (t retrying, err error) {
		ev := r.Event(created)
		// All but the last attempt fail, so that there is time for the duplicates.
		r.Sink().Script(ev.ID, effects.Script{Fail: r.Config().Declare.Retries.Attempts - 1})
		r.Reserve(ctx, 3) // or the duplicates would wait for the rate limit, and come too late
		send := func() { t.event.attempts = append(t.event.attempts, r.SendReserved(ctx, r.Deliver(ev))) }
		t.event = sent{id: ev.ID, what: "sent again while its first processing was being retried"}
		send()
		if !t.event.final().Acknowledged() || awaitCalls(ctx, r, ev.ID, 1, ended) != nil {
			return t, nil
		}
		send()
		send()
		t.waited = effects.CountDone(r.Sink().Calls(ev.ID)) == 0
		t.tally, err = settle(ctx, r, acknowledgedOf([]sent{t.event}), nil)
		return t, err
	})

func idempotency() []Requirement {
	// once builds the requirements that differ only in how the event came twice.
	once := func(id, title, why, mend, trap string, pick func(duplicates) group) Requirement {
		return Requirement{
			ID: id, Level: Must, Guide: idempotencySection, Needs: lab.Effects, Title: title, Why: why, Mend: mend,
			check: from(duplicateTrial, func(d duplicates, j *Judgement) {
				taken := acknowledgedOf(pick(d).events)
				if len(taken) == 0 {
					j.NotObserved("the event was never acknowledged")
					return
				}
				j.Processed(pick(d).tally, taken...)
				if pick(d).tally.repeated(taken) { // what is lost is another matter
					j.Diagnose(trap)
				}
			}),
		}
	}
	return []Requirement{
		{
			ID: "IDEM-01", Level: Must, Guide: idempotencySection,
			Title: "A duplicate is acknowledged",
			Why:   "moncreneau sends an event again when it did not see the answer. A duplicate that is refused is sent again and again.",
			Mend:  "Answer a known event id with 2xx, as if it were new.",
			check: from(duplicateTrial, func(d duplicates, j *Judgement) {
				for _, s := range slices.Concat(d.atOnce.events, d.concurrently.events, d.redelivered.events) {
					if !slices.ContainsFunc(s.attempts, emitter.Attempt.Acknowledged) {
						continue // no first delivery to be a duplicate of
					}
					for _, a := range s.attempts {
						j.Answer(a, acknowledged, "an event "+s.what)
					}
				}
				if j.Observed == 0 {
					j.NotObserved("no event was acknowledged even once")
				}
			}),
		},
		once("IDEM-02", "The same delivery twice in a row has one effect",
			"Networks and proxies repeat requests.", "Record the event's id in the same transaction that queues it, and queue nothing for an id that is known.", "",
			func(d duplicates) group { return d.atOnce }),
		once("IDEM-03", fmt.Sprintf("The same event %d times at the same moment has one effect", copies),
			"A check followed by an insert lets two requests pass the check before either has inserted.", "Let a unique key of the store decide (INSERT … ON CONFLICT DO NOTHING), not a look-up before it.", "a race between looking the id up and recording it",
			func(d duplicates) group { return d.concurrently }),
		once("IDEM-04", "A redelivery, which has a new delivery id, has one effect",
			"Every attempt has its own X-Moncreneau-Delivery; only the event's id, which is signed, stays the same.", "Deduplicate on the id in the body.", "known trap: deduplication on the delivery id, which is new for every attempt",
			func(d duplicates) group { return d.redelivered }),
		once("IDEM-05", "An event that comes again when it has long been processed has one effect",
			"Redeliveries can come hours later.", "Keep the ids of processed events, for weeks rather than minutes.", "ids are forgotten once their event is processed",
			func(d duplicates) group { return d.later }),
		{
			ID: "IDEM-06", Level: Must, Guide: idempotencySection, Needs: lab.Effects,
			Title: "An event that was processed before a restart is not processed again after it",
			Why:   "Deployments restart the receiver, often at the very time when redeliveries come.",
			Mend:  "Keep the ids of processed events on disk or in a database.",
			check: from(termTrial, func(c crash, j *Judgement) {
				switch {
				case c.restart != "":
					j.NotObserved("the receiver did not start again: see ACK-06")
				case len(c.finished) == 0:
					j.NotObserved("no event was processed before the restart")
				default:
					j.Processed(c.tally, c.finished...)
					j.Diagnose("known trap: the ids that have been seen are kept in memory only")
				}
			}),
		},
		{
			ID: "IDEM-07", Level: Must, Guide: idempotencySection, Applies: several,
			Title: "An event that comes again while its first processing is being retried has one effect",
			Why:   "It is the usual case: what makes processing fail often makes the answer slow, so moncreneau sends the event again in the meantime.",
			Mend:  "Record the id when the event is accepted, not when it has been processed.",
			check: from(retryingTrial, func(t retrying, j *Judgement) {
				if len(t.event.attempts) == 1 {
					j.NotObserved("the receiver made no downstream call for the event")
					return
				}
				if t.tally.err == nil && t.tally.Of[t.event.id] == 0 {
					j.NotObserved("the event was never processed: see RET-01")
					return
				}
				j.Processed(t.tally, t.event)
				if j.Passed() && !t.waited {
					j.NotObserved("the event was processed before it could be sent again")
				}
				j.Diagnose("ids are recorded only once their event is processed")
			}),
		},
		once("IDEM-08", "The same event id with another content has no second effect",
			"An event is what its id says; a second content under it is a mistake or an attack with a captured secret.", "Deduplicate on the id alone, not on a hash of the body.", "deduplication on the content instead of the event's id",
			func(d duplicates) group { return d.otherBody }),
		{
			ID: "IDEM-09", Level: Must, Guide: idempotencySection, Needs: lab.Effects,
			Title: "Two events about the same appointment are both processed",
			Why:   "An appointment is created, updated, validated: each event counts.",
			Mend:  "Deduplicate on the event's id, not on the appointment's.",
			check: from(duplicateTrial, func(d duplicates, j *Judgement) {
				both := d.sameSubject.events
				if len(acknowledgedOf(both)) < len(both) {
					j.NotObserved("not both events were acknowledged")
					return
				}
				j.Processed(d.sameSubject.tally, both...)
				j.Diagnose("deduplication on the appointment's id instead of the event's")
			}),
		},
		{
			ID: "IDEM-10", Level: Must, Guide: idempotencySection, Needs: lab.Effects,
			Title: "An event that was refused for its payload can be delivered later",
			Why:   "If a refusal used up the event's id, a corrected delivery would be taken for a duplicate and dropped.",
			Mend:  "Record an event's id only once it is accepted.",
			check: from(duplicateTrial, func(d duplicates, j *Judgement) {
				s := d.corrected.events[0]
				if s.attempts[0].Acknowledged() {
					j.NotObserved("the invalid payload was acknowledged: see VAL-02")
					return
				}
				j.Answer(s.final(), acknowledged, "the valid event "+s.what)
				if s.final().Acknowledged() {
					j.Processed(d.corrected.tally, s)
				}
			}),
		},
	}
}
