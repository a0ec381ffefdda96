// Package standin is a moncreneau of your own: its HTTP API, the webhooks it
// sends, and a dashboard that shows them, in one process without an account, a
// tunnel or a database server.
//
//	moncreneau's API   /api/v1/…        package api
//	verbs of our own   /_hookcheck/…    package control
//	dashboard          /                package dashboard
//
// A change of an appointment (package booking) is kept together with its event
// and the deliveries of it (package store); package delivery sends those to the
// registered webhooks (package endpoint) until they are acknowledged.
package standin

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/errgroup"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/standin/api"
	"github.com/moncreneau/hookcheck/simulator/standin/booking"
	"github.com/moncreneau/hookcheck/simulator/standin/control"
	"github.com/moncreneau/hookcheck/simulator/standin/dashboard"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/feed"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// DefaultCredits is what a new account can pay for.
const DefaultCredits = 1000

// Options is how the stand-in behaves. The zero value is moncreneau as its
// documentation describes it, with its state in memory.
type Options struct {
	// Data is the directory in which the state survives a restart; empty keeps it in memory.
	Data string
	// Clock is the time; nil means the real one.
	Clock clockwork.Clock
	// Credits is what a new account can pay for; zero means DefaultCredits.
	Credits int
	// RateLimit is what an API key may do; the zero value is 1000 requests an hour.
	RateLimit api.RateLimit
	// AllowHosts are hosts besides this machine that deliveries may go to.
	AllowHosts []string
	// ServerNames are names besides localhost and IP addresses under which the
	// stand-in may be called.
	ServerNames []string
	// Schedule, Jitter, Timeout, Concurrency, SwitchOff and Dialect are as in delivery.Options.
	Schedule    delivery.Schedule
	Jitter      float64
	Timeout     time.Duration
	Concurrency int
	SwitchOff   time.Duration
	Dialect     delivery.Dialect
	// Version is shown in the dashboard.
	Version string
	// Log gets what happens, never a secret; nil means nothing.
	Log *slog.Logger
}

// Server is the stand-in.
type Server struct {
	// Endpoints registers webhooks without going through the API.
	Endpoints *endpoint.Service

	store   *store.Store
	engine  *delivery.Engine
	handler http.Handler
	log     *slog.Logger
}

// New opens the state and puts the parts together. The Server must be closed.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Credits == 0 {
		o.Credits = DefaultCredits
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dialect == "" {
		o.Dialect = delivery.Docs
	}
	state, err := store.Open(ctx, o.Data, o.Credits)
	if err != nil {
		return nil, err
	}
	policy := endpoint.Policy{AllowHosts: o.AllowHosts}
	engine := delivery.New(delivery.Options{
		Store: state, Policy: policy, Clock: o.Clock, Schedule: o.Schedule, Jitter: o.Jitter, Timeout: o.Timeout,
		Concurrency: o.Concurrency, SwitchOff: o.SwitchOff, Dialect: o.Dialect, Log: o.Log,
	})
	hub := &feed.Hub{}
	state.OnCommit(hub.Publish)
	endpoints := &endpoint.Service{Store: state, Clock: o.Clock, Policy: policy}
	bookings := &booking.Service{Store: state, Clock: o.Clock}
	testEvent := newTestEvents()
	failures := &api.Failures{}

	mux := http.NewServeMux()
	mux.Handle("/", api.New(api.Options{
		Clock: o.Clock, Store: state, Bookings: bookings, Endpoints: endpoints, Engine: engine, Dialect: o.Dialect,
		TestEvent: testEvent, RateLimit: o.RateLimit, Failures: failures, Log: o.Log,
	}))
	mux.Handle(control.Prefix+"/", control.New(control.Options{
		Clock: o.Clock, Store: state, Bookings: bookings, Endpoints: endpoints, Engine: engine, Feed: hub, Failures: failures,
		TestEvent: testEvent, Credits: o.Credits, Version: o.Version, Log: o.Log,
	}))
	mux.Handle("GET "+control.Prefix+"/openapi.yaml", api.Document())
	mux.Handle("GET /{$}", dashboard.Page())
	mux.Handle("GET "+dashboard.AssetPrefix, dashboard.Assets())
	return &Server{Endpoints: endpoints, store: state, engine: engine, handler: guard(mux, o.ServerNames), log: o.Log}, nil
}

// Handler is the HTTP side of the stand-in. Deliveries go out while Run runs.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the use of the state. Run must have returned.
func (s *Server) Close() error { return s.store.Close() }

// Run serves on l and delivers until ctx is done.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// Requests end with ctx: a live stream would otherwise never do.
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	group.Go(func() error { return s.engine.Run(ctx) })
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("stand-in: serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// newTestEvents makes generated events. The seed is new at every start: event
// ids must not come back in a state that remembers the old ones.
func newTestEvents() func(eventType string) fixtures.Event {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails: see crypto/rand
	generator := fixtures.NewGenerator(binary.NativeEndian.Uint64(seed[:]))
	var mu sync.Mutex
	return func(eventType string) fixtures.Event {
		mu.Lock()
		defer mu.Unlock()
		return generator.Event(eventType)
	}
}
