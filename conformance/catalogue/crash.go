package catalogue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

// crash is what became of events when the receiver was ended and started again.
type crash struct {
	// acked were acknowledged just before the end, and not yet worked on or done.
	acked []sent
	// working had their downstream call under way at the end.
	working []sent
	// waiting had failed and were waiting for their retry.
	waiting []sent
	// finished were done well before the end, and sent again after the restart.
	finished []sent
	tally    tally
	// stubborn says that SIGTERM did not end the receiver.
	stubborn bool
	// restart says why the receiver did not come up again, "" if it did.
	restart string
}

// termGrace is how long SIGTERM may take: Docker's default before it kills.
const termGrace = 10 * time.Second

// backlog is how many events are acknowledged and not done when the end comes.
const backlog = 10

// killTrial sends events whose processing cannot be over yet, and kills the
// receiver as soon as the last of them is acknowledged.
//
// It takes the sink. Without it nothing keeps the receiver from being done before
// the signal, and then nothing is seen to survive; and a line that the log lacks
// afterwards may have been lost with the process, though its event was not.
var killTrial = lab.Define(lab.Plan{Name: "SIGKILL after acknowledgement", Setting: lab.Alone, Needs: lab.Lifecycle | lab.Sink, Counts: true, Requests: backlog + 2},
	func(ctx context.Context, r *lab.Run) (c crash, err error) {
		events := r.Events(backlog)
		for _, ev := range events[:backlog-1] {
			r.Sink().Script(ev.ID, effects.Script{Hang: true})
		}
		c.acked = each(events[:backlog-1], func(ev fixtures.Event) sent {
			return genuine(ctx, r, ev, "an event that was acknowledged and not done at SIGKILL")
		})
		c.acked = append(c.acked, genuine(ctx, r, events[backlog-1], "the event whose acknowledgement was followed at once by SIGKILL"))
		return c, c.killed(ctx, r, events, c.acked)
	})

// waitingTrial kills the receiver while an event waits for its retry.
var waitingTrial = lab.Define(lab.Plan{Name: "SIGKILL while a retry waits", Setting: lab.Alone, Needs: lab.Lifecycle | lab.Sink, Counts: true, Requests: 4},
	func(ctx context.Context, r *lab.Run) (c crash, err error) {
		ev := r.Event(created)
		r.Sink().Script(ev.ID, effects.Script{Fail: effects.Always})
		s := genuine(ctx, r, ev, "an event that was waiting for its retry at SIGKILL")
		if !s.final().Acknowledged() || awaitCalls(ctx, r, ev.ID, 1, ended) != nil {
			return c, nil // never tried: nothing waits
		}
		// By the time that another event is done, the failure of this one is on record.
		other := r.Event(created)
		genuine(ctx, r, other, "an event in between")
		if _, err := r.AwaitProcessed(ctx, other.ID); err != nil {
			return c, err
		}
		if len(r.Sink().Calls(ev.ID)) >= r.Config().Declare.Retries.Attempts {
			return c, nil // given up: it waits no more
		}
		c.waiting = []sent{s}
		return c, c.killed(ctx, r, []fixtures.Event{ev}, c.waiting)
	})

// killed ends the receiver with SIGKILL, starts it again, and counts what should
// have survived. The downstream calls for all events succeed from then on.
func (c *crash) killed(ctx context.Context, r *lab.Run, all []fixtures.Event, expected []sent) error {
	if err := r.Instance().Kill(ctx); err != nil {
		return fmt.Errorf("SIGKILL: %w", err)
	}
	relent(r, all)
	if err := c.restartReceiver(ctx, r); err != nil || c.restart != "" {
		return err
	}
	return c.count(ctx, r, acknowledgedOf(expected))
}

