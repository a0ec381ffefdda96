package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// emitFlags are the flags of emit. A stream is a scenario of one phase.
type emitFlags struct {
	secret       secretFlags
	to           string
	types        []string
	count        int
	rate         string
	duplicate    string
	concurrent   bool
	delay        string
	malformed    string
	badSignature string
	redeliver    []time.Duration
	seed         uint64
	timeout      time.Duration
	maxInFlight  int
	record       string
	format       string
	full         fullSpeedFlags
}

func newEmitCommand() *cobra.Command {
	var f emitFlags
	cmd := &cobra.Command{
		Use:   "emit",
		Short: "Send a stream of signed events to an endpoint",
		Long: `Sends events as moncreneau does, signed over exactly the bytes that are sent, with whatever faults you ask for,
and prints what came back. The same seed sends the same events with the same faults at the same times.

Exit code: 0 every genuine event was acknowledged and every broken one refused, 1 otherwise, 2 wrong usage,
3 interrupted, or nobody answered.`,
		Example: `  export MONCRENEAU_WEBHOOK_SECRET=whsec_…
  hookcheck emit --to http://127.0.0.1:8080/webhooks/moncreneau
  hookcheck emit --to … --type appointment.created --count 500 --rate 100/s
  hookcheck emit --to … --count 200 --duplicate 5% --delay 0s..3s --malformed 2% --bad-signature 1% --seed 7
  hookcheck emit --to … --count 1000 --rate max --format json | jq .latency
  hookcheck emit --to … --full-speed --duration 10s        # what does the endpoint bear?`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.secret.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "the receiver's endpoint (required)")
	flags.StringSliceVar(&f.types, "type", nil, "event type, may be repeated and weighted: appointment.created=3; without, all alike")
	flags.IntVar(&f.count, "count", 10, "how many events")
	flags.StringVar(&f.rate, "rate", "10/s", "events in a unit of time, as 50/s or 100/m; max is as fast as answers allow")
	flags.StringVar(&f.duplicate, "duplicate", "", "share of events that are sent twice, as 5%")
	flags.BoolVar(&f.concurrent, "concurrent", false, "send duplicates at the same moment, not one after the other")
	flags.StringVar(&f.delay, "delay", "", "delay each event by a time in this range, as 0s..3s")
	flags.StringVar(&f.malformed, "malformed", "", "share of events that break a rule of the contract, as 2%")
	flags.StringVar(&f.badSignature, "bad-signature", "", "share of events that are wrongly signed, as 1%")
	flags.DurationSliceVar(&f.redeliver, "redeliver", nil, "waits before an event that was not acknowledged is sent again, as 1s,5s")
	flags.Uint64Var(&f.seed, "seed", 0, "decides events, faults and delays; without, it is drawn and printed")
	flags.DurationVar(&f.timeout, "timeout", emitter.DefaultTimeout, "longest time for an attempt")
	flags.IntVar(&f.maxInFlight, "max-in-flight", 64, "most attempts at once")
	flags.StringVar(&f.record, "record", "", "file for the record of every attempt, as lines of JSON")
	flags.StringVar(&f.format, "format", "text", "what is printed at the end: text or json")
	_ = cmd.MarkFlagRequired("to")
	f.full.register(cmd)
	return cmd
}

func (f *emitFlags) run(cmd *cobra.Command) error {
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if _, err := emitter.ParseURL(f.to); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if f.maxInFlight < 1 || f.timeout <= 0 {
		return errors.New("--max-in-flight and --timeout want to be above 0")
	}
	scenario, err := f.scenario()
	if err != nil {
		return err
	}
	secret, err := f.secret.read()
	if err != nil {
		return err
	}
	if f.seed == 0 {
		f.seed = drawSeed()
	}
	if f.full.on {
		return f.full.run(cmd, f, secret)
	}
	plan := chaos.Plan{Scenario: scenario, Seed: f.seed}
	if sendsBroken(plan) { // a small share of few events may be none
		plan.Scenario.Expect.Broken = chaos.Refused
	}
	record := f.record
	if record == "" {
		record = os.DevNull
	}
	runner := &chaos.Runner{URL: f.to, Secret: secret, Timeout: f.timeout, MaxInFlight: f.maxInFlight}
	result, err := runAndRecord(cmd, runner, plan.Source(), record)
	if err != nil {
		return exitWith(exitNoResult, err)
	}
	if err := printResult(cmd, result, f.format); err != nil {
		return exitWith(exitNoResult, err)
	}
	return verdictExit(result)
}

// scenario is what the flags ask for.
func (f *emitFlags) scenario() (chaos.Scenario, error) {
	phase := chaos.Phase{Name: "stream", Events: chaos.Whole(f.count), Types: map[string]float64{}}
	if f.count < 1 {
		return chaos.Scenario{}, fmt.Errorf("--count: expected at least 1, got %d", f.count)
	}
	for _, t := range f.types {
		name, weight, weighted := strings.Cut(t, "=")
		phase.Types[name] = 1
		if weighted {
			w, err := strconv.ParseFloat(weight, 64)
			if err != nil {
				return chaos.Scenario{}, fmt.Errorf("--type: %q: expected a number after =", t)
			}
			phase.Types[name] = w
		}
	}
	if phase.Burst = f.rate == "max"; !phase.Burst {
		var err error
		if phase.Rate, err = chaos.ParseRate(f.rate); err != nil {
			return chaos.Scenario{}, fmt.Errorf("--rate: %w", err)
		}
	}
	for _, flag := range []struct {
		name, share string
		fault       chaos.Fault
	}{
		{"malformed", f.malformed, chaos.Fault{Name: "malformed"}},
		{"bad-signature", f.badSignature, chaos.Fault{Name: "bad-signature"}},
		{"duplicate", f.duplicate, chaos.Fault{Name: "duplicate", Concurrent: f.concurrent}},
	} {
		if flag.share == "" {
			continue
		}
		share, err := chaos.ParseShare(flag.share)
		if err != nil {
			return chaos.Scenario{}, fmt.Errorf("--%s: %w", flag.name, err)
		}
		if flag.fault.Probability = share; share > 0 {
			phase.Faults = append(phase.Faults, flag.fault)
		}
	}
	if f.delay != "" {
		by, err := chaos.ParseRange(f.delay)
		if err != nil {
			return chaos.Scenario{}, fmt.Errorf("--delay: %w", err)
		}
		if by.Max > 0 {
			phase.Faults = append(phase.Faults, chaos.Fault{Name: "delay", Probability: 1, By: by})
		}
	}
	s := chaos.Scenario{Name: "emit", Phases: []chaos.Phase{phase}, Expect: chaos.Expectations{Acknowledged: 1}}
	for _, wait := range f.redeliver {
		s.Redeliver = append(s.Redeliver, chaos.Duration(wait))
	}
	return s, s.Check()
}

// sendsBroken says whether a receiver has anything to refuse in the plan.
func sendsBroken(p chaos.Plan) bool {
	for step := range p.Steps() {
		if step.Expect == chaos.Refuse {
			return true
		}
	}
	return false
}
