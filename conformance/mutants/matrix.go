package mutants

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// anything in Mutant.MayFail stands for every requirement.
const anything = "*"

// Matrix is what came of all mutants.
type Matrix struct {
	Requirements []Requirement
	Outcomes     []Outcome
	// Complete says that every mutant was run.
	Complete bool
}

// Problems are the sentences that keep the build from passing; none if every
// mutant was caught by what should catch it, and every requirement can fail.
func (m Matrix) Problems() (out []string) {
	seen, failing := map[string]bool{}, map[string]bool{}
	for _, o := range m.Outcomes {
		name := o.Mutant.Name
		if o.Problem != "" {
			out = append(out, fmt.Sprintf("%s: %s", name, o.Problem))
		}
		if len(o.Missed) > 0 {
			out = append(out, fmt.Sprintf("%s: %s should have failed", name, strings.Join(o.Missed, " ")))
		}
		if len(o.Unexpected) > 0 {
			out = append(out, fmt.Sprintf("%s: %s should not have failed", name, strings.Join(o.Unexpected, " ")))
		}
		for _, id := range o.Failed {
			failing[id] = true
		}
		if len(o.Mutant.Caught) == 0 {
			for _, id := range o.Passed {
				seen[id] = true
			}
		}
	}
	if !m.Complete {
		return out
	}
	for _, r := range m.Requirements {
		if !failing[r.ID] {
			out = append(out, fmt.Sprintf("%s: no mutant makes it fail", r.ID))
		}
		if !seen[r.ID] {
			out = append(out, fmt.Sprintf("%s: it was not seen to hold for the correct receiver", r.ID))
		}
	}
	return out
}

// WriteMarkdown writes the matrix as a page. It has nothing in it that differs
// from one good run to the next.
func (m Matrix) WriteMarkdown(w io.Writer) error {
	var out strings.Builder
	caught := 0
	for _, o := range m.Outcomes {
		if len(o.Mutant.Caught) > 0 {
			caught++
		}
	}
	fmt.Fprintf(&out, `# What proves that every check can fail

Written by `+"`make mutants`"+`, after a run in which all of this was seen: do not edit.

A check that cannot fail proves nothing. So a small correct receiver (`+"`conformance/mutants/receiver`"+`) is certified with one
defect after another, %d in all. Each must fail the requirements named here and no other; without a defect, the receiver must be
conformant. All %d requirements fail for at least one mutant.

## Mutants

| mutant | what it does wrongly | caught by |
| --- | --- | --- |
`, caught, len(m.Requirements))
	for _, o := range m.Outcomes {
		if len(o.Mutant.Caught) == 0 {
			continue
		}
		by := strings.Join(o.Mutant.Caught, " ")
		switch {
		case slices.Contains(o.Mutant.MayFail, anything):
			by += "; others may fail with it, as " + o.Mutant.Because
		case len(o.Mutant.MayFail) > 0:
			by += fmt.Sprintf("; %s may fail with it, as %s", strings.Join(o.Mutant.MayFail, " "), o.Mutant.Because)
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", o.Mutant.Name, o.Mutant.Wrong, by)
	}
	out.WriteString("\n## Requirements\n\n[requirements.md](requirements.md) says what each one asks.\n\n| requirement | level | mutants |\n| --- | --- | --- |\n")
	for _, r := range m.Requirements {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", r.ID, r.Level, strings.Join(m.catching(r.ID), ", "))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// catching are the names of the mutants that a requirement must catch.
func (m Matrix) catching(id string) (names []string) {
	for _, o := range m.Outcomes {
		if slices.Contains(o.Mutant.Caught, id) {
			names = append(names, o.Mutant.Name)
		}
	}
	return names
}
