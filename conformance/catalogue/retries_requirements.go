package catalogue

import (
	"fmt"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

func retries() []Requirement {
	return []Requirement{
		{
			ID: "RET-01", Level: Must, Guide: retriesSection, Applies: several,
			Title: "Processing that fails for a while is retried until it succeeds",
			Why:   "Databases fail over and partners restart. moncreneau does not know of it: it has had its acknowledgement.",
			Mend:  "Run the work from a queue that retries, and count anything but success as failure.",
			check: from(passingFailureTrial, func(p passing, j *Judgement) {
				t := p.nearly
				if !t.event.final().Acknowledged() {
					j.NotObserved("the event was not acknowledged")
					return
				}
				j.Require(t.done, "an effect once the downstream answers again", fmt.Sprintf("%d attempts and no effect", len(t.calls)), t.event.attempts...)
			}),
		},
		{
			ID: "RET-02", Level: Must, Guide: retriesSection, Applies: several,
			Title: fmt.Sprintf("The waits between attempts grow as declared (2 s, 4 s; tolerance %.0f %% to %.0f %% plus %v)", earliest*100, latest*100, latestPlus),
			Why:   "Retrying at once, or at a constant pace, keeps a system down that is trying to come up.",
			Mend:  "Wait backoff × factor^(n-1) after attempt n, with a little jitter.",
			check: withConfig(passingFailureTrial, func(p passing, l *lab.Lab, j *Judgement) {
				judgeWaits(p.nearly, l.Config().Declare.Retries, j)
			}),
		},
		{
			ID: "RET-03", Level: Must, Guide: retriesSection,
			Title: "Attempts are bounded as declared (3)",
			Why:   "An event that can never succeed would be tried for ever, and hide among those that matter.",
			Mend:  "Count attempts, and put an event aside as a dead letter after the last.",
			check: withConfig(givenUpTrial, func(g givenUp, l *lab.Lab, j *Judgement) {
				if len(g.calls) == 0 {
					j.NotObserved("the receiver made no downstream call for the event")
					return
				}
				attempts := l.Config().Declare.Retries.Attempts
				j.Require(len(g.calls) <= attempts, fmt.Sprintf("at most %d attempts", attempts),
					fmt.Sprintf("%d attempts", len(g.calls)), g.event.attempts...)
			}),
		},
		{
			ID: "RET-04", Level: Must, Guide: retriesSection, Applies: several,
			Title: "A downstream call that gets no answer counts as a failure and is retried",
			Why:   "Without a timeout of its own, a worker waits for ever and takes its event with it.",
			Mend:  "Give every call a timeout, and treat it like any other failure. If the receiver's own timeout is long, declare it (declare.timeout).",
			check: withConfig(hangingTrial, func(h hanging, l *lab.Lab, j *Judgement) {
				if !h.event.final().Acknowledged() {
					j.NotObserved("the event was not acknowledged: see ACK-02")
					return
				}
				j.Require(h.done, fmt.Sprintf("another attempt within the declared timeout of %v and the wait after it", l.Config().Declare.Timeout),
					fmt.Sprintf("%d attempts and no effect", len(h.calls)), h.event.attempts...)
			}),
		},
		{
			ID: "RET-05", Level: Must, Guide: retriesSection, Applies: several,
			Title: "A downstream connection that is reset counts as a failure and is retried",
			Why:   "Load balancers and restarts reset connections; an exception that is not caught ends the job.",
			Mend:  "Treat every error of the call as a failed attempt.",
			check: from(resetTrial, func(t retried, j *Judgement) {
				if !t.event.final().Acknowledged() {
					j.NotObserved("the event was not acknowledged")
					return
				}
				j.Require(t.done, "another attempt, and an effect", fmt.Sprintf("%d attempts and no effect", len(t.calls)), t.event.attempts...)
			}),
		},
		{
			ID: "RET-06", Level: Must, Guide: retriesSection, Applies: several,
			Title: "Success after retries is one effect",
			Why:   "A retry that is not cancelled when an attempt succeeds does the work twice.",
			Mend:  "Let one worker own an event from its first attempt to its last.",
			check: from(passingFailureTrial, func(p passing, j *Judgement) {
				for _, t := range []retried{p.once, p.nearly} {
					if !t.done {
						j.NotObserved("the event was never processed: see RET-01")
						continue
					}
					n := effects.CountDone(t.calls)
					j.Require(n == 1, "exactly one effect, and no other as long as one more wait takes", inEffects(n)+" of "+t.event.what, t.event.attempts...)
				}
				j.Diagnose("retries go on although an attempt has succeeded")
			}),
		},
		{
			ID: "RET-07", Level: Must, Guide: retriesSection, Applies: several,
			Title: "Events that keep failing do not hold up others",
			Why:   "If the queue waits while one event waits for its retry, a single bad event delays all others.",
			Mend:  "Put a failed event back with a time at which it is due, and go on with the next.",
			check: from(poisonTrial, judgeHeldUp),
		},
		{
			ID: "RET-08", Level: Must, Guide: retriesSection, Applies: several,
			Title: "A retry that is waiting survives SIGKILL",
			Why:   "A timer in memory is gone with the process, and with it the event.",
			Mend:  "Store when the next attempt is due, and look for due events at the start.",
			check: from(waitingTrial, func(c crash, j *Judgement) {
				if len(c.waiting) == 0 {
					j.NotObserved("no retry was waiting: see RET-01 and RET-03")
					return
				}
				j.survived(c, c.waiting, "known trap: retries wait in memory (setTimeout, sleep) and are lost with the process")
			}),
		},
		{
			ID: "RET-09", Level: Must, Guide: retriesSection, Needs: lab.DeadLetters,
			Title: "A dead letter shows in the metrics or in the log",
			Why:   "An event that was given up without a trace is lost, and nobody knows.",
			Mend:  "Raise webhooks_failed_total, and log the event's id and the reason, when an event is given up.",
			check: from(givenUpTrial, func(g givenUp, j *Judgement) {
				if len(g.calls) == 0 {
					j.NotObserved("the receiver made no downstream call for the event")
					return
				}
				shown := g.logged > 0 || g.after != nil && g.before != nil && g.after.Failed > g.before.Failed
				actual := "no line of the log that matches observe.logs.deadLetter"
				switch {
				case g.metricsErr != nil:
					actual = g.metricsErr.Error()
				case g.after != nil:
					actual = fmt.Sprintf("webhooks_failed_total went from %v to %v", g.before.Failed, g.after.Failed)
					if g.hasLogs {
						actual += ", and no line of the log matches observe.logs.deadLetter"
					}
				}
				j.Require(shown, "webhooks_failed_total to rise, or a line in the log", actual, g.event.attempts...)
			}),
		},
		{
			ID: "RET-10", Level: Must, Guide: retriesSection, Needs: lab.Lifecycle,
			Applies: func(cfg config.Config) string {
				if !cfg.Declare.Replay.Declared() {
					return "no replay is declared (declare.replay)"
				}
				return ""
			},
			Title: "A dead letter can be replayed, and then has one effect",
			Why:   "Once the cause is mended, what was given up has to be done after all.",
			Mend:  "Keep the event with its dead letter, and offer a command that queues it again.",
			check: from(givenUpTrial, func(g givenUp, j *Judgement) {
				if !g.event.final().Acknowledged() {
					j.NotObserved("the event was not acknowledged")
					return
				}
				if g.replay != nil {
					j.Require(false, "the replay to succeed and the event to be processed", g.replay.Error(), g.event.attempts...)
					return
				}
				j.Require(g.effects == 1, "exactly one effect after the replay", inEffects(g.effects), g.event.attempts...)
			}),
		},
	}
}

// judgeHeldUp asks whether the good events waited for those that fail.
func judgeHeldUp(p poisoned, j *Judgement) {
	if p.tried < 2 || len(acknowledgedOf(p.good)) == 0 {
		j.NotObserved("no failing event was tried again, so there was nothing to hold up others: see RET-01")
		return
	}
	for i, s := range p.good {
		if a := s.final(); !a.Acknowledged() || a.Start.Add(a.Timing.Total).After(p.last) {
			continue // refused, or too late to be held up
		}
		effect := firstEffect(p.goodCalls[i])
		if effect.IsZero() {
			j.Require(false, "an effect", "none within the configured patience, for "+s.what, s.attempts...)
			continue
		}
		j.Require(effect.Before(p.last), "an effect before the failing events were tried for the last time",
			fmt.Sprintf("it came %v after that, for %s", effect.Sub(p.last).Round(time.Millisecond), s.what), s.attempts...)
	}
	j.Diagnose("the queue stands still while a failed event waits for its retry")
	if j.Observed == 0 {
		j.NotObserved("the failing events were tried for the last time before a good one had come in")
	}
}

// judgeWaits holds the waits between the attempts to the declared ones.
func judgeWaits(t retried, declared config.Retries, j *Judgement) {
	waits := gaps(t.calls)
	if len(waits) < declared.Attempts-1 {
		j.NotObserved("only %d of %d attempts were made: see RET-01", len(t.calls), declared.Attempts)
		return
	}
	for i, wait := range waits[:declared.Attempts-1] {
		from := time.Duration(earliest * float64(declared.Wait(i+1)))
		to := time.Duration(latest*float64(declared.Wait(i+1))) + latestPlus
		j.Require(wait >= from && wait <= to,
			fmt.Sprintf("a wait of %v (between %v and %v) after attempt %d", declared.Wait(i+1), from, to, i+1),
			wait.Round(time.Millisecond).String(), t.event.attempts...)
	}
}

func firstEffect(calls []effects.Call) time.Time {
	for _, call := range calls {
		if call.Outcome == effects.Done {
			return call.Start
		}
	}
	return time.Time{}
}
