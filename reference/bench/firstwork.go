package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// firstWork measures how long after the acknowledgement the handler's first call
// arrives downstream, at 200 events a second.
func firstWork(ctx context.Context, o options) error {
	const perSecond = 200
	var mu sync.Mutex
	worked := map[string]time.Time{}
	downstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		worked[r.Header.Get("Idempotency-Key")] = now
	}))
	defer downstream.Close()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := o.startIn(ctx, dir, "DOWNSTREAM_URL="+downstream.URL)
	if err != nil {
		return err
	}
	defer p.Stop()
	acknowledged, err := paced(ctx, p.Address, perSecond, o.duration)
	if err != nil {
		return err
	}
	for { // the last ones
		mu.Lock()
		n := len(worked)
		mu.Unlock()
		if n >= len(acknowledged) || ctx.Err() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	waits := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	for id, at := range acknowledged {
		_ = waits.RecordValue(max(1, worked[id].Sub(at).Microseconds())) // work may begin before the answer has arrived
	}
	fmt.Printf("  %d events at %d a second: first work after the acknowledgement p50 %dµs, p99 %dµs\n",
		len(acknowledged), perSecond, waits.ValueAtQuantile(50), waits.ValueAtQuantile(99))
	return nil
}

// paced delivers at an even rate and returns when each was acknowledged.
func paced(ctx context.Context, address string, perSecond int, duration time.Duration) (map[string]time.Time, error) {
	client, err := drive.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	acknowledged := map[string]time.Time{}
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	for end := time.Now().Add(duration); time.Now().Before(end) && ctx.Err() == nil; {
		<-ticker.C
		id := "evt_paced_" + strconv.FormatInt(nextID.Add(1), 36)
		if status, err := client.Deliver(id); err != nil || status != 200 {
			return nil, fmt.Errorf("answered %d: %w", status, err)
		}
		acknowledged[id] = time.Now()
	}
	return acknowledged, nil
}
