package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// shownProblems is how many problems of an expectation are printed; the report
// has more.
const shownProblems = 3

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("--format: expected text or json, got %q", format)
	}
	return nil
}

func printResult(cmd *cobra.Command, r chaos.Result, format string) error {
	if format == "json" {
		return r.WriteJSON(cmd.OutOrStdout())
	}
	c := r.Counts
	cmd.Printf("scenario %s, seed %d", r.Scenario, r.Seed)
	if len(r.Shards) > 1 || (len(r.Shards) == 1 && r.Shards[0] != "1/1") {
		cmd.Printf(", shard %s", strings.Join(r.Shards, " "))
	}
	cmd.Printf("\nreceiver %s\n", r.Target)
	cmd.Printf("sent     %d attempts (%d redelivered) of %d events in %s: %d genuine, %d broken or mis-signed\n",
		c.Attempts, c.Redelivered, c.Events, r.Duration.Duration().Round(10*1e6), c.Genuine, c.Broken)
	cmd.Printf("answers  %s\n", counted(r.Outcomes))
	if len(r.Faults) > 0 {
		cmd.Printf("faults   %s\n", counted(families(r.Faults)))
	}
	cmd.Printf("latency  %s\n", spread(r.Latency))
	cmd.Printf("lag      %s\n\n", spread(r.Lag))
	for _, x := range r.Expectations {
		pad := strings.Repeat(" ", max(0, len(chaos.NotObserved)-len(x.Status)))
		cmd.Printf("  %s%s  %-12s  %s (wanted: %s)\n", mark(x.Status), pad, x.Name, x.Got, x.Want)
		for i, p := range x.Problems {
			if i == shownProblems {
				cmd.Printf("      … %d more in the report\n", len(x.Problems)-i)
				break
			}
			cmd.Printf("      %s\n", strings.TrimSpace(p.EventID+" "+p.DeliveryID+" "+p.What))
		}
	}
	cmd.Printf("\nverdict  %s", mark(r.Verdict))
	if r.Reason != "" {
		cmd.Printf(" (%s)", r.Reason)
	}
	cmd.Println()
	return nil
}

func spread(p chaos.Percentiles) string {
	if p.Count == 0 {
		return "nothing was measured"
	}
	return fmt.Sprintf("p50 %.1f ms, p90 %.1f, p99 %.1f, p99.9 %.1f, max %.1f", p.P50, p.P90, p.P99, p.P999, p.Max)
}

// mark is a status in its colour, where there is a terminal to show it.
func mark(status string) string {
	paint := color.New(color.FgYellow)
	switch status {
	case chaos.Passed:
		paint = color.New(color.FgGreen)
	case chaos.Failed:
		paint = color.New(color.FgRed)
	}
	return paint.Sprint(status)
}

// families adds up the kinds of each fault: bad-signature/missing and all its
// sisters become bad-signature.
func families(faults map[string]int) map[string]int {
	sums := map[string]int{}
	for name, n := range faults {
		family, _, _ := strings.Cut(name, "/")
		sums[family] += n
	}
	return sums
}

func counted(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s: %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

// verdictExit turns a verdict, which has been printed, into an exit code.
func verdictExit(r chaos.Result) error {
	switch r.Verdict {
	case chaos.Passed:
		return nil
	case chaos.Failed:
		return exitWith(exitFailed, nil)
	}
	return exitWith(exitNoResult, nil)
}
