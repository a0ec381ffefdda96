package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// recordName is the file in a report's directory that holds the run's record.
const recordName = "record.jsonl"

// runFlags are the flags of chaos run.
type runFlags struct {
	plan        planFlags
	secret      secretFlags
	to          string
	planFile    string
	effects     string
	eventID     string
	wire        bool
	timeout     time.Duration
	maxInFlight int
	report      string
	format      string
}

func newChaosRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Send a scenario to a receiver and judge what it makes of it",
		Long: `Sends a scenario and judges the receiver by the scenario's expectations.

Whether events are processed, and once, is seen in what the receiver does: hookcheck listens at --effects, and
the receiver calls it as its side effect (its DOWNSTREAM_URL). Without, give --wire to be judged by answers alone.
Start the receiver without a rate limit: moncreneau's worst week is above 100 requests a minute.

Exit code: 0 every expectation holds, 1 one does not, 2 wrong usage, 3 no verdict. A shard that was sent
completely is 0: chaos merge judges all of them together.`,
		Example: `  # a receiver that calls http://127.0.0.1:9000 for each event it processes
  export MONCRENEAU_WEBHOOK_SECRET=whsec_…
  hookcheck chaos run duplicate-storm --to http://127.0.0.1:8080/webhooks/moncreneau --effects 127.0.0.1:9000
  hookcheck chaos run mine.yaml --to … --wire --seed 7 --report out
  hookcheck chaos run rush-hour --to … --wire --shard 3/8   # one of eight; then hookcheck chaos merge`,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.planFile != "" {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.plan.register(cmd, 0, "decides everything that the scenario leaves to chance; without, it is drawn and printed")
	f.secret.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "the receiver's endpoint (required)")
	flags.StringVar(&f.planFile, "plan", "", "send this stored plan (chaos describe --format plan) instead of a scenario")
	flags.StringVar(&f.effects, "effects", "", "listen here, as HOST:PORT, for the receiver's side effects")
	flags.StringVar(&f.eventID, "effects-event-id", "body:/eventId", "where a side effect names its event: body:/json/pointer or header:Name")
	flags.BoolVar(&f.wire, "wire", false, "judge by answers alone: leave out what only effects show")
	flags.DurationVar(&f.timeout, "timeout", emitter.DefaultTimeout, "longest time for an attempt")
	flags.IntVar(&f.maxInFlight, "max-in-flight", chaos.DefaultMaxInFlight, "most attempts at once; further ones are sent late, and the report says how late")
	flags.StringVar(&f.report, "report", "chaos-report", "directory for report.html, result.json and "+recordName)
	flags.StringVar(&f.format, "format", "text", "what is printed at the end: text or json")
	_ = cmd.MarkFlagRequired("to")
	cmd.MarkFlagsMutuallyExclusive("effects", "wire")
	cmd.MarkFlagsMutuallyExclusive("plan", "shard")
	cmd.MarkFlagsMutuallyExclusive("plan", "seed")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command, args []string) error {
	secret, err := f.secret.read()
	if err != nil {
		return err
	}
	if _, err := emitter.ParseURL(f.to); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if f.maxInFlight < 1 || f.timeout <= 0 {
		return errors.New("--max-in-flight and --timeout want to be above 0")
	}
	if err := checkFormat(f.format); err != nil {
		return err
	}
	source, closeSource, err := f.source(args)
	if err != nil {
		return err
	}
	defer closeSource()
	if f.wire {
		source.Scenario.Expect = source.Scenario.Expect.OnTheWire()
		if err := source.Scenario.Check(); err != nil {
			return fmt.Errorf("--wire: nothing is left to judge by: %w", err)
		}
	}
	runner := &chaos.Runner{URL: f.to, Secret: secret, Timeout: f.timeout, MaxInFlight: f.maxInFlight}
	if f.effects != "" {
		sink, stop, err := serveEffects(cmd.Context(), f.effects, f.eventID)
		if err != nil {
			return err
		}
		defer stop()
		runner.Effects = sink
	}
	if expect := source.Scenario.Expect; runner.Effects == nil && source.Shard.Of == 0 && expect != expect.OnTheWire() {
		cmd.PrintErrln("hookcheck: no effects are watched, so the run cannot pass; point your receiver's downstream at --effects HOST:PORT, or give --wire")
	}
	if err := os.MkdirAll(f.report, 0o750); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	record := filepath.Join(f.report, recordName)
	result, err := runAndRecord(cmd, runner, source, record)
	if err != nil {
		return exitWith(exitNoResult, err)
	}
	repeat := f.repeat(args)
	if err := chaos.WriteReport(f.report, result, repeat); err != nil {
		return exitWith(exitNoResult, err)
	}
	if err := printResult(cmd, result, f.format); err != nil {
		return exitWith(exitNoResult, err)
	}
	if f.format == "text" {
		cmd.Printf("report   %s\nrepeat   %s\n", filepath.Join(f.report, "report.html"), repeat)
		if source.Shard.Of > 0 {
			cmd.PrintErrln("hookcheck: this is shard " + source.Shard.String() + "; hookcheck chaos merge judges all of them together")
		}
	}
	if source.Shard.Of > 0 && result.Complete {
		return nil // whether it is good enough is for chaos merge to say
	}
	return verdictExit(result)
}

