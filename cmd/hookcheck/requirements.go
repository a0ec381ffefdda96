package main

import (
	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/conformance"
	"github.com/moncreneau/hookcheck/conformance/catalogue"
)

func newRequirementsCommand() *cobra.Command {
	var format string
	var only, skip []string
	cmd := &cobra.Command{
		Use:   "requirements",
		Short: "List what a receiver is certified against",
		Example: `  hookcheck requirements
  hookcheck requirements --only idempotency
  hookcheck requirements --format markdown > requirements.md
  hookcheck requirements --format json | jq -r '.[] | select(.level == "MUST") | .id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			selected, err := conformance.Select(only, skip)
			if err != nil {
				return exitWith(exitUsage, err)
			}
			out := cmd.OutOrStdout()
			switch format {
			case "markdown":
				return catalogue.WriteMarkdown(out, selected)
			case "json":
				return writeJSON(out, catalogue.Listing(selected))
			}
			return catalogue.WriteText(out, selected)
		},
	}
	formatFlag(cmd, &format, "text, json or markdown", "text", "json", "markdown")
	cmd.Flags().StringSliceVar(&only, "only", nil, "these requirements or items only")
	cmd.Flags().StringSliceVar(&skip, "skip", nil, "all but these requirements or items")
	completeRequirements(cmd, "only", "skip")
	return cmd
}

// completeRequirements lets the shell complete ids and items.
func completeRequirements(cmd *cobra.Command, flags ...string) {
	names := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, item := range catalogue.Items() {
			out = append(out, string(item))
		}
		for _, r := range catalogue.All() {
			out = append(out, cobra.CompletionWithDesc(r.ID, r.Title))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, names) // fails only for a flag that does not exist
	}
}