// termTrial ends the receiver with SIGTERM, and with work under way where the
// sink can keep it under way.
var termTrial = lab.Define(lab.Plan{Name: "SIGTERM while working", Setting: lab.Alone, Needs: lab.Lifecycle, Counts: true, Requests: backlog + 7},
	func(ctx context.Context, r *lab.Run) (c crash, err error) {
		if err := baseline(ctx, r); err != nil {
			return c, err
		}
		done := r.Event(created)
		first := genuine(ctx, r, done, "an event that was done before the restart, sent again after it")
		processed, err := r.AwaitProcessed(ctx, done.ID)
		if err != nil && !errors.Is(err, lab.ErrUnobserved) {
			return c, err
		}
		var held []fixtures.Event
		if r.Sink() != nil {
			held = c.keepWorking(ctx, r)
		}
		if err := r.Instance().Terminate(ctx, termGrace); errors.Is(err, target.ErrGrace) {
			c.stubborn = true
		} else if err != nil {
			return c, fmt.Errorf("SIGTERM: %w", err)
		}
		relent(r, held)
		if err := c.restartReceiver(ctx, r); err != nil || c.restart != "" {
			return c, err
		}
		if err := baseline(ctx, r); err != nil { // a counter in memory begins anew
			return c, err
		}
		if processed {
			c.finished = []sent{first.again(ctx, r, done)}
		}
		return c, c.count(ctx, r, acknowledgedOf(slices.Concat(c.acked, c.working)))
	})

// keepWorking has the receiver in the middle of its work on the events that it returns.
func (c *crash) keepWorking(ctx context.Context, r *lab.Run) []fixtures.Event {
	ev := r.Event(created)
	call := effects.Script{Fail: 1, Hang: true, HangFor: workLasts}
	if r.Config().Declare.Retries.Attempts == 1 {
		call = effects.Script{Delay: workLasts} // a failure would be its end
	}
	r.Sink().Script(ev.ID, call)
	s := genuine(ctx, r, ev, "an event whose downstream call was under way at SIGTERM")
	if s.final().Acknowledged() && awaitCalls(ctx, r, ev.ID, 1, begun) == nil {
		c.working = []sent{s}
	}
	events := r.Events(backlog)
	for _, ev := range events {
		r.Sink().Script(ev.ID, effects.Script{Delay: time.Second})
	}
	c.acked = each(events, func(ev fixtures.Event) sent {
		return genuine(ctx, r, ev, "an event that was acknowledged and not done at SIGTERM")
	})
	return append(events, ev)
}

// relent lets the downstream calls for the events succeed from now on. A
// receiver that makes one call at a time would else need its own timeout for
// each of them.
func relent(r *lab.Run, events []fixtures.Event) {
	for _, ev := range events {
		r.Sink().Script(ev.ID, effects.Script{})
	}
}

// workLasts is how long a downstream call takes that is to be under way when
// the receiver is told to stop, if the receiver waits so long.
const workLasts = 1500 * time.Millisecond

func begun(calls []effects.Call) int { return len(calls) }

// ended counts the calls that have been answered or dropped.
func ended(calls []effects.Call) (n int) {
	for _, call := range calls {
		if call.Outcome != effects.Pending {
			n++
		}
	}
	return n
}

// awaitCalls waits until the receiver has made n calls for an event, as counted by how.
func awaitCalls(ctx context.Context, r *lab.Run, eventID string, n int, how func([]effects.Call) int) error {
	ctx, cancel := context.WithTimeout(ctx, r.Config().Patience)
	defer cancel()
	_, err := r.Sink().Await(ctx, eventID, func(calls []effects.Call) bool { return how(calls) >= n })
	return err
}

// restartReceiver notes a receiver that does not come up again; that is its fault.
func (c *crash) restartReceiver(ctx context.Context, r *lab.Run) error {
	err := r.Instance().Restart(ctx)
	var start *target.StartError
	if errors.As(err, &start) && ctx.Err() == nil {
		c.restart = start.Error()
		return nil
	}
	return err
}

func (c *crash) count(ctx context.Context, r *lab.Run, expected []sent) error {
	start := r.Clock().Now()
	var err error
	c.tally, err = settle(ctx, r, expected, c.finished)
	r.Waited(start, "unfinished work to be taken up after a restart")
	return err
}

// survived requires the events to be processed after the restart.
func (j *Judgement) survived(c crash, events []sent, trap string) {
	acknowledgedOnes := acknowledgedOf(events)
	switch {
	case c.restart != "":
		j.Require(false, "the receiver to start again on its own data", c.restart)
		return
	case len(acknowledgedOnes) == 0:
		j.NotObserved("no such event was acknowledged, so there was nothing that could be lost")
		return
	}
	j.AtLeastOnce(c.tally, acknowledgedOnes...)
	j.Diagnose(trap)
}
