package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"
)

// Text explains what became of a requirement that failed, "" for any other.
func (r Requirement) Text() string { return r.explain() }

// palette colours the text where color.NoColor is false.
type palette struct{ good, bad, mild, faint, strong func(a ...any) string }

func newPalette() palette {
	return palette{
		good:   color.New(color.FgGreen).SprintFunc(),
		bad:    color.New(color.FgRed).SprintFunc(),
		mild:   color.New(color.FgYellow).SprintFunc(),
		faint:  color.New(color.Faint).SprintFunc(),
		strong: color.New(color.Bold).SprintFunc(),
	}
}

// WriteText writes the report for people: what failed and why, the checklist,
// the verdict.
func (r Report) WriteText(w io.Writer) {
	p := newPalette()
	for _, requirement := range r.Requirements {
		if requirement.Status == Failed || requirement.Status == Waived {
			requirement.writeFailure(w, p)
		}
	}
	r.writeUnseen(w, p)
	r.writeChecklist(w, p)
	r.writeVerdict(w, p)
}

// shownFindings is how many findings of one requirement the text shows in full.
const shownFindings = 3

func (r Requirement) writeFailure(w io.Writer, p palette) {
	mark := p.bad("✗ " + r.ID)
	if !r.Required || r.Status == Waived {
		mark = p.mild("! " + r.ID)
	}
	fmt.Fprintf(w, "%s %s %s\n", mark, p.strong(r.Title), p.faint("("+r.Level+")"))
	if r.Status == Waived {
		fmt.Fprintf(w, "    waived    %s\n", r.Reason)
	}
	for i, f := range r.Findings[:min(len(r.Findings), shownFindings)] {
		fmt.Fprintf(w, "    expected  %s\n    actual    %s\n", f.Expected, f.Actual)
		if f.Diagnosis != "" {
			fmt.Fprintf(w, "    diagnosis %s\n", p.strong(f.Diagnosis))
		}
		if n := len(f.Evidence); n > 0 && i == 0 {
			fmt.Fprintf(w, "    repeat    %s\n", p.faint(cut(r.Evidence[f.Evidence[n-1]].Curl)))
		}
	}
	if more := len(r.Findings) - shownFindings; more > 0 {
		fmt.Fprintf(w, "    …         and %s, in the report\n", plural(more, "more finding"))
	}
	fmt.Fprintf(w, "    why       %s\n    mend      %s\n    guide     %s\n\n", r.Why, r.Mend, r.Guide)
}

// cut keeps a line for the terminal to a bearable length.
func cut(line string) string {
	const bearable = 1200
	if len(line) <= bearable {
		return line
	}
	return line[:bearable] + "… (whole in the report: --report DIR)"
}

// writeUnseen says what was not observed, grouped by reason.
func (r Report) writeUnseen(w io.Writer, p palette) {
	var reasons []string
	ids := map[string][]string{}
	for _, requirement := range r.Requirements {
		if requirement.Status != NotObserved {
			continue
		}
		if ids[requirement.Reason] == nil {
			reasons = append(reasons, requirement.Reason)
		}
		ids[requirement.Reason] = append(ids[requirement.Reason], requirement.ID)
	}
	for _, reason := range reasons {
		fmt.Fprintf(w, "%s %s\n    %s\n", p.mild("? not observed"), strings.Join(ids[reason], " "), reason)
	}
	if len(reasons) > 0 {
		fmt.Fprintln(w)
	}
}

func (r Report) writeChecklist(w io.Writer, p palette) {
	for _, item := range r.Checklist {
		mark := map[string]string{Passed: p.good("✔"), Failed: p.bad("✗"), NotObserved: p.mild("?"), NotApplicable: p.faint("–")}[item.Status]
		fmt.Fprintf(w, "  %s %-16s %s\n", mark, item.Item, item.counts())
		for _, line := range r.idLines(item.Item) {
			fmt.Fprintf(w, "      %s\n", p.faint(line))
		}
	}
	fmt.Fprintln(w)
}

// counts says how many requirements there are of each status, in a fixed order.
func (i Item) counts() string {
	var out []string
	for _, status := range []string{Passed, Failed, Waived, NotObserved, NotApplicable} {
		if n := i.Counts[status]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, status))
		}
	}
	return strings.Join(out, ", ")
}

// idLines lists the ids of an item by status, in lines of a bearable width.
func (r Report) idLines(item string) (lines []string) {
	for _, status := range []string{Passed, Failed, Waived} {
		var ids []string
		for _, requirement := range r.Requirements {
			if requirement.Item == item && requirement.Status == status {
				ids = append(ids, requirement.ID)
			}
		}
		for chunk := range slices.Chunk(ids, 10) {
			line := strings.Join(chunk, " ")
			if status != Passed {
				line = status + " " + line
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (r Report) writeVerdict(w io.Writer, p palette) {
	verdict := map[string]string{Conformant: p.good(r.Verdict), NonConformant: p.bad(r.Verdict), NoVerdict: p.mild(r.Verdict)}[r.Verdict]
	about := "profile " + r.Profile
	if r.Strict {
		about += ", strict"
	}
	if r.Partial != "" {
		about += ", " + r.Partial
	}
	fmt.Fprintf(w, "%s (%s) %s\n", p.strong(verdict), about, r.Receiver.Target)
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason)
	}
	if r.DurationSeconds > 0 {
		fmt.Fprintf(w, "  %.1f s", r.DurationSeconds)
		if r.LongestWait.Seconds > 0 {
			fmt.Fprintf(w, ", %.2f times the longest wait: %v for %s", r.DurationSeconds/r.LongestWait.Seconds,
				time.Duration(r.LongestWait.Seconds*float64(time.Second)).Round(100*time.Millisecond), r.LongestWait.For)
		}
		fmt.Fprintf(w, "; seed %d\n", r.Seed)
	}
}
