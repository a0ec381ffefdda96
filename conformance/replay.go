package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Replay is one finding of a report, to be repeated.
type Replay struct {
	Report report.Report
	// Dir is the report's folder, which holds the bodies.
	Dir string
	// Requirement is the id; case does not matter.
	Requirement string
	// Finding is which of its findings, from 1; 0 means the first.
	Finding int
	// Receiver is started, or found at its URL. Where it is started without a
	// secret of its own, the secret follows from the report's seed, as it did.
	Receiver config.Config
}

// What a replay can show.
const (
	// Met: the answer is now one that the requirement accepts.
	Met = "met"
	// Unmet: the answer is still not one that the requirement accepts.
	Unmet = "not met"
	// Undecided: the finding is not about an answer, but about what came of it.
	Undecided = "undecided"
)

// Repetition is what came of a replay.
type Repetition struct {
	Requirement string         `json:"requirement"`
	Title       string         `json:"title"`
	Finding     report.Finding `json:"finding"`
	// Number is which of Of findings it is, from 1.
	Number int `json:"number"`
	Of     int `json:"of"`
	// Then are the exchanges of the report, Now those of the replay, the
	// decisive ones last.
	Then []report.Exchange `json:"then"`
	Now  []report.Exchange `json:"now"`
	// Outcome is met, not met or undecided.
	Outcome string `json:"outcome"`
}

// Run sends the exchanges of the finding again, in their order and one at a
// time, signed afresh the way they were signed then. An *UsageError means that
// nothing was sent; any other error, that no answer could be had.
func (r Replay) Run(ctx context.Context) (Repetition, error) {
	out, err := r.choose()
	if err != nil {
		return out, err
	}
	if err := complete(&r.Receiver); err != nil {
		return out, err
	}
	receiver, err := target.New(ctx, r.Receiver, io.Discard)
	if err != nil {
		return out, fmt.Errorf("replay: %w", err)
	}
	defer func() { _ = receiver.Close(context.WithoutCancel(ctx)) }()
	bench, err := lab.New(lab.Options{Config: r.Receiver, Target: receiver, Seed: r.Report.Seed})
	if err != nil {
		return out, fmt.Errorf("replay: %w", err)
	}
	defer func() { _ = bench.Close(context.WithoutCancel(ctx)) }()
	deliveries, err := r.deliveries(out.Then, bench.Secret())
	if err != nil {
		return out, &UsageError{"replay: " + err.Error()}
	}
	recorder := report.Recorder{Secret: bench.Secret()}
	attempts, err := send(ctx, bench, deliveries)
	if err != nil {
		return out, fmt.Errorf("replay: %w", recorder.RedactError(err))
	}
	recorder.URL = bench.URL()
	var now report.Requirement
	for _, a := range attempts {
		recorder.Witness(&now, a)
	}
	out.Now = now.Evidence
	out.Outcome = outcomeOf(out.Finding, attempts[len(attempts)-1])
	return out, nil
}

// choose finds the finding in the report.
func (r Replay) choose() (Repetition, error) {
	requirement, ok := r.Report.Requirement(strings.ToUpper(r.Requirement))
	if !ok {
		return Repetition{}, usagef("replay: the report has no requirement %q", r.Requirement)
	}
	n := max(r.Finding, 1)
	out := Repetition{Requirement: requirement.ID, Title: requirement.Title, Number: n, Of: len(requirement.Findings)}
	switch {
	case out.Of == 0:
		return out, usagef("replay: %s has no finding in this report; it is %s", requirement.ID, requirement.Status)
	case n > out.Of:
		return out, usagef("replay: %s has no finding %d, only 1 to %d", requirement.ID, n, out.Of)
	}
	out.Finding = requirement.Findings[n-1]
	for _, i := range out.Finding.Evidence {
		out.Then = append(out.Then, requirement.Evidence[i])
	}
	if len(out.Then) == 0 {
		return out, usagef("replay: no exchange shows finding %d of %s: expected %s, got %s", n, requirement.ID, out.Finding.Expected, out.Finding.Actual)
	}
	return out, nil
}

func (r Replay) deliveries(then []report.Exchange, secret string) ([]emitter.Delivery, error) {
	var out []emitter.Delivery
	for _, e := range then {
		d, err := e.Request.Delivery(r.Dir, secret)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// send has the lab start the receiver and send the deliveries to it.
func send(ctx context.Context, l *lab.Lab, deliveries []emitter.Delivery) ([]emitter.Attempt, error) {
	trial := lab.Define(lab.Plan{Name: "replay", Setting: lab.Alone, Requests: len(deliveries)},
		func(ctx context.Context, r *lab.Run) ([]emitter.Attempt, error) {
			var out []emitter.Attempt
			for _, d := range deliveries {
				a := r.SendNow(ctx, d)
				if unreached(a) {
					return nil, a.Err
				}
				out = append(out, a)
			}
			return out, ctx.Err()
		})
	if err := l.Start(ctx, []lab.Experiment{trial}); err != nil {
		return nil, err
	}
	return trial.Evidence(ctx, l)
}

// unreached tells a receiver that is not there from one that does not answer.
func unreached(a emitter.Attempt) bool {
	var network *net.OpError
	return a.Status == 0 && errors.As(a.Err, &network) && network.Op == "dial"
}

func outcomeOf(f report.Finding, decisive emitter.Attempt) string {
	switch {
	case len(f.Accepts) == 0:
		return Undecided
	case f.Accepts.Accept(decisive.Status):
		return Met
	}
	return Unmet
}
