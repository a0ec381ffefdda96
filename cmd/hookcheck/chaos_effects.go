package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func newChaosEffectsCommand() *cobra.Command {
	var plan planFlags
	var listen, eventID, report string
	cmd := &cobra.Command{
		Use:   "effects NAME|FILE",
		Short: "Watch a receiver's side effects while shards are sent from elsewhere",
		Long: `Listens for the side effects of a receiver that several shards are sent to, with the scenario's downstream
troubles, until it is interrupted; then writes their record, which chaos merge takes together with the shards'.`,
		Example: `  hookcheck chaos effects long-tail --seed 7 --listen 0.0.0.0:9000 --report effects
  hookcheck chaos merge shard-1 shard-2 effects`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, _, err := plan.load(args[0])
			if err != nil {
				return err
			}
			if p.Shard.Of > 0 {
				return errors.New("--shard: effects are watched for all shards")
			}
			sink, stop, err := serveEffects(cmd.Context(), listen, eventID)
			if err != nil {
				return err
			}
			defer stop()
			if err := os.MkdirAll(report, 0o750); err != nil {
				return fmt.Errorf("--report: %w", err)
			}
			file, err := os.Create(filepath.Join(report, recordName)) //nolint:gosec // the directory that the user named
			if err != nil {
				return fmt.Errorf("--report: %w", err)
			}
			out := bufio.NewWriter(file)
			endStatus := startStatusLine(cmd.ErrOrStderr(), func(elapsed time.Duration) string {
				return fmt.Sprintf("%s: %d calls; end with Ctrl-C", elapsed, len(sink.All()))
			})
			err = chaos.Watch(cmd.Context(), p, sink, nil, chaos.WriteRecords(out))
			endStatus()
			if err = errors.Join(err, out.Flush(), file.Close()); err != nil {
				return exitWith(exitNoResult, err)
			}
			cmd.Printf("record   %s\n", filepath.Join(report, recordName))
			return nil
		},
	}
	plan.register(cmd, 1, "the seed that the shards are sent with")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9000", "listen here, as HOST:PORT")
	cmd.Flags().StringVar(&eventID, "effects-event-id", "body:/eventId", "where a side effect names its event: body:/json/pointer or header:Name")
	cmd.Flags().StringVar(&report, "report", "chaos-effects", "directory for "+recordName)
	return cmd
}
