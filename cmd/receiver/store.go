package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/reference"
)

// withStore opens the store that the environment names. It needs no secret.
func withStore(cmd *cobra.Command, do func(reference.Store) error) (err error) {
	config, err := reference.StoreConfigFromEnv(os.LookupEnv)
	if err != nil {
		return usageError{err}
	}
	store, err := reference.OpenStore(cmd.Context(), config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(store)
}

func newDeadLettersCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dead-letters",
		Short: "List the events whose last attempt failed, and why",
		Args:  takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, func(store reference.Store) error {
				letters, err := store.DeadLetters(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					if letters == nil {
						letters = []reference.DeadLetter{} // an empty array, not null
					}
					return json.NewEncoder(cmd.OutOrStdout()).Encode(letters)
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				_, _ = fmt.Fprintln(table, "EVENT\tTYPE\tATTEMPTS\tFAILED\tREASON")
				for _, l := range letters {
					_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n",
						l.EventID, l.EventType, l.Attempts, l.Failed.UTC().Format(time.RFC3339), l.Reason)
				}
				return table.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func newReplayCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "replay [EVENT-ID]",
		Short: "Have dead letters processed again by the receiver that serves",
		Example: `  receiver replay evt_0123456789
  receiver replay --all`,
		Args: takes(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usageError{errors.New("replay: expected an event id or --all")}
			}
			return withStore(cmd, func(store reference.Store) error {
				var eventID string
				if !all {
					eventID = args[0]
				}
				n, err := store.Replay(cmd.Context(), eventID)
				if err != nil {
					return fmt.Errorf("replay %s: %w", eventID, err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d to be processed again\n", n)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all dead letters")
	return cmd
}

func newPurgeCommand() *cobra.Command {
	var olderThan time.Duration
	cmd := &cobra.Command{
		Use:   "purge --older-than DURATION",
		Short: "Forget the ids and dead letters of events that were done with long ago",
		Long: `Forgets the ids and dead letters of events that were done with before then. A duplicate
that comes after its id was forgotten is processed as a new event, so keep more than
the time in which moncreneau may send one.`,
		Example: `  receiver purge --older-than 2160h`,
		Args:    takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if olderThan <= 0 {
				return usageError{errors.New("purge: expected --older-than with a duration such as 2160h")}
			}
			return withStore(cmd, func(store reference.Store) error {
				n, err := store.Purge(cmd.Context(), time.Now().Add(-olderThan))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d forgotten\n", n)
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&olderThan, "older-than", 0, "how long ago at least, such as 2160h for 90 days")
	return cmd
}
