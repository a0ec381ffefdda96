package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpOnUsage makes a command and those below it say what could have been meant
// by a word that they do not know.
func helpOnUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if !errors.As(err, &unknown) {
			return err
		}
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		if name := nearest(unknown.GetSpecifiedName(), names); name != "" {
			return fmt.Errorf("%w; did you mean --%s?", err, name)
		}
		return err
	})
	if cmd.HasSubCommands() {
		cmd.Args = knownCommand
	}
	for _, below := range cmd.Commands() {
		helpOnUsage(below)
	}
}

// knownCommand refuses what should have been the name of a command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, below := range cmd.Commands() {
		names = append(names, below.Name())
	}
	hint := "expected one of " + strings.Join(names, ", ")
	if name := nearest(args[0], names); name != "" {
		hint = "did you mean " + name + "?"
	}
	return fmt.Errorf("unknown command %q for %s; %s", args[0], cmd.CommandPath(), hint)
}

// nearest is the name that is spelled most like word, "" if all are other words.
func nearest(word string, names []string) string {
	distance := func(name string) int { return levenshtein.ComputeDistance(word, name) }
	name := slices.MinFunc(names, func(a, b string) int { return distance(a) - distance(b) })
	if distance(name) > min(2, len(word)/2) {
		return ""
	}
	return name
}

// choice is a flag's value that is one of a few words.
type choice struct {
	value *string
	words []string
}

// formatFlag gives a command the flag --format; the first format is the default.
func formatFlag(cmd *cobra.Command, value *string, usage string, formats ...string) {
	*value = formats[0]
	cmd.Flags().VarP(&choice{value, formats}, "format", "f", usage)
	completeWords(cmd, "format", formats...)
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return "string" }

// Set takes a word if it is one of those that are possible.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("expected %s or %s", strings.Join(c.words[:len(c.words)-1], ", "), c.words[len(c.words)-1])
	}
	*c.value = word
	return nil
}

// completeWords lets the shell complete a flag's value.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
}
