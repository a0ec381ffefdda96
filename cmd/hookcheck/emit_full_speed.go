package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/load"
)

// fullSpeedFlags are the flags of emit that only full speed takes.
type fullSpeedFlags struct {
	on          bool
	duration    time.Duration
	connections int
}

func (f *fullSpeedFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.on, "full-speed", false, "send genuine events over connections of our own, several times faster; http only.\n"+
		"Without --rate as many as answers allow, with it at exact times")
	flags.DurationVar(&f.duration, "duration", 0, "with --full-speed: send for this long, instead of --count events")
	flags.IntVar(&f.connections, "connections", 64, "with --full-speed: how many connections")
	for _, fault := range []string{"duplicate", "concurrent", "delay", "malformed", "bad-signature", "redeliver", "max-in-flight"} {
		cmd.MarkFlagsMutuallyExclusive("full-speed", fault)
	}
	cmd.MarkFlagsMutuallyExclusive("duration", "count")
}

// loadResult is what a stream at full speed came to.
type loadResult struct {
	Target   string            `json:"target"`
	Seed     uint64            `json:"seed"`
	Sent     int64             `json:"sent"`
	Seconds  float64           `json:"seconds"`
	Rate     float64           `json:"eventsPerSecond"`
	Outcomes map[string]int    `json:"outcomes"`
	Latency  chaos.Percentiles `json:"latency"`
	Lag      chaos.Percentiles `json:"lag"`

	acknowledged int64
}

func (f *fullSpeedFlags) run(cmd *cobra.Command, e *emitFlags, secret string) (err error) {
	o := load.Options{
		URL: e.to, Secret: secret, Seed: e.seed, Duration: f.duration, Connections: f.connections, Timeout: e.timeout,
	}
	if f.duration == 0 {
		o.Count = uint64(e.count) //nolint:gosec // checked to be above 0
	}
	if cmd.Flags().Changed("rate") && e.rate != "max" {
		rate, err := chaos.ParseRate(e.rate)
		if err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
		o.Rate = float64(rate)
	}
	for _, t := range e.types {
		if strings.Contains(t, "=") {
			return fmt.Errorf("--type: %q: with --full-speed types have no weights", t)
		}
	}
	if !strings.HasPrefix(e.to, "http://") {
		return errors.New("--full-speed: speaks plain http only")
	}
	if o.Types = e.types; f.connections < 1 || f.duration < 0 {
		return errors.New("--connections and --duration want to be above 0")
	}
	record, closeRecord, err := e.recordLoad()
	if err != nil {
		return err
	}
	result, err := measureLoad(cmd, o, record)
	if err = errors.Join(err, closeRecord()); err != nil {
		return exitWith(exitNoResult, err)
	}
	if err := printLoad(cmd, result, e.format); err != nil {
		return exitWith(exitNoResult, err)
	}
	switch {
	case cmd.Context().Err() != nil:
		return exitWith(exitNoResult, errors.New("interrupted"))
	case result.acknowledged < result.Sent:
		return exitWith(exitFailed, nil)
	}
	return nil
}

// recordLoad is where exchanges are recorded; nowhere without --record.
func (f *emitFlags) recordLoad() (record func([]load.Exchange) error, closeRecord func() error, err error) {
	if f.record == "" {
		return func([]load.Exchange) error { return nil }, func() error { return nil }, nil
	}
	file, err := os.Create(f.record)
	if err != nil {
		return nil, nil, fmt.Errorf("--record: %w", err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	return load.WriteRecords(out, f.seed), func() error { return errors.Join(out.Flush(), file.Close()) }, nil
}

func measureLoad(cmd *cobra.Command, o load.Options, record func([]load.Exchange) error) (loadResult, error) {
	target, err := emitter.ParseURL(o.URL)
	if err != nil {
		return loadResult{}, err
	}
	r := loadResult{Target: target.Redacted(), Seed: o.Seed, Outcomes: map[string]int{}}
	highest := (10 * time.Minute).Microseconds()
	latency, lag := hdrhistogram.New(1, highest, 3), hdrhistogram.New(1, highest, 3)
	put := func(h *hdrhistogram.Histogram, d time.Duration) error {
		return h.RecordValue(min(max(1, d.Microseconds()), highest))
	}
	var sent atomic.Int64
	o.Record = func(batch []load.Exchange) error {
		sent.Add(int64(len(batch)))
		for _, x := range batch {
			if x.Status >= 200 && x.Status < 300 {
				r.acknowledged++
			}
			r.Outcomes[loadOutcome(x)]++
			// From when the event was due: a slow answer must not hide the wait of
			// those behind it.
			if err := errors.Join(put(latency, x.End-x.Due), put(lag, x.Start-x.Due)); err != nil {
				return err
			}
		}
		return record(batch)
	}
	start := time.Now()
	stop := startStatusLine(cmd.ErrOrStderr(), func(elapsed time.Duration) string {
		return fmt.Sprintf("%s: %d events answered", elapsed, sent.Load())
	})
	err = load.Run(cmd.Context(), o)
	stop()
	r.Sent, r.Seconds = sent.Load(), time.Since(start).Seconds()
	r.Rate = float64(r.Sent) / r.Seconds
	r.Latency, r.Lag = chaos.NewPercentiles(latency), chaos.NewPercentiles(lag)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return r, err
}

func loadOutcome(x load.Exchange) string {
	if x.Err != nil {
		return x.Err.Error()
	}
	return strconv.Itoa(x.Status)
}

func printLoad(cmd *cobra.Command, r loadResult, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	cmd.Printf("receiver %s\n", r.Target)
	cmd.Printf("sent     %d events, seed %d, in %.2f s: %.0f a second\n", r.Sent, r.Seed, r.Seconds, r.Rate)
	cmd.Printf("answers  %s\n", counted(r.Outcomes))
	cmd.Printf("latency  %s, from when an event was due\n", spread(r.Latency))
	cmd.Printf("lag      %s\n", spread(r.Lag))
	return nil
}
