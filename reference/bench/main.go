// Command bench measures the receiver beside a bare net/http handler and beside the
// guide's own recommendation, in one run on one machine.
//
//	go run ./reference/bench --receiver bin/receiver
//
// Absolute figures say little about another machine; the ratios do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

type options struct {
	receiver    string
	express     string
	connections int
	duration    time.Duration
	rounds      int
	stored      string
	only        string
	postgres    bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == bareCommand {
		serveBare()
		return
	}
	var o options
	flag.StringVar(&o.receiver, "receiver", "bin/receiver", "the receiver's program")
	flag.StringVar(&o.express, "express", "reference/bench/express", "the folder of the Express receiver; empty to leave it out")
	flag.IntVar(&o.connections, "connections", 64, "connections that send at the same time")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "of each round")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each server, taken in turns")
	flag.StringVar(&o.stored, "stored", "1e4,1e6", "how many ids are stored before, for the cost of growth; the slow one is 1e7")
	flag.StringVar(&o.only, "only", "throughput,growth,first-work,slow", "which measurements")
	flag.BoolVar(&o.postgres, "postgres", true, "measure the receiver on PostgreSQL, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}
