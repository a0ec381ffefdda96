package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAMistypedWordIsAnsweredWithTheOneThatWasMeant(t *testing.T) {
	for line, want := range map[string]string{
		"certifi":                  `unknown command "certifi" for hookcheck; did you mean certify?`,
		"fixtures event":           `unknown command "event" for hookcheck fixtures; did you mean events?`,
		"chaos dance":              `unknown command "dance" for hookcheck chaos; expected one of describe, effects, list, merge, run`,
		"certify --imagee x":       "unknown flag: --imagee; did you mean --image?",
		"certify --something-else": "unknown flag: --something-else",
		"emit --sed 7":             "unknown flag: --sed; did you mean --seed?",
		"requirements -f xml":      "expected text, json or markdown",
	} {
		root := newRootCommand()
		root.SetArgs(strings.Fields(line))
		root.SetOut(new(bytes.Buffer))
		err := root.Execute()
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant\n%s", line, err, want)
		}
		if !isUsage(err) || exitCode(err) != exitUsage {
			t.Errorf("%s: exit code %d", line, exitCode(err))
		}
	}
}

func TestTheShellCompletesWhatAFlagTakes(t *testing.T) {
	for line, want := range map[string]string{
		"certify --profile": "wire effects lifecycle :4",
		"certify --format":  "text json :4",
		"certify --logs":    "json :4",
		"certify --config":  "yaml yml :8",
		"certify --report":  ":16",
		"requirements -f":   "text json markdown :4",
	} {
		root := newRootCommand()
		root.SetArgs(append(append([]string{"__complete"}, strings.Fields(line)...), ""))
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(new(bytes.Buffer))
		if err := root.Execute(); err != nil || strings.Join(strings.Fields(out.String()), " ") != want {
			t.Errorf("%s: %v\n%s", line, err, out.String())
		}
	}
}
