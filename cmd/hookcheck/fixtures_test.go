package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/moncreneau/hookcheck/fixtures"
)

// hookcheck runs the command line with these arguments.
func hookcheck(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.ExecuteContext(ctx)
	return out.String(), errs.String(), err
}

func TestFixturesEventsWritesValidEventsAndTheSameForTheSameSeed(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	first, _, err := hookcheck(t.Context(), "fixtures", "events", "--count", "7", "--seed", "3")
	expect(err).NotTo(gomega.HaveOccurred())
	lines := strings.Split(strings.TrimSuffix(first, "\n"), "\n")
	expect(lines).To(gomega.HaveLen(7))
	for _, line := range lines {
		expect(fixtures.Default().Validate([]byte(line))).To(gomega.BeEmpty())
	}
	again, _, _ := hookcheck(t.Context(), "fixtures", "events", "--count", "7", "--seed", "3")
	expect(again).To(gomega.Equal(first))
	other, _, _ := hookcheck(t.Context(), "fixtures", "events", "--count", "7", "--seed", "4")
	expect(other).NotTo(gomega.Equal(first))
}

func TestFixturesEventsOfOneType(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	out, _, err := hookcheck(t.Context(), "fixtures", "events", "--type", "appointment.cancelled")
	expect(err).NotTo(gomega.HaveOccurred())
	expect(strings.Count(out, `"type":"appointment.cancelled"`)).To(gomega.Equal(5))
}

func TestFixturesEventsAsLivesBeginWithABooking(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	out, _, err := hookcheck(t.Context(), "fixtures", "events", "--lives", "--count", "4")
	expect(err).NotTo(gomega.HaveOccurred())
	expect(strings.Count(out, `"type":"appointment.created"`)).To(gomega.Equal(4))
}

func TestFixturesWritesFiles(t *testing.T) {
	for _, name := range []string{"events", "broken", "vectors", "schema", "contract"} {
		t.Run(name, func(t *testing.T) {
			expect := gomega.NewWithT(t).Expect
			dir := filepath.Join(t.TempDir(), "made", "for", "it")
			out, said, err := hookcheck(t.Context(), "fixtures", name, "--out", dir)
			expect(err).NotTo(gomega.HaveOccurred())
			expect(out).To(gomega.BeEmpty())
			expect(said).To(gomega.ContainSubstring("in " + dir))
			entries, err := os.ReadDir(dir)
			expect(err).NotTo(gomega.HaveOccurred())
			expect(entries).NotTo(gomega.BeEmpty())
		})
	}
}

func TestFixturesBrokenAsFilesAreTheExactBodies(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	dir := t.TempDir()
	_, _, err := hookcheck(t.Context(), "fixtures", "broken", "--out", dir, "--seed", "9")
	expect(err).NotTo(gomega.HaveOccurred())
	for _, broken := range fixtures.Broken(9) {
		body, err := os.ReadFile(filepath.Join(dir, broken.Rule.ID+".body"))
		expect(err).NotTo(gomega.HaveOccurred())
		expect(bytes.Equal(body, broken.Body)).To(gomega.BeTrue(), broken.Rule.ID)
	}
}

func TestFixturesBrokenOnStandardOutputNamesTheRules(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	out, _, err := hookcheck(t.Context(), "fixtures", "broken")
	expect(err).NotTo(gomega.HaveOccurred())
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i, broken := range fixtures.Broken(1) {
		var record brokenRecord
		expect(json.Unmarshal([]byte(lines[i]), &record)).To(gomega.Succeed())
		expect(record.Rule).To(gomega.Equal(broken.Rule))
		expect(bytes.Equal(record.BodyBase64, broken.Body)).To(gomega.BeTrue(), broken.Rule.ID)
	}
}

func TestFixturesVectorsOnStandardOutputAreAllOfThem(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	out, _, err := hookcheck(t.Context(), "fixtures", "vectors")
	expect(err).NotTo(gomega.HaveOccurred())
	var vectors []fixtures.Vector
	expect(json.Unmarshal([]byte(out), &vectors)).To(gomega.Succeed())
	expect(vectors).To(gomega.HaveLen(len(fixtures.Vectors())))
}

func TestFixturesRefusesWhatItCannotDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args  []string
		wants string
	}{
		"no events":             {[]string{"events", "--count", "0"}, "--count: expected at least 1, got 0"},
		"an unknown type":       {[]string{"events", "--type", "appointment.exploded"}, `--type: expected one of appointment.created`},
		"a type and lives":      {[]string{"events", "--type", "appointment.created", "--lives"}, "--type: not with --lives"},
		"a seed that is a word": {[]string{"events", "--seed", "one"}, `invalid argument "one" for "--seed"`},
		"an unknown rule":       {[]string{"broken", "--rule", "envelope.mood"}, `--rule: no rule "envelope.mood"`},
		"a stray argument":      {[]string{"schema", "here"}, `unknown command "here"`},
		"an output that is a file, not a directory": {[]string{"schema", "--out", file}, "--out: "},
		"an unknown fixture":                        {[]string{"mutants"}, `unknown command "mutants"`},
	} {
		t.Run(name, func(t *testing.T) {
			expect := gomega.NewWithT(t).Expect
			out, _, err := hookcheck(t.Context(), append([]string{"fixtures"}, test.args...)...)
			expect(err).To(gomega.MatchError(gomega.ContainSubstring(test.wants)))
			expect(exitCode(err)).To(gomega.Equal(exitUsage))
			expect(out).To(gomega.BeEmpty())
		})
	}
}

func TestFixturesStopsWhenItIsInterrupted(t *testing.T) {
	expect := gomega.NewWithT(t).Expect
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := hookcheck(ctx, "fixtures", "events", "--count", "1000000000")
	expect(exitCode(err)).To(gomega.Equal(exitNoResult))
}
