package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/moncreneau/hookcheck/fixtures"
)

func newFixturesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fixtures",
		Short: "Write events, broken events, test vectors, or the contract they come from",
		Long: `What is derived from the contract of moncreneau's webhook events, to standard output or to files.
The same seed always gives the same bytes.`,
		Example: `  hookcheck fixtures events --count 3 --type appointment.updated
  hookcheck fixtures vectors --out testdata/vectors
  hookcheck fixtures schema --out .`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newFixturesEventsCommand(),
		newFixturesBrokenCommand(),
		newFixturesVectorsCommand(),
		newFixturesSchemaCommand(),
		newFixturesContractCommand(),
	)
	return cmd
}

func newFixturesEventsCommand() *cobra.Command {
	var (
		out       fixtureOutput
		eventType string
		seed      uint64
		count     int
		lives     bool
	)
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Write valid events, one to a line",
		Example: `  hookcheck fixtures events --count 3
  hookcheck fixtures events --type appointment.cancelled --count 1 | jq .
  hookcheck fixtures events --lives --count 2          # appointments from beginning to end
  hookcheck fixtures events --count 100 --out events   # a file for each event, without a line feed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			types := fixtures.Default().EventTypes()
			switch {
			case count < 1:
				return fmt.Errorf("--count: expected at least 1, got %d", count)
			case lives && eventType != "":
				return errors.New("--type: not with --lives, whose events are of several types")
			case eventType != "" && !slices.Contains(types, eventType):
				return fmt.Errorf("--type: expected one of %s, got %q", strings.Join(types, ", "), eventType)
			case eventType != "":
				types = []string{eventType}
			}
			g := fixtures.NewGenerator(seed)
			next := func(i int) []fixtures.Event { return []fixtures.Event{g.Event(types[i%len(types)])} }
			if lives {
				next = func(int) []fixtures.Event { return g.Life() }
			}
			return out.write(cmd, func(put putFixture) error {
				for i := range count {
					for _, event := range next(i) {
						if err := put(event.ID+".json", event.Body); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
	}
	out.addFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&eventType, "type", "", "only events of this `type` (all types in turn unless given)")
	flags.Uint64Var(&seed, "seed", 1, "the same seed gives the same events")
	flags.IntVar(&count, "count", 5, "how many events, or with --lives how many appointments")
	flags.BoolVar(&lives, "lives", false, "whole lives of appointments: created, updated, validated, completed or cancelled")
	return cmd
}

// brokenRecord is a broken event as it is written to standard output.
type brokenRecord struct {
	Rule       fixtures.Rule `json:"rule"`
	EventType  string        `json:"eventType"`
	EventID    string        `json:"eventId"`
	Body       string        `json:"body"`
	BodyBase64 []byte        `json:"bodyBase64"`
}

func newFixturesBrokenCommand() *cobra.Command {
	var (
		out  fixtureOutput
		rule string
		seed uint64
	)
	cmd := &cobra.Command{
		Use:   "broken",
		Short: "Write one broken event for each rule of the contract",
		Long: `One event for each rule of the contract, which breaks that rule and no other.
Standard output gets a JSON object a line: the rule, and the body as text and in base64.
With --out each body is a file named by its rule. With --rule it is one body, as it goes on the wire.`,
		Example: `  hookcheck fixtures broken | jq -r '.rule | [.id, .level, .title] | @tsv'
  hookcheck fixtures broken --rule envelope.created.bad-format
  hookcheck fixtures broken --out broken`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := fixtures.Broken(seed)
			if rule != "" {
				all = slices.DeleteFunc(all, func(b fixtures.BrokenEvent) bool { return b.Rule.ID != rule })
				if len(all) == 0 {
					return fmt.Errorf("--rule: no rule %q; 'hookcheck fixtures broken' lists them", rule)
				}
			}
			return out.write(cmd, func(put putFixture) error {
				for _, broken := range all {
					content := broken.Body
					if rule == "" && out.dir == "" {
						var err error
						if content, err = oneLine(brokenRecord{broken.Rule, broken.Type, broken.ID, string(broken.Body), broken.Body}); err != nil {
							return err
						}
					}
					if err := put(broken.Rule.ID+".body", content); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	out.addFlag(cmd)
	cmd.Flags().StringVar(&rule, "rule", "", "only the event that breaks the rule with this `id`")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "the same seed gives the same events")
	return cmd
}

func newFixturesVectorsCommand() *cobra.Command {
	var out fixtureOutput
	cmd := &cobra.Command{
		Use:   "vectors",
		Short: "Write test vectors: requests with the answer that a receiver owes them",
		Long: `Requests with secret, headers, body bytes, and whether a receiver has to accept or refuse them, and why.
Standard output gets one JSON array. With --out there is a file for each group.`,
		Example: `  hookcheck fixtures vectors --out testdata/vectors
  hookcheck fixtures vectors | jq '.[] | select(.group == "signature") | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return out.write(cmd, func(put putFixture) error {
				if out.dir == "" {
					content, err := oneLine(fixtures.Vectors())
					if err != nil {
						return err
					}
					return put("vectors.json", content)
				}
				files, err := fixtures.Default().VectorFiles()
				if err != nil {
					return err
				}
				for _, file := range files {
					if err := put(file.Name, file.Content); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	out.addFlag(cmd)
	return cmd
}

func newFixturesSchemaCommand() *cobra.Command {
	var out fixtureOutput
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Write the contract as a JSON Schema (2020-12)",
		Example: `  hookcheck fixtures schema > event.schema.json
  hookcheck fixtures schema --out schemas   # schemas/event.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := fixtures.Default().JSONSchema()
			if err != nil {
				return err
			}
			return out.write(cmd, func(put putFixture) error { return put("event.schema.json", schema) })
		},
	}
	out.addFlag(cmd)
	return cmd
}

func newFixturesContractCommand() *cobra.Command {
	var out fixtureOutput
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Write the contract itself, in GraphQL's schema language",
		Example: `  hookcheck fixtures contract
  hookcheck fixtures contract --out .   # ./contract.graphql`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return out.write(cmd, func(put putFixture) error {
				return put("contract.graphql", []byte(fixtures.Default().SDL()))
			})
		},
	}
	out.addFlag(cmd)
	return cmd
}

// oneLine is value as JSON in which "&" and "<" stay as they are.
func oneLine(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
