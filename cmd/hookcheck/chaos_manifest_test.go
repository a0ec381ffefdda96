package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestManifestsCommandLinesAreOurs keeps the shipped Kubernetes manifest in step
// with the program: each container's arguments must be a command and its flags.
func TestManifestsCommandLinesAreOurs(t *testing.T) {
	file, err := os.Open("../../simulator/chaos/kubernetes/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	type pod struct {
		Containers []struct{ Args []string }
	}
	var commands []string
	decoder := yaml.NewDecoder(file)
	for {
		var object struct {
			Kind string
			Spec struct {
				Completions, Parallelism int
				Containers               []struct{ Args []string }
				Template                 struct{ Spec pod }
			}
		}
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range slices.Concat(object.Spec.Containers, object.Spec.Template.Spec.Containers) {
			cmd, rest, err := newRootCommand().Find(c.Args)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%v: %v", c.Args, err)
				continue
			}
			commands = append(commands, cmd.CommandPath())
			if shard := cmd.Flags().Lookup("shard"); cmd.Name() == "run" {
				t.Setenv(jobIndex, "7")
				s, err := parseShard(shard.Value.String())
				if err != nil || s.Of != object.Spec.Completions || s.Index != 8 {
					t.Errorf("shard %v of %d completions: %v", s, object.Spec.Completions, err)
				}
			}
		}
	}
	if got := strings.Join(commands, ", "); got != "hookcheck chaos run, hookcheck chaos effects" {
		t.Errorf("the manifest runs %s", got)
	}
}

func TestShardOfAJobNeedsTheJobsIndex(t *testing.T) {
	t.Setenv(jobIndex, "")
	if _, err := parseShard("job/8"); err == nil || !strings.Contains(err.Error(), jobIndex) {
		t.Error(err)
	}
}
