package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// load sends events, each with an id of its own, over connections that are kept, each
// as fast as its answers come.
type load struct {
	address     string
	connections int
	duration    time.Duration
}

type figures struct {
	perSecond float64
	p50, p99  time.Duration
	count     int64
	cpu       time.Duration // that the server took, its start included
}

func (f figures) String() string {
	text := fmt.Sprintf("%8.0f/s  p50 %7s  p99 %7s", f.perSecond, f.p50.Round(10*time.Microsecond), f.p99.Round(10*time.Microsecond))
	if f.cpu > 0 {
		text += fmt.Sprintf("  %6s of processor each", (f.cpu / time.Duration(max(1, f.count))).Round(100*time.Nanosecond))
	}
	return text
}

// nextID makes ids that are new in every run against the same store.
var nextID atomic.Int64

func (l load) run(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	var (
		mu   sync.Mutex
		all  = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
		errs []error
		wg   sync.WaitGroup
	)
	start := time.Now()
	for range l.connections {
		wg.Go(func() {
			own, err := l.connection(ctx)
			mu.Lock()
			defer mu.Unlock()
			all.Merge(own)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	return figures{
		perSecond: float64(all.TotalCount()) / took.Seconds(),
		count:     all.TotalCount(),
		p50:       time.Duration(all.ValueAtQuantile(50)) * time.Microsecond,
		p99:       time.Duration(all.ValueAtQuantile(99)) * time.Microsecond,
	}, errors.Join(errs...)
}

func (l load) connection(ctx context.Context) (*hdrhistogram.Histogram, error) {
	latencies := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	c, err := drive.Dial(ctx, l.address)
	if err != nil {
		return latencies, err
	}
	defer c.Close()
	for ctx.Err() == nil {
		start := time.Now()
		status, err := c.Deliver("evt_bench_" + strconv.FormatInt(nextID.Add(1), 36))
		if err != nil {
			return latencies, err
		}
		if status != 200 {
			return latencies, fmt.Errorf("answered %d", status)
		}
		_ = latencies.RecordValue(time.Since(start).Microseconds())
	}
	return latencies, nil
}
