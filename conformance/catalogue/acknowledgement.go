package catalogue

import (
	"context"
	"fmt"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

const acknowledgementSection = "Answer in under 5 seconds and work asynchronously"

// burstSize is how many events arrive at the same moment.
const burstSize = 40

type burst struct {
	events []sent
	tally  tally
}

var burstTrial = lab.Define(lab.Plan{Name: "burst", Counts: true, Requests: burstSize + 2},
	func(ctx context.Context, r *lab.Run) (b burst, err error) {
		if err := baseline(ctx, r); err != nil {
			return b, err
		}
		events := r.Events(r.AtOnce(burstSize))
		var deliveries []emitter.Delivery
		for _, ev := range events {
			deliveries = append(deliveries, r.Deliver(ev))
		}
		for i, a := range r.Burst(ctx, deliveries) {
			b.events = append(b.events, sent{events[i].ID, fmt.Sprintf("one of %d events at the same moment", len(events)), []emitter.Attempt{a}})
		}
		b.tally, err = settle(ctx, r, acknowledgedOf(b.events), nil)
		return b, err
	})

// hanging is an event whose downstream call never gets an answer.
type hanging struct {
	event sent
	calls []effects.Call
	done  bool // the effect came after all
}

var hangingTrial = lab.Define(lab.Plan{Name: "downstream hangs", Setting: lab.Alone, Needs: lab.Sink, Requests: 3},
	func(ctx context.Context, r *lab.Run) (h hanging, err error) {
		ev := r.Event(created)
		r.Sink().Script(ev.ID, effects.Script{Fail: 1, Hang: true})
		start := r.Clock().Now()
		h.event = genuine(ctx, r, ev, "an event whose downstream call hangs")
		d := r.Config().Declare
		if !h.event.final().Acknowledged() || d.Retries.Attempts == 1 {
			return h, nil // nothing more can come of it
		}
		// The receiver may take its own time to give up on the call, and then
		// has to wait before it tries again.
		ctx, cancel := context.WithTimeout(ctx, d.Timeout+2*d.Retries.Backoff+r.Config().Patience)
		defer cancel()
		h.calls, err = r.Sink().Await(ctx, ev.ID, func(calls []effects.Call) bool { return effects.CountDone(calls) > 0 })
		h.done = err == nil
		r.Waited(start, "the receiver's own timeout on a downstream call that hangs, and its retry")
		return h, nil
	})

// judgeAck holds an attempt to the declared limit.
func judgeAck(j *Judgement, a emitter.Attempt, ack fmt.Stringer, within bool, what string) {
	if !a.Acknowledged() && a.Status != 0 {
		return // refused, which is the finding of another requirement
	}
	j.Require(within, fmt.Sprintf("an acknowledgement within %v", ack), fmt.Sprintf("%s, for %s", describe(a), what), a)
}

func acknowledgement() []Requirement {
	return []Requirement{
		{
			ID: "ACK-01", Level: Must, Guide: acknowledgementSection,
			Title: "An event is acknowledged within the declared limit (5 s)",
			Why:   "moncreneau takes a slow answer for a failed delivery and sends the event again; an endpoint that is slow for long is given up.",
			Mend:  "Store the event, answer, and do the work afterwards in a worker.",
			check: withConfig(genuineTrial, func(e genuineEvents, l *lab.Lab, j *Judgement) {
				for _, s := range e.events {
					judgeAck(j, s.final(), l.Config().Declare.Ack, s.final().Timing.Total <= l.Config().Declare.Ack && s.final().Acknowledged(), s.what)
				}
			}),
		},
		{
			ID: "ACK-02", Level: Must, Guide: acknowledgementSection,
			Title: "It is acknowledged in time even while the systems behind the receiver hang",
			Why:   "If the answer waits for the work, one slow database or partner makes every delivery fail, and the redeliveries add to its load.",
			Mend:  "Do not call anything but your own store before answering.",
			check: withConfig(hangingTrial, func(h hanging, l *lab.Lab, j *Judgement) {
				a := h.event.final()
				judgeAck(j, a, l.Config().Declare.Ack, a.Timing.Total <= l.Config().Declare.Ack && a.Acknowledged(), h.event.what)
				if len(j.Findings) > 0 {
					j.Diagnose("the work is done before the answer is given")
				}
			}),
		},
		{
			ID: "ACK-03", Level: Must, Guide: acknowledgementSection,
			Title: fmt.Sprintf("%d events that arrive at the same moment are all acknowledged in time", burstSize),
			Why:   "After an outage, or on a Monday morning, moncreneau delivers everything at once.",
			Mend:  "Keep the work before the answer small, and batch the writes to the store if each one is slow.",
			check: withConfig(burstTrial, func(b burst, l *lab.Lab, j *Judgement) {
				for _, s := range b.events {
					a := s.final()
					j.Answer(a, acknowledged, s.what)
					if a.Acknowledged() {
						judgeAck(j, a, l.Config().Declare.Ack, a.Timing.Total <= l.Config().Declare.Ack, s.what)
					}
				}
			}),
		},
		{
			ID: "ACK-04", Level: Must, Guide: acknowledgementSection, Needs: lab.Effects,
			Title: "Every event that was acknowledged is processed in the end",
			Why:   "An acknowledged event is never sent again: whatever is dropped after the answer is lost.",
			Mend:  "Let the queue hold everything that was acknowledged, and let workers take from it until it is empty.",
			check: from(burstTrial, func(b burst, j *Judgement) {
				if len(acknowledgedOf(b.events)) == 0 {
					j.NotObserved("no event of the burst was acknowledged")
					return
				}
				j.AtLeastOnce(b.tally, acknowledgedOf(b.events)...)
			}),
		},
		{
			ID: "ACK-05", Level: Must, Guide: acknowledgementSection,
			Title: "What was acknowledged survives SIGKILL right after the acknowledgement",
			Why:   "Machines lose power and containers are killed for memory. Between the answer and the work, the event exists only where the receiver has put it.",
			Mend:  "Commit the event to disk, or to a broker that does, before answering.",
			check: from(killTrial, func(e crash, j *Judgement) {
				j.survived(e, e.acked, "known trap: acknowledgement before persistence; the event was in memory only when the answer went out")
			}),
		},
		{
			ID: "ACK-06", Level: Must, Guide: acknowledgementSection, Needs: lab.Sink,
			Title: "What was acknowledged survives SIGTERM",
			Why:   "Every deployment ends the old version with SIGTERM.",
			Mend:  "On SIGTERM stop taking requests, finish or put back what is being worked on, and keep the rest of the queue for the next start.",
			check: from(termTrial, func(e crash, j *Judgement) {
				j.survived(e, e.acked, "known trap: the queue is in memory and is lost with the process")
			}),
		},
		{
			ID: "ACK-07", Level: Must, Guide: acknowledgementSection, Needs: lab.Sink,
			Title: "An event that is being processed when the receiver is restarted is processed in the end",
			Why:   "A job that is taken off the queue before it is done is lost with the worker.",
			Mend:  "Mark a job done after its effect, not when it is taken; take unfinished jobs up again at the start. If yours first waits for a lease to run out, set patience to more than that.",
			check: from(termTrial, func(e crash, j *Judgement) {
				j.survived(e, e.working, "the job was taken off the queue before it was done")
			}),
		},
		{
			ID: "ACK-08", Level: Should, Guide: acknowledgementSection,
			Title: fmt.Sprintf("The receiver stops within %v of SIGTERM", termGrace),
			Why:   "Docker and others kill what does not stop, and deployments wait for it.",
			Mend:  "Handle SIGTERM; in a container the first process gets no default handler.",
			check: from(termTrial, func(e crash, j *Judgement) {
				j.Require(!e.stubborn, fmt.Sprintf("the process to end within %v of SIGTERM", termGrace), "it was still running and had to be killed")
			}),
		},
	}
}
