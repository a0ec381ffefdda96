// Command soak kills receivers, and their database, at random moments under load, and
// counts what became of every event:
//
//	go run ./reference/soak --receiver bin/receiver --kills 50
//	go run ./reference/soak --receiver bin/receiver --kills 500 --engine postgres --replicas 3
//
// It exits with 1 if an acknowledged event was lost, or processed twice by the
// store's account.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"time"
)

type options struct {
	receiver string
	engine   string
	replicas int
	kills    int
	senders  int
	seed     uint64
	pause    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.receiver, "receiver", "bin/receiver", "the receiver's program")
	flag.StringVar(&o.engine, "engine", "sqlite", "sqlite or postgres")
	flag.IntVar(&o.replicas, "replicas", 3, "receivers on PostgreSQL; on SQLite there is one")
	flag.IntVar(&o.kills, "kills", 50, "how many kills")
	flag.IntVar(&o.senders, "senders", 8, "events that are under way at the same time")
	flag.Uint64Var(&o.seed, "seed", 1, "of the moments and the victims")
	flag.DurationVar(&o.pause, "pause", 300*time.Millisecond, "the longest time between two kills")
	flag.Parse()
	if o.engine == "sqlite" {
		o.replicas = 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (ok bool, err error) {
	effects := newEffects()
	defer effects.server.Close()
	fleet, err := newFleet(ctx, o, effects.server.URL)
	if err != nil {
		return false, err
	}
	defer fleet.stop()

	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	senders := make([]sender, o.senders)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() { senders[i].run(sending, fleet, fmt.Sprintf("evt_soak_%d_%d_", os.Getpid(), i)) })
	}
	killed := map[string]int{}
	random := rand.New(rand.NewPCG(o.seed, 0)) // #nosec G404 -- it has to be repeatable
	for n := range o.kills {
		select {
		case <-time.After(time.Duration(random.Int64N(int64(o.pause)))):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		victim, err := fleet.kill(ctx, random)
		if err != nil {
			return false, err
		}
		killed[victim]++
		if (n+1)%10 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d kills, %d events processed\n", n+1, o.kills, effects.distinct())
		}
	}
	stopSending()
	wg.Wait()
	var acknowledged []string
	for _, s := range senders {
		acknowledged = append(acknowledged, s.acknowledged...)
	}
	return report(ctx, o, fleet, effects, killed, acknowledged)
}

func report(ctx context.Context, o options, fleet *fleet, effects *effects, killed map[string]int, acknowledged []string) (bool, error) {
	lost, waited := effects.await(ctx, acknowledged, 3*time.Minute)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err := fleet.drain(ctx); err != nil {
		return false, err
	}
	account, err := fleet.account(ctx)
	if err != nil {
		return false, err
	}
	fmt.Printf("engine                                %s, %d replica(s)\n", o.engine, o.replicas)
	fmt.Printf("kills                                 %d %v, seed %d\n", o.kills, killed, o.seed)
	fmt.Printf("acknowledged                          %d\n", len(acknowledged))
	fmt.Printf("processed by the store's account      %d\n", account.processed)
	fmt.Printf("lost                                  %d\n", lost)
	fmt.Printf("processed twice, store's account      %d\n", account.twice)
	fmt.Printf("still queued, dead                    %d, %d\n", account.queued, account.dead)
	fmt.Printf("effects repeated with the same key    %d\n", effects.repeated())
	fmt.Printf("last effect after the last kill       %s\n", waited.Round(10*time.Millisecond))
	return lost == 0 && account.twice == 0 && account.queued == 0 && account.dead == 0 && len(acknowledged) > 0, nil
}
