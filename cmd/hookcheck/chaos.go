package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func newChaosCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Rehearse moncreneau's worst week, the same way every time",
		Long: `A scenario says what is sent, what is wrong with it, and what should come of it. With the same seed
it is the same to the byte: what failed once can be run again.`,
		Example: `  hookcheck chaos list
  hookcheck chaos describe poison | less
  hookcheck chaos run poison --to http://127.0.0.1:8080/webhooks/moncreneau --effects 127.0.0.1:9000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newChaosListCommand(), newChaosDescribeCommand(), newChaosRunCommand(),
		newChaosEffectsCommand(), newChaosMergeCommand())
	return cmd
}

func newChaosListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the scenarios that come with hookcheck",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range chaos.Shipped() {
				s, err := chaos.ShippedScenario(name)
				if err != nil {
					return err
				}
				cmd.Printf("%-20s  %s\n", name, s.About)
			}
			return nil
		},
	}
}

func newChaosDescribeCommand() *cobra.Command {
	var plan planFlags
	var format string
	cmd := &cobra.Command{
		Use:   "describe NAME|FILE",
		Short: "Print what a scenario would send, without sending it",
		Long: `Prints every planned attempt: its number, planned time, phase, event type, event id, delivery id, which
attempt of its event it is, what a correct receiver does with it, and its faults.

  --format text   a line for each attempt
  --format plan   the plan itself, bodies included, as lines of JSON; chaos run --plan sends it. It holds no secret
  --format yaml   the scenario, to start your own from`,
		Example: `  hookcheck chaos describe poison --seed 7
  hookcheck chaos describe poison --format yaml > mine.yaml
  hookcheck chaos describe mine.yaml --format plan > plan.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, text, err := plan.load(args[0])
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			switch format {
			case "text":
				for step := range p.Steps() {
					if _, err := fmt.Fprintln(out, step); err != nil {
						return exitWith(exitNoResult, err)
					}
				}
			case "plan":
				if err := chaos.WritePlan(out, p); err != nil {
					return exitWith(exitNoResult, err)
				}
			case "yaml":
				_, _ = out.Write(text) // an error stays for Flush
			default:
				return fmt.Errorf("--format: expected text, plan or yaml, got %q", format)
			}
			if err := out.Flush(); err != nil {
				return exitWith(exitNoResult, err)
			}
			return nil
		},
	}
	plan.register(cmd, 1, "decides everything that the scenario leaves to chance")
	cmd.Flags().StringVar(&format, "format", "text", "text, plan or yaml")
	return cmd
}

// planFlags say which plan a scenario becomes.
type planFlags struct {
	seed  uint64 // 0 is drawn
	shard string
}

func (f *planFlags) register(cmd *cobra.Command, seed uint64, usage string) {
	cmd.Flags().Uint64Var(&f.seed, "seed", seed, usage)
	cmd.Flags().StringVar(&f.shard, "shard", "", "only this part of the plan, as in 3/8; the parts are disjoint. In a Kubernetes\n"+
		"Indexed Job, job/8 is the pod's own of eight")
}

// jobIndex is where a Kubernetes Indexed Job tells a pod its index, from 0.
const jobIndex = "JOB_COMPLETION_INDEX"

// parseShard reads "3/8", or "job/8".
func parseShard(text string) (chaos.Shard, error) {
	if of, inJob := strings.CutPrefix(text, "job/"); inJob {
		index, err := strconv.Atoi(os.Getenv(jobIndex))
		if err != nil {
			return chaos.Shard{}, fmt.Errorf("shard %q: the variable %s holds no number: is this an Indexed Job?", text, jobIndex)
		}
		text = fmt.Sprintf("%d/%s", index+1, of)
	}
	return chaos.ParseShard(text)
}

// load reads the scenario, a shipped one's name or a file, and makes the plan.
func (f *planFlags) load(nameOrFile string) (p chaos.Plan, text []byte, err error) {
	if p.Shard, err = parseShard(f.shard); err != nil {
		return p, nil, fmt.Errorf("--%w", err)
	}
	if p.Seed = f.seed; p.Seed == 0 {
		if p.Shard.Of > 0 {
			return p, nil, errors.New("--shard: all shards need the same --seed")
		}
		p.Seed = drawSeed()
	}
	file := nameOrFile
	if strings.ContainsAny(nameOrFile, `./\`) {
		text, err = os.ReadFile(nameOrFile) //nolint:gosec // the file that the user named
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("scenario file %s is not there; hookcheck chaos list shows those that need no file", nameOrFile)
		}
	} else {
		file += ".yaml"
		text, err = chaos.ShippedText(nameOrFile)
	}
	if err != nil {
		return p, nil, err
	}
	p.Scenario, err = chaos.Parse(file, text)
	return p, text, err
}

// drawSeed is a seed that is short enough to be typed again. It is drawn because
// a receiver knows the events of a seed that it has seen, and acts on none.
func drawSeed() uint64 { return 1 + rand.Uint64N(999_999) } //nolint:gosec // not secret
