package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fatih/color"
)

// palette is how the text marks what it says, with colours or without.
type palette struct{ good, bad, mild, faint, strong func(a ...any) string }

func newPalette(colour bool) palette {
	paint := func(attribute color.Attribute) func(a ...any) string {
		c := color.New(attribute)
		c.DisableColor()
		if colour {
			c.EnableColor()
		}
		return c.SprintFunc()
	}
	return palette{
		good: paint(color.FgGreen), bad: paint(color.FgRed), mild: paint(color.FgYellow),
		faint: paint(color.Faint), strong: paint(color.Bold),
	}
}

// WriteText writes the report for a terminal: what failed and why, what was
// not observed, the checklist, and at the end the verdict.
func (r Report) WriteText(w io.Writer, colour bool) error {
	var out bytes.Buffer
	p := newPalette(colour)
	for _, requirement := range r.failures() {
		requirement.writeFailure(&out, p)
	}
	r.writeUnseen(&out, p)
	r.writeChecklist(&out, p)
	r.writeVerdict(&out, p)
	_, err := w.Write(out.Bytes())
	return err
}

const margin = "              " // as wide as a label and what stands before it

func (r Requirement) writeFailure(w io.Writer, p palette) {
	mark := p.bad("✗ " + r.ID)
	if !r.Required || r.Status == Waived {
		mark = p.mild("! " + r.ID)
	}
	fmt.Fprintf(w, "%s %s %s\n", mark, p.strong(Visible(r.Title)), p.faint("("+r.binding()+")"))
	write := func(l line) {
		text := indented(l.text, margin)
		switch {
		case l.label == labelDiagnosis:
			text = p.strong(text)
		case l.command:
			text = p.faint(text)
		}
		fmt.Fprintf(w, "    %-9s %s\n", l.label, text)
	}
	if r.Status == Waived {
		write(line{label: "waived", text: r.Reason})
	}
	for _, l := range append(r.brief(), r.advise()...) {
		write(l)
	}
	fmt.Fprintln(w)
}

func (r Report) writeUnseen(w io.Writer, p palette) {
	groups := r.grouped(NotObserved)
	for _, g := range groups {
		fmt.Fprintf(w, "%s %s\n    %s\n", p.mild("? not observed"), g.IDs(), indented(g.Reason, "    "))
	}
	if len(groups) > 0 {
		fmt.Fprintln(w)
	}
}

func (r Report) writeChecklist(w io.Writer, p palette) {
	for _, item := range r.Checklist {
		mark := map[string]string{
			Passed: p.good("✔"), Failed: p.bad("✗"), Waived: p.mild("!"), NotObserved: p.mild("?"), NotApplicable: p.faint("–"),
		}[item.Status]
		fmt.Fprintf(w, "  %s %-16s %s\n", mark, item.Item, r.counts(item.Item))
		for _, ids := range r.idLines(item.Item) {
			fmt.Fprintf(w, "      %s\n", p.faint(ids))
		}
	}
	fmt.Fprintln(w)
}

// idLines lists the ids of an item by status, in lines of a bearable width.
func (r Report) idLines(item string) (lines []string) {
	for _, status := range []string{Passed, Failed, "SHOULD failed", Waived} {
		var ids []string
		for _, requirement := range r.Requirements {
			if requirement.Item == item && requirement.counted() == status {
				ids = append(ids, requirement.ID)
			}
		}
		for chunk := range slices.Chunk(ids, 10) {
			text := strings.Join(chunk, " ")
			if status != Passed {
				text = status + " " + text
			}
			lines = append(lines, text)
		}
	}
	return lines
}

func (r Report) writeVerdict(w io.Writer, p palette) {
	paint := map[string]func(...any) string{Conformant: p.good, NonConformant: p.bad, NoVerdict: p.mild}[r.Verdict]
	if paint == nil {
		paint = p.mild
	}
	fmt.Fprintf(w, "%s (%s) %s\n", p.strong(paint(r.Verdict)), Visible(r.scope()), Visible(r.Receiver.Target))
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", indented(r.Reason, "  "))
	}
	for _, waiver := range r.waivers() {
		fmt.Fprintf(w, "  %s: %s\n", waiver.label, indented(waiver.text, "    "))
	}
	if busy := r.busy(); busy != "" {
		fmt.Fprintf(w, "  %s\n", busy)
	}
	if took := r.took(); took != "" {
		fmt.Fprintf(w, "  %s; seed %d\n", Visible(took), r.Seed)
	}
}
