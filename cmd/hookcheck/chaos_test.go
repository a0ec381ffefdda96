package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// ownScenario writes a short scenario to a file.
func ownScenario(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.yaml")
	err := os.WriteFile(path, []byte(`
name: own
about: a test
phases:
  - events: 24
    burst: true
    faults:
      - {fault: duplicate, probability: 30%}
      - {fault: bad-signature, probability: 30%}
expect: {acknowledged: 100%, processed: once, broken: never-processed}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDescribeTwiceIsTheSame(t *testing.T) {
	for _, format := range []string{"text", "plan", "yaml"} {
		for _, name := range chaos.Shipped() {
			first, stderr, code := exiting(t, "chaos", "describe", name, "--format", format)
			second, _, _ := exiting(t, "chaos", "describe", name, "--format", format)
			if code != exitOK || first == "" || first != second {
				t.Errorf("%s as %s: exit %d, %d and %d bytes, %s", name, format, code, len(first), len(second), stderr)
			}
		}
	}
}

func TestRunMergedFromShardsIsTheWholePlan(t *testing.T) {
	t.Setenv(secretVariable, testSecret)
	scenario, url, dir := ownScenario(t), judging(t), t.TempDir()
	merge := []string{"chaos", "merge", "--report", filepath.Join(dir, "merged")}
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		report := filepath.Join(dir, strings.ReplaceAll(shard, "/", "-"))
		_, stderr, code := exiting(t, "chaos", "run", scenario, "--to", url, "--wire", "--seed", "5", "--shard", shard, "--report", report)
		if code != exitOK {
			t.Fatalf("shard %s: exit %d: %s", shard, code, stderr)
		}
		merge = append(merge, report)
	}
	stdout, stderr, code := exiting(t, merge...)
	if code != exitOK || !strings.Contains(stdout, "of 24 events") || !strings.Contains(stdout, "shard 1/3 2/3 3/3") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	for name, args := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a shard is missing":     {merge[:len(merge)-1], exitNoResult, "missing: shard 3/3"},
		"a shard is given twice": {append(merge, merge[len(merge)-1]), exitUsage, "shard 3/3 was given twice"},
		"not a record":           {[]string{"chaos", "merge", scenario}, exitUsage, "record 1"},
	} {
		stdout, stderr, code := exiting(t, args.args...)
		if code != args.code || !strings.Contains(stdout+stderr, args.says) {
			t.Errorf("%s: exit %d: %s%s", name, code, stdout, stderr)
		}
	}
}

func TestStoredPlanIsSentAsItWasDescribed(t *testing.T) {
	t.Setenv(secretVariable, testSecret)
	dir := t.TempDir()
	plan, _, _ := exiting(t, "chaos", "describe", ownScenario(t), "--seed", "5", "--format", "plan")
	file := filepath.Join(dir, "plan.jsonl")
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := exiting(t, "chaos", "run", "--plan", file, "--to", judging(t), "--wire", "--report", dir)
	if code != exitOK || !strings.Contains(stdout, "of 24 events") || !strings.Contains(stdout, "--plan "+file) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

func TestChaosRunWritesItsReportAndSaysHowToRepeatIt(t *testing.T) {
	t.Setenv(secretVariable, testSecret)
	scenario, dir := ownScenario(t), filepath.Join(t.TempDir(), "report")
	stdout, stderr, code := exiting(t, "chaos", "run", scenario, "--to", judging(t), "--wire", "--report", dir)
	if code != exitOK || !strings.Contains(stdout, "repeat   hookcheck chaos run "+scenario+" --seed ") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	for name, want := range map[string]string{"report.html": "<polyline", "result.json": `"verdict": "passed"`, recordName: `{"header":`} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), testSecret) {
			t.Errorf("%s: want %s in it and no secret: %v", name, want, err)
		}
	}
}

func TestChaosUsage(t *testing.T) {
	t.Setenv(secretVariable, testSecret)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown scenario":     {[]string{"describe", "rush"}, exitUsage, `no scenario "rush": want a file, or one of duplicate-storm`},
		"file not there":       {[]string{"describe", "./rush.yaml"}, exitUsage, "./rush.yaml is not there"},
		"bad shard":            {[]string{"describe", "poison", "--shard", "9/8"}, exitUsage, "--shard"},
		"bad format":           {[]string{"describe", "poison", "--format", "xml"}, exitUsage, "--format"},
		"shard without a seed": {[]string{"run", "poison", "--to", "http://127.0.0.1:1", "--wire", "--shard", "1/2"}, exitUsage, "same --seed"},
		"nobody listens":       {[]string{"run", "poison", "--to", "http://127.0.0.1:1", "--wire"}, exitNoResult, "reach the receiver"},
		"effects not observed": {[]string{"run", ownScenario(t), "--to", judging(t)}, exitNoResult, "no effects were watched"},
		"effects address":      {[]string{"run", "poison", "--to", "http://127.0.0.1:1", "--effects", "nonsense"}, exitUsage, "--effects"},
		"effects id":           {[]string{"run", "poison", "--to", "http://127.0.0.1:1", "--effects", "127.0.0.1:0", "--effects-event-id", "id"}, exitUsage, "--effects-event-id"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.args[0] == "run" {
				c.args = append(c.args, "--report", t.TempDir())
			}
			stdout, stderr, code := exiting(t, append([]string{"chaos"}, c.args...)...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("exit %d, want %d and %q in\n%s%s", code, c.code, c.says, stdout, stderr)
			}
		})
	}
}

func TestShellLineQuotesWhatAShellWouldRead(t *testing.T) {
	got := shellLine([]string{"hookcheck", "my file.yaml", "it's", "http://x/?a=1&b=2", ""})
	if want := `hookcheck 'my file.yaml' 'it'\''s' 'http://x/?a=1&b=2' ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
