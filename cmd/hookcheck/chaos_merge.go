package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func newChaosMergeCommand() *cobra.Command {
	var report, format string
	cmd := &cobra.Command{
		Use:   "merge RECORD|DIR...",
		Short: "Judge the shards of a run together",
		Long: `Reads the records of all shards, as files or as the directories that chaos run --report wrote, and judges
them as one run. A shard that is missing means no verdict; one that is given twice, or is of another plan, is an error.`,
		Example: `  hookcheck chaos run rush-hour --to … --wire --shard 1/2 --report one
  hookcheck chaos run rush-hour --to … --wire --shard 2/2 --report two   # elsewhere, at the same time
  hookcheck chaos merge one two --report both`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			tally := chaos.NewTally()
			for _, path := range args {
				if err := addRecords(tally, path); err != nil {
					return err
				}
			}
			result := tally.Result()
			if err := chaos.WriteReport(report, result, ""); err != nil {
				return exitWith(exitNoResult, err)
			}
			if err := printResult(cmd, result, format); err != nil {
				return exitWith(exitNoResult, err)
			}
			if format == "text" {
				cmd.Printf("report   %s\n", filepath.Join(report, "report.html"))
			}
			return verdictExit(result)
		},
	}
	cmd.Flags().StringVar(&report, "report", "chaos-report", "directory for report.html and result.json")
	cmd.Flags().StringVar(&format, "format", "text", "what is printed at the end: text or json")
	return cmd
}

func addRecords(tally *chaos.Tally, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, recordName)
	}
	file, err := os.Open(path) //nolint:gosec // the file that the user named
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	defer func() { _ = file.Close() }()
	return chaos.ReadRecords(path, bufio.NewReader(file), tally.Add)
}
