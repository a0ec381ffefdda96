package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/conformance"
	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/report"
)

// replayFlags are the command line of replay.
type replayFlags struct {
	config, url, format string
	secret              secretFlags
	finding             int
}

func newReplayCommand() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay REPORT REQUIREMENT [flags]",
		Short: "Repeat the exchange of one finding of a report",
		Long: `replay reads a report (report.json, or the folder that certify --report wrote), takes a
finding of the requirement, and sends its requests again: the same bytes and headers,
signed afresh the way they were signed then, rightly or wrongly. Requests that were
sent at the same time are sent one after the other.

They go to the URL of the report, or to --url. A receiver that hookcheck had started
itself is gone by now: --config starts it again, with the same secret.

Exit codes: 0 the answer is now one that the requirement accepts, 1 it is still not,
2 the command line or the report is wrong, 3 the receiver was not reached, or the finding is
not about an answer but about what came of it: then judge it again with certify --only.`,
		Example: `  # the first finding of SIG-18, against the receiver that was certified at its URL
  MONCRENEAU_WEBHOOK_SECRET=whsec_… hookcheck replay report SIG-18

  # the third one, against a receiver that hookcheck starts
  hookcheck replay report VAL-07 --finding 3 --config hookcheck.yaml`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.finding, "finding", 1, "which finding of the requirement, from 1")
	flags.StringVar(&f.url, "url", "", "send to this URL (default that of the report)")
	f.secret.register(cmd)
	flags.StringVarP(&f.config, "config", "c", "", "start the receiver that this hookcheck.yaml describes")
	formatFlag(cmd, &f.format, "what standard output gets: text or json", "text", "json")
	cmd.ValidArgsFunction = completeFindings
	cmd.MarkFlagsMutuallyExclusive("config", "url")
	cmd.MarkFlagsMutuallyExclusive("config", "secret")
	cmd.MarkFlagsMutuallyExclusive("config", "secret-file")
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, path, requirement string) error {
	if f.finding < 1 {
		return fmt.Errorf("--finding: expected 1 or more, not %d", f.finding)
	}
	r, dir, err := report.Read(path)
	if err != nil {
		return err
	}
	replay := conformance.Replay{Report: r, Dir: dir, Requirement: requirement, Finding: f.finding}
	if replay.Receiver, err = f.receiver(r, requirement); err != nil {
		return err
	}
	if f.config != "" {
		cmd.PrintErrln("starting the receiver")
	}
	repetition, err := replay.Run(cmd.Context())
	var usage *conformance.UsageError
	switch {
	case errors.As(err, &usage):
		return err
	case err != nil && f.config == "" && !strings.HasPrefix(r.Receiver.Target, "url "):
		return exitWith(exitNoResult, fmt.Errorf("%w\nhookcheck had started this receiver itself: start it again with --config, or name one that runs with --url", err))
	case err != nil:
		return exitWith(exitNoResult, err)
	}
	if f.format == "json" {
		err = writeJSON(cmd.OutOrStdout(), repetition)
	} else {
		err = writeRepetition(cmd.OutOrStdout(), repetition, r)
	}
	if err != nil {
		return exitWith(exitNoResult, err)
	}
	switch repetition.Outcome {
	case conformance.Met:
		return nil
	case conformance.Unmet:
		return exitWith(exitFailed, nil)
	}
	return exitWith(exitNoResult, nil)
}

// completeFindings lets the shell complete the report's path, then the ids of
// what failed in it.
func completeFindings(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return nil, cobra.ShellCompDirectiveDefault
	case 1:
		r, _, err := report.Read(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []string
		for _, requirement := range r.Requirements {
			if len(requirement.Findings) > 0 {
				ids = append(ids, cobra.CompletionWithDesc(requirement.ID, requirement.Title))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// receiver is what the command line says of it, or else the report.
func (f *replayFlags) receiver(r report.Report, requirement string) (config.Config, error) {
	if f.config != "" {
		return config.Load(f.config)
	}
	cfg := config.Default()
	cfg.Receiver.URL = f.url
	if judged, ok := r.Requirement(strings.ToUpper(requirement)); ok && f.url == "" && len(judged.Evidence) > 0 {
		cfg.Receiver.URL = judged.Evidence[0].Request.URL
	}
	var err error
	cfg.Secret, err = f.secret.read()
	return cfg, err
}

func writeRepetition(w io.Writer, r conformance.Repetition, in report.Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s (finding %d of %d)\n", r.Requirement, r.Title, r.Number, r.Of)
	write := func(label, text string) { fmt.Fprintf(&out, "  %-9s %s\n", label, text) }
	write("expected", report.Visible(r.Finding.Expected))
	for i := range r.Then {
		if len(r.Then) > 1 {
			write("request", fmt.Sprintf("%d of %d", i+1, len(r.Then)))
		}
		write("then", r.Then[i].Answer())
		write("now", r.Now[i].Answer())
	}
	switch r.Outcome {
	case conformance.Met:
		write("so", "met: the answer is now one that the requirement accepts")
	case conformance.Unmet:
		write("so", "not met: the answer is still none that the requirement accepts")
	default:
		write("so", "undecided: the finding is not about an answer, but about what came of it")
		write("judge it", in.JudgeAgain(r.Requirement))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
