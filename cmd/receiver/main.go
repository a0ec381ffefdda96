// Command receiver receives moncreneau's webhooks.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	// The image is made from scratch: it brings the certificates of the web with it.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/moncreneau/hookcheck/reference"
)

func main() {
	// What a delivery takes is soon garbage, and little else is kept: to collect it a
	// few times less often costs some megabytes.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	// A thread that waits for the disk keeps its share of Go's scheduler for a moment, and
	// what could run waits with it. So there are more shares than processors; not where a
	// quota bounds the processor time, which would be used up too soon.
	if processors := runtime.NumCPU(); runtime.GOMAXPROCS(0) == processors {
		runtime.GOMAXPROCS(2 * processors)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "receiver: %v\n", err)
		var usage usageError
		if errors.As(err, &usage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// usageError is a command line or a configuration that is wrong: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func takes(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return usageError{err}
		}
		return nil
	}
}

func newCommand() *cobra.Command {
	serve := newServeCommand()
	root := &cobra.Command{
		Use:   "receiver",
		Short: "Receive moncreneau's webhooks",
		Long: `Receives moncreneau's webhooks: verifies, keeps and acknowledges each delivery, and
processes each event once. Without a command it serves. It is configured by environment
variables; reference/README.md lists them.`,
		Example: `  MONCRENEAU_WEBHOOK_SECRET_FILE=/run/secrets/webhook receiver
  receiver dead-letters
  receiver replay evt_0123456789
  receiver purge --older-than 2160h`,
		Args:          takes(cobra.NoArgs),
		RunE:          serve.RunE,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serve, newDeadLettersCommand(), newReplayCommand(), newPurgeCommand())
	return root
}

func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Receive webhooks until SIGTERM or Ctrl-C",
		Args:  takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := reference.ConfigFromEnv(os.LookupEnv)
			if err != nil {
				return usageError{err}
			}
			out := reference.NewLogWriter(os.Stdout)
			defer out.Close()
			return reference.Serve(cmd.Context(), config, reference.NewLog(out))
		},
	}
}
