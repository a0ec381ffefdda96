// Command receiver is a small correct webhook receiver that can be told to have
// one defect. It exists to be caught: see the package above it.
//
// It shares no code with the reference receiver. Of hookcheck it uses the
// contract's validator only; the receivers under testdata/receivers check the
// contract on their own.
//
// Its environment is that of the other receivers, and MUTANT, the name of the
// defect. "receiver replay EVENT_ID" has a dead letter processed again.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/moncreneau/hookcheck/conformance/mutants"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run() error {
	s, err := settingsFromEnvironment()
	if err != nil {
		return err
	}
	if s.mutant != "" && !mutants.Known(s.mutant) {
		return fmt.Errorf("MUTANT: there is no mutant %q", s.mutant)
	}
	socket := filepath.Join(s.dataDir, "replay.sock")
	if len(os.Args) == 3 && os.Args[1] == "replay" {
		return requestReplay(socket, os.Args[2])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx, s, socket)
}

func serve(ctx context.Context, s settings, socket string) error {
	log := newLogger(s, os.Stdout)
	store, unfinished, err := openStore(filepath.Join(s.dataDir, "journal.ndjson"))
	if err != nil {
		return err
	}
	defer store.close()
	if s.mutant == "memory-only-dedupe" {
		store.forgetFinished()
	}
	if s.mutant == "prints-a-banner" {
		fmt.Println("*** receiver 1.0 ***")
	}
	r := newReceiver(s, store, log)
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	r.worker.resume(working, unfinished)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: r.routes(working), ReadHeaderTimeout: 30 * time.Second, ReadTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ConnContext: rememberHead,
	}
	if connections, ok := limitedConnections[s.mutant]; ok {
		listener = netutil.LimitListener(listener, connections)
		server.SetKeepAlivesEnabled(false)
	}
	replays, err := serveReplays(ctx, socket, func(id string) bool { return r.worker.replay(working, id) })
	if err != nil {
		return err
	}
	defer replays()
	failed := make(chan error, 1)
	go func() { failed <- listenOn(server, headListener{listener}, s) }()
	log.Info("Listening", "address", listener.Addr().String())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if s.mutant == "ignores-sigterm" {
		return <-failed
	}
	if s.mutant == "lost-on-sigterm" {
		store.discard()
		return nil
	}
	log.Info("Stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	stopWorking()
	r.worker.wait()
	return nil
}

// limitedConnections are the mutants that serve so many connections at a time.
var limitedConnections = map[string]int{"serves-one-at-a-time": 1, "serves-sixteen-at-a-time": 16}
