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
	flags.IntVar(&rounds, "rounds", 11, "how often each peer is measured; medians are shown")
	flags.IntVar(&s.connections, "connections", 64, "connections of each program")
	flags.IntVar(&s.threads, "threads", 0, "threads of ours and of wrk; 0 is half of the machine's, and two at least")
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

// pair is a peer's sample, and ours from before and after it.
type pair struct {
	peer, ours sample
}

// compare measures ours before and after each measurement of a peer and takes the
// mean: the speed of a machine that others use as well drifts within seconds.
func compare(ctx context.Context, s settings, rounds int) error {
	sink, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.stop()
	ours, peers, cleanUp, err := programs(s, sink.url)
	if err != nil {
		return err
	}
	defer cleanUp()
	before, err := sink.measure(ctx, ours)
	if err != nil {
		return err
	}
	pairs := map[string][]pair{}
	for round := range rounds {
		for _, p := range peers {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, rounds, p.name)
			theirs, err := sink.measure(ctx, p)
			if err != nil {
				return err
			}
			after, err := sink.measure(ctx, ours)
			if err != nil {
				return err
			}
			mean := sample{rate: (before.rate + after.rate) / 2, cpu: (before.cpu + after.cpu) / 2}
			pairs[p.name] = append(pairs[p.name], pair{peer: theirs, ours: mean})
			before = after
		}
	}
	show(pairs, peers)
	return showPace(ctx, s, sink.url)
}

// show prints the medians, and ours as shares of the peers', pair by pair.
func show(pairs map[string][]pair, peers []program) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "program\tevents/s\tCPU/event")
	line := func(name string, all []pair, of func(pair) sample) {
		fmt.Fprintf(out, "%s\t%.0f\t%s\n", name, median(all, func(p pair) float64 { return of(p).rate }),
			time.Duration(median(all, func(p pair) float64 { return float64(of(p).cpu) })).Round(10*time.Nanosecond))
	}
	var all []pair
	for _, p := range peers {
		line(p.name, pairs[p.name], func(p pair) sample { return p.peer })
		all = append(all, pairs[p.name]...)
	}
	line(nameOurs, all, func(p pair) sample { return p.ours })
	_ = out.Flush()

	rate := func(p pair) float64 { return p.ours.rate / p.peer.rate }
	fmt.Printf("\nrate, times vegeta's:       %s (target at least 2)\n", spread(pairs[nameVegeta], rate))
	fmt.Printf("CPU per event, of vegeta's: %s (target at most 0.3)\n",
		spread(pairs[nameVegeta], func(p pair) float64 { return float64(p.ours.cpu) / float64(p.peer.cpu) }))
	if len(pairs[nameWrk]) > 0 {
		fmt.Printf("rate, of wrk's:             %s (target at least 0.85)\n", spread(pairs[nameWrk], rate))
	}
}

// spread is the median of a ratio, and between what half of the rounds are.
func spread(all []pair, of func(pair) float64) string {
	ratios := sorted(all, of)
	n := len(ratios)
	return fmt.Sprintf("%.2f, half of the rounds %.2f to %.2f", ratios[n/2], ratios[n/4], ratios[n-1-n/4])
}

func median(all []pair, of func(pair) float64) float64 { return sorted(all, of)[len(all)/2] }

func sorted(all []pair, of func(pair) float64) []float64 {
	values := make([]float64, len(all))
	for i, p := range all {
		values[i] = of(p)
	}
	slices.Sort(values)
	return values
}
