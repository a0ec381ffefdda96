// Command hookcheck certifies endpoints that receive moncreneau webhooks, and
// simulates moncreneau for those who build them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/moncreneau/hookcheck/conformance/report"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd, err := newRootCommand().ExecuteContextC(ctx)
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "hookcheck: "+report.Visible(err.Error()))
	}
	if isUsage(err) {
		fmt.Fprintf(os.Stderr, "See %s --help.\n", cmd.CommandPath())
	}
	return exitCode(err)
}
