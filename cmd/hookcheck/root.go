package main

import (
	"os"

	"github.com/spf13/cobra"
)

// version is set when a release is built (-ldflags "-X main.version=1.2.3").
var version = "dev"

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hookcheck",
		Short: "Certify endpoints that receive moncreneau webhooks",
		Long: `hookcheck turns moncreneau's guide to receiving webhooks into something that can be run:
it certifies your receiver, simulates moncreneau, and rehearses its worst week.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(os.Stdout) // cobra prints to standard error otherwise
	root.AddCommand(
		newCertifyCommand(),
		newRequirementsCommand(),
		newReplayCommand(),
		newFixturesCommand(),
		newSimulateCommand(),
		newEmitCommand(),
		newChaosCommand(),
	)
	helpOnUsage(root)
	return root
}
