package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTheCommandLine(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		out   string // part of it
		err   string // part of it
		usage bool   // exit code 2
	}{
		{name: "shows examples", args: []string{"--help"}, out: "receiver replay evt_0123456789"},
		{name: "says what the configuration lacks", err: "MONCRENEAU_WEBHOOK_SECRET: expected the secret", usage: true},
		{name: "refuses an unknown flag", args: []string{"--port", "1"}, err: "unknown flag: --port", usage: true},
		{name: "refuses an unknown command", args: []string{"start"}, err: "unknown command", usage: true},
		{name: "lists dead letters", args: []string{"dead-letters"}, out: "EVENT  TYPE  ATTEMPTS  FAILED  REASON\n"},
		{name: "lists them for programs", args: []string{"dead-letters", "--json"}, out: "[]\n"},
		{name: "replays one or all", args: []string{"replay"}, err: "expected an event id or --all", usage: true},
		{name: "does not replay what is no dead letter", args: []string{"replay", "evt_1"}, err: "evt_1: no dead letter with this event id"},
		{name: "replays none of none", args: []string{"replay", "--all"}, out: "0 to be processed again\n"},
		{name: "purges by age only", args: []string{"purge"}, err: "--older-than", usage: true},
		{name: "purges", args: []string{"purge", "--older-than", "24h"}, out: "0 forgotten\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DATA_DIR", t.TempDir())
			var out bytes.Buffer
			cmd := newCommand()
			cmd.SetArgs(append([]string{}, test.args...))
			cmd.SetOut(&out)
			err := cmd.ExecuteContext(t.Context())
			if !strings.Contains(out.String(), test.out) {
				t.Errorf("printed %q, want %q", out.String(), test.out)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			var usage usageError
			if errors.As(err, &usage) != test.usage {
				t.Errorf("usage error: %v, want %v", !test.usage, test.usage)
			}
		})
	}
}
