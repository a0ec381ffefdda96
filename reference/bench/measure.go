package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

func run(ctx context.Context, o options) error {
	for _, m := range []struct {
		name    string
		measure func(context.Context, options) error
	}{
		{"throughput", throughput}, {"growth", growth}, {"first-work", firstWork}, {"slow", slowConnections},
	} {
		if !strings.Contains(o.only, m.name) {
			continue
		}
		fmt.Printf("\n%s\n", m.name)
		if err := m.measure(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// server is a way to start something to measure, and to clean up after it.
type server struct {
	name  string
	start func(context.Context) (*drive.Process, func(), error)
}

func (o options) bare() server {
	return server{"bare net/http handler", func(ctx context.Context) (*drive.Process, func(), error) {
		self, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		p, err := drive.Start(ctx, "", nil, self, bareCommand)
		return p, func() {}, err
	}}
}

func (o options) withSQLite() server {
	return server{"receiver, SQLite", func(ctx context.Context) (*drive.Process, func(), error) {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return nil, nil, err
		}
		p, err := o.startIn(ctx, dir)
		return p, func() { _ = os.RemoveAll(dir) }, err
	}}
}

// startIn starts the receiver with a directory that may hold something already.
func (o options) startIn(ctx context.Context, dir string, env ...string) (*drive.Process, error) {
	env = append([]string{"MONCRENEAU_WEBHOOK_SECRET=" + drive.Secret, "DATA_DIR=" + dir, "RATE_LIMIT=none"}, env...)
	return drive.Start(ctx, "", env, o.receiver)
}

// throughput takes turns, so that what else the machine does hits all alike.
func throughput(ctx context.Context, o options) error {
	servers := []server{o.bare(), o.withSQLite()}
	if o.postgres {
		servers = append(servers, o.withPostgres())
	}
	if o.express != "" {
		servers = append(servers, o.expressServers()...)
	}
	rounds := make([][]figures, len(servers))
	for round := range o.rounds {
		for i, s := range servers {
			f, err := once(ctx, o, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Printf("  round %d  %-22s %v\n", round+1, s.name, f)
			rounds[i] = append(rounds[i], f)
		}
	}
	for i, s := range servers {
		fmt.Printf("  median   %-22s %v of the bare handler\n", s.name, compared(rounds[i], rounds[0]))
	}
	return nil
}

// compared is the median rate of one server, and that of its share of another's in the
// same round: the speed of a machine that others use as well drifts from round to round.
func compared(one, other []figures) string {
	var rates, shares []float64
	for n := range one {
		rates = append(rates, one[n].perSecond)
		shares = append(shares, one[n].perSecond/other[n].perSecond)
	}
	slices.Sort(rates)
	slices.Sort(shares)
	return fmt.Sprintf("%8.0f/s  %.3f", rates[len(rates)/2], shares[len(shares)/2])
}

func once(ctx context.Context, o options, s server) (figures, error) {
	p, clean, err := s.start(ctx)
	if err != nil {
		return figures{}, err
	}
	defer clean()
	f, err := load{p.Address, o.connections, o.duration}.run(ctx)
	f.cpu = p.Stop()
	return f, err
}
