package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// growth measures the same load against stores that hold more and more ids, in turns.
func growth(ctx context.Context, o options) error {
	type store struct {
		ids    int
		dir    string
		rounds []figures
	}
	var stores []*store
	for _, text := range strings.Split(o.stored, ",") {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("--stored: expected numbers such as 1e4,1e6: %w", err)
		}
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		stores = append(stores, &store{ids: int(n), dir: dir})
		if err := o.fill(ctx, dir, int(n)); err != nil {
			return err
		}
	}
	for round := range o.rounds {
		for _, s := range stores {
			began := time.Now()
			p, err := o.startIn(ctx, s.dir)
			if err != nil {
				return err
			}
			ready := time.Since(began)
			f, err := load{p.Address, o.connections, o.duration}.run(ctx)
			f.cpu = p.Stop()
			if err != nil {
				return err
			}
			fmt.Printf("  round %d  %9d ids stored  %v  ready after %s\n", round+1, s.ids, f, ready.Round(10*time.Millisecond))
			s.rounds = append(s.rounds, f)
		}
	}
	for _, s := range stores {
		fmt.Printf("  median   %9d ids stored  %v of the first\n", s.ids, compared(s.rounds, stores[0].rounds))
	}
	return nil
}

// fill puts ids into a store that the receiver has made.
func (o options) fill(ctx context.Context, dir string, ids int) error {
	p, err := o.startIn(ctx, dir)
	if err != nil {
		return err
	}
	p.Stop()
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.Join(dir, "receiver.db"), RawQuery: "_pragma=synchronous(OFF)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO processed (seq, event_id, processed) SELECT i, 'evt_stored_' || hex(i * 2654435761), 0 FROM n`, ids)
	return err
}
