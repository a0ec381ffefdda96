package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// worker processes events: one call downstream for each, with retries.
type worker struct {
	settings
	store   *store
	metrics *metrics
	log     *slog.Logger
	client  *http.Client
	running sync.WaitGroup
	inLine  sync.Mutex // for the mutant that works in strict order
}

func newWorker(s settings, store *store, m *metrics, log *slog.Logger) *worker {
	return &worker{
		settings: s, store: store, metrics: m, log: log,
		client: &http.Client{
			Timeout: s.downstreamTimeout,
			// On a kept connection that breaks, net/http repeats a request with an
			// Idempotency-Key by itself: an attempt that nobody has counted.
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// resume takes up what was not done when the receiver last ended.
func (w *worker) resume(ctx context.Context, unfinished []event) {
	for _, ev := range unfinished {
		if w.mutant == "retries-lost-on-restart" && ev.Attempts > 0 {
			continue
		}
		w.start(ctx, ev)
	}
}

// start processes ev in the background until it is done or given up, or until
// ctx ends: then it stays in the journal. The channel is closed after the first attempt.
func (w *worker) start(ctx context.Context, ev event) (tried <-chan struct{}) {
	first := make(chan struct{})
	w.running.Go(func() {
		if w.mutant == "poison-blocks-queue" {
			w.inLine.Lock()
			defer w.inLine.Unlock()
		}
		again := w.awaitDue(ctx, ev) && !w.try(ctx, &ev)
		close(first)
		for again {
			again = w.awaitDue(ctx, ev) && !w.try(ctx, &ev)
		}
	})
	return first
}

// wait waits for the attempts that are running.
func (w *worker) wait() { w.running.Wait() }

func (w *worker) awaitDue(ctx context.Context, ev event) bool {
	timer := time.NewTimer(time.Until(ev.Due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// try makes one attempt, and reports whether it was the last.
func (w *worker) try(ctx context.Context, ev *event) bool {
	if w.mutant == "done-before-processing" {
		w.record(*ev, done)
	}
	started := time.Now()
	err := w.callDownstream(context.WithoutCancel(ctx), *ev)
	if w.mutant == "repeats-effect-after-retry" && err == nil && ev.Attempts > 0 {
		_ = w.callDownstream(context.WithoutCancel(ctx), *ev)
	}
	w.metrics.took(time.Since(started))
	ev.Attempts++
	switch {
	case err == nil || w.overlooks(err):
		w.record(*ev, done)
		w.metrics.processed()
		w.log.Info("Webhook processed", "event", *ev, "attempt", ev.Attempts)
		w.overdo(ctx, *ev)
		return true
	case ev.Attempts >= w.attempts && w.mutant != "unbounded-retries" || w.mutant == "no-retry":
		w.record(*ev, dead)
		if w.mutant != "silent-dead-letter" {
			w.metrics.failed()
			w.log.Error("Webhook moved to the dead letters", "event", *ev, "attempt", ev.Attempts, "error", err.Error())
		}
		return true
	case w.mutant == "drops-what-fails-while-stopping" && ctx.Err() != nil:
		w.record(*ev, done)
		return true
	default:
		ev.Due = time.Now().Add(w.waitAfter(ev.Attempts))
		w.record(*ev, waiting)
		w.log.Warn("Webhook processing failed", "event", *ev, "attempt", ev.Attempts, "error", err.Error())
		if w.mutant == "forgets-id-while-retrying" {
			w.store.forget(ev.Key)
		}
		return false
	}
}

// overdo is what some mutants do after an event has been processed.
func (w *worker) overdo(ctx context.Context, ev event) {
	switch {
	case w.mutant == "forgets-processed-ids":
		w.store.forget(ev.Key)
	case w.mutant == "logs-processed-twice":
		w.log.Info("Webhook processed", "event", ev)
	case w.mutant == "does-not-call-off-retries" && ev.Attempts > 1 && ev.Attempts < w.attempts,
		w.mutant == "works-on-after-the-last-attempt" && ev.Attempts == w.attempts:
		time.AfterFunc(w.waitAfter(ev.Attempts), func() { _ = w.callDownstream(context.WithoutCancel(ctx), ev) })
	}
}

// overlooks reports whether a mutant takes a failure for a success.
func (w *worker) overlooks(err error) bool {
	var failure *url.Error
	switch w.mutant {
	case "timeout-not-a-failure":
		return errors.As(err, &failure) && failure.Timeout()
	case "reset-not-a-failure":
		return errors.Is(err, syscall.ECONNRESET)
	}
	return false
}

// waitAfter is the time before the next attempt, after so many.
func (w *worker) waitAfter(attempts int) time.Duration {
	switch w.mutant {
	case "constant-backoff":
		return w.backoff
	case "retries-at-once":
		return 0
	}
	return w.backoff << (attempts - 1)
}

func (w *worker) record(ev event, to state) {
	if err := w.store.set(to, ev); err != nil {
		w.log.Error("Journal cannot be written", "event", ev, "error", err.Error())
	}
}

// callDownstream has the effect. Only a 2xx is success.
func (w *worker) callDownstream(ctx context.Context, ev event) error {
	if w.downstreamURL == "" {
		return nil
	}
	body, err := json.Marshal(map[string]any{"eventId": ev.ID, "eventType": ev.Type, "data": ev.Data})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.downstreamURL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", url.QueryEscape(ev.ID)) // an id can hold what a header cannot
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("downstream answered %s", res.Status)
	}
	return nil
}

// replay has a dead event processed again, as a new one.
func (w *worker) replay(ctx context.Context, id string) bool {
	ev, was, err := w.store.revive(id)
	if err != nil || !was {
		return false
	}
	if w.mutant != "replay-does-nothing" {
		w.start(ctx, ev)
	}
	return true
}