// source is the stored plan, or the scenario's.
func (f *runFlags) source(args []string) (s chaos.Source, closeSource func(), err error) {
	if f.planFile == "" {
		p, _, err := f.plan.load(args[0])
		f.plan.seed = p.Seed // drawn, if it was not given
		return p.Source(), func() {}, err
	}
	file, err := os.Open(f.planFile)
	if err != nil {
		return s, nil, fmt.Errorf("--plan: %w", err)
	}
	if s, err = chaos.ReadPlan(f.planFile, bufio.NewReader(file)); err != nil {
		_ = file.Close()
		return s, nil, fmt.Errorf("--plan: %w", err)
	}
	return s, func() { _ = file.Close() }, nil
}

// repeat is the line that runs the same again; the secret stays out of it.
func (f *runFlags) repeat(args []string) string {
	words := []string{"hookcheck", "chaos", "run"}
	if f.planFile != "" {
		words = append(words, "--plan", f.planFile)
	} else {
		words = append(words, args[0], "--seed", fmt.Sprint(f.plan.seed))
	}
	target := f.to
	if u, err := emitter.ParseURL(f.to); err == nil && u.User != nil {
		target = u.Redacted() // a report may be shown to others
	}
	words = append(words, "--to", target)
	for _, flag := range []struct{ name, value string }{
		{"--shard", f.plan.shard}, {"--effects", f.effects}, {"--secret-file", f.secret.file},
	} {
		if flag.value != "" {
			words = append(words, flag.name, flag.value)
		}
	}
	if f.eventID != "body:/eventId" {
		words = append(words, "--effects-event-id", f.eventID)
	}
	if f.timeout != emitter.DefaultTimeout {
		words = append(words, "--timeout", f.timeout.String())
	}
	if f.maxInFlight != chaos.DefaultMaxInFlight {
		words = append(words, "--max-in-flight", strconv.Itoa(f.maxInFlight))
	}
	if f.wire {
		words = append(words, "--wire")
	}
	return shellLine(words)
}

// shellLine quotes what a shell would read otherwise.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\"'$&|;<>()*?[]#~`\\{}!") {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// runAndRecord runs with progress on standard error and the record in a file.
func runAndRecord(cmd *cobra.Command, runner *chaos.Runner, source chaos.Source, path string) (chaos.Result, error) {
	file, err := os.Create(path) //nolint:gosec // in the directory that the user named
	if err != nil {
		return chaos.Result{}, err
	}
	out := bufio.NewWriter(file)
	write := chaos.WriteRecords(out)
	tally := chaos.NewTally()
	stop := startStatusLine(cmd.ErrOrStderr(), func(elapsed time.Duration) string {
		p := runner.Progress()
		if p.Settling {
			return fmt.Sprintf("%s: %d attempts answered; waiting for effects", elapsed, p.Ended)
		}
		return fmt.Sprintf("%s: %d attempts sent, %d answered, %d acknowledged", elapsed, p.Started, p.Ended, p.Acknowledged)
	})
	err = runner.Run(cmd.Context(), source, func(r chaos.Record) error {
		return errors.Join(write(r), tally.Add(r))
	})
	stop()
	if err = errors.Join(err, out.Flush(), file.Close()); err != nil {
		return chaos.Result{}, err
	}
	return tally.Result(), nil
}

// serveEffects listens for the receiver's side effects until stop is called.
func serveEffects(ctx context.Context, address, eventID string) (sink *effects.Sink, stop func(), err error) {
	if sink, err = effects.New(effects.Options{EventID: eventID}); err != nil {
		return nil, nil, fmt.Errorf("--effects-event-id: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("--effects: %w", err)
	}
	server := &http.Server{Handler: sink, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Close
	}()
	return sink, func() {
		sink.Close()
		_ = server.Close()
		<-served
	}, nil
}
