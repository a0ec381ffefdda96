// Command compare measures package load side by side with vegeta and wrk, on the
// same endpoint in the same run: a bare net/http server on this machine, each
// program in a process of its own. Load goes to 127.0.0.1 only.
//
// The peers send one body that is signed beforehand; ours are all different, signed
// as they are sent, and recorded. What counts is what the endpoint received.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// settings are the same for every program.
type settings struct {
	duration    time.Duration
	connections int
	threads     int
	vegeta, wrk string
}

func run(ctx context.Context, args []string) error {
	var s settings
	var rounds int
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.DurationVar(&s.duration, "duration", 2*time.Second, "how long each program sends in a round")
	flags.IntVar(&rounds, "rounds", 7, "how often each program is measured, in turn; medians are shown")
	flags.IntVar(&s.connections, "connections", 64, "connections of each program")
	flags.IntVar(&s.threads, "threads", 0, "threads of ours and of wrk; 0 is half of the machine's")
	flags.StringVar(&s.vegeta, "vegeta", "", "path of vegeta (build it in ../peers)")
	flags.StringVar(&s.wrk, "wrk", "wrk", "path of wrk")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "sink":
		return serveSink(ctx)
	case "emit":
		return emit(ctx, s, flags.Arg(1), flags.Arg(2))
	}
	if s.vegeta == "" || rounds < 1 {
		return errors.New("want -vegeta PATH, and at least one round")
	}
	return compare(ctx, s, rounds)
}

// sample is one program in one round.
type sample struct {
	rate float64       // events a second
	cpu  time.Duration // processor time an event
}

func compare(ctx context.Context, s settings, rounds int) error {
	sink, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.stop()
	peers, cleanUp, err := programs(s, sink.url)
	if err != nil {
		return err
	}
	defer cleanUp()
	samples := map[string][]sample{}
	for round := range rounds {
		for _, p := range peers {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, rounds, p.name)
			measured, err := sink.measure(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			samples[p.name] = append(samples[p.name], measured)
		}
	}
	show(samples, peers)
	return showPace(ctx, s, sink.url)
}

// show prints the medians, and ours as shares of the peers' round by round, so
// that a machine that slows down between rounds does not count.
func show(samples map[string][]sample, peers []program) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "program\tevents/s\tCPU/event")
	for _, p := range peers {
		fmt.Fprintf(out, "%s\t%.0f\t%s\n", p.name,
			median(samples[p.name], func(s sample) float64 { return s.rate }),
			time.Duration(median(samples[p.name], func(s sample) float64 { return float64(s.cpu) })).Round(10*time.Nanosecond))
	}
	_ = out.Flush()
	ours := samples[nameOurs]
	ratio := func(peer string, of func(sample) float64) float64 {
		var ratios []float64
		for i, s := range samples[peer] {
			ratios = append(ratios, of(ours[i])/of(s))
		}
		return median(ratios, func(r float64) float64 { return r })
	}
	rate := func(s sample) float64 { return s.rate }
	fmt.Printf("\nrate, times vegeta's:       %.2f (target at least 2)\n", ratio(nameVegeta, rate))
	fmt.Printf("CPU per event, of vegeta's: %.2f (target at most 0.3)\n", ratio(nameVegeta, func(s sample) float64 { return float64(s.cpu) }))
	if len(samples[nameWrk]) > 0 {
		fmt.Printf("rate, of wrk's:             %.2f (target at least 0.85)\n", ratio(nameWrk, rate))
	}
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
