//go:build linux

// Command fleet runs several receivers on one PostgreSQL behind one address, as a load
// balancer would, so that they can be certified as one:
//
//	go run ./reference/fleet --replicas 3 -- hookcheck certify --config reference/fleet/hookcheck.yaml
//
// With a command after -- it starts a PostgreSQL, runs the command, and stops it again.
// When that command starts it in turn, without one, it is the receiver: each has a
// database of its own in that PostgreSQL, chosen by DATA_DIR. With arguments it is then
// the receiver's program on that database: fleet replay evt_0123456789.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/moncreneau/hookcheck/reference/internal/pgtest"
)

// What the program tells itself when the command starts it again.
const (
	serverVariable   = "FLEET_POSTGRES"
	replicasVariable = "FLEET_REPLICAS"
	receiverVariable = "FLEET_RECEIVER"
)

func main() {
	replicas := flag.Int("replicas", 3, "how many receivers")
	receiver := flag.String("receiver", "bin/receiver", "the receiver's program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch inside := os.Getenv(serverVariable) != ""; {
	case inside && flag.NArg() > 0:
		err = runReceiver(ctx, flag.Args())
	case inside:
		err = serve(ctx)
	case flag.NArg() > 0:
		err = withPostgres(ctx, *replicas, *receiver, flag.Args())
	default:
		err = errors.New("expected a command after --")
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintf(os.Stderr, "fleet: %v\n", err)
		os.Exit(1)
	}
}

func withPostgres(ctx context.Context, replicas int, receiver string, command []string) error {
	receiver, err := filepath.Abs(receiver) // it is started from another folder
	if err != nil {
		return err
	}
	database, err := pgtest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = database.Stop() }()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) // #nosec G204 -- what the person at the keyboard asks for
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), serverVariable+"="+database.URL, replicasVariable+"="+strconv.Itoa(replicas), receiverVariable+"="+receiver)
	return cmd.Run()
}
