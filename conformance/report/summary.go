package report

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"
)

// WriteSummary writes the report in Markdown, for the summary of a CI job or a
// comment: the verdict, the checklist, and each failure folded.
func (r Report) WriteSummary(w io.Writer) error {
	var out bytes.Buffer
	mark := map[string]string{Conformant: "✅", NonConformant: "❌"}[r.Verdict]
	if mark == "" {
		mark = "❔"
	}
	fmt.Fprintf(&out, "## %s %s: %s\n\n", mark, markdown(r.Receiver.title()), r.Verdict)
	fmt.Fprintf(&out, "moncreneau webhooks, %s. %s\n", markdown(r.scope()), markdown(r.Reason))
	for _, waiver := range r.waivers() {
		fmt.Fprintf(&out, "\n**%s**: %s\n", waiver.label, markdown(waiver.text))
	}
	r.summariseChecklist(&out)
	r.summariseFailures(&out)
	r.summariseUnseen(&out)
	fmt.Fprintf(&out, "\nReceiver: %s\n", markdown(r.Receiver.Target))
	if took := r.took(); took != "" {
		fmt.Fprintf(&out, "Took %s. Seed %d.\n", markdown(took), r.Seed)
	}
	if busy := r.busy(); busy != "" {
		fmt.Fprintf(&out, "\n**%s**\n", markdown(busy))
	}
	if r.Reproduce != "" {
		fmt.Fprintf(&out, "\nRepeat the run:\n\n%s\n", fenced(r.Reproduce))
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (r Report) summariseChecklist(w io.Writer) {
	if len(r.Checklist) == 0 {
		return
	}
	fmt.Fprint(w, "\n| | item | requirements |\n| --- | --- | --- |\n")
	for _, item := range r.Checklist {
		mark := map[string]string{Passed: "✅", Failed: "❌", Waived: "⚠️", NotObserved: "❔", NotApplicable: "➖"}[item.Status]
		fmt.Fprintf(w, "| %s %s | %s | %s |\n", mark, item.Status, markdown(item.Item), r.counts(item.Item))
	}
}

func (r Report) summariseFailures(w io.Writer) {
	failures := r.failures()
	if len(failures) == 0 {
		return
	}
	fmt.Fprint(w, "\n### What was not met\n")
	for _, q := range failures {
		mark := "❌"
		if q.Status == Waived || !q.Required {
			mark = "⚠️"
		}
		fmt.Fprintf(w, "\n<details><summary>%s <b>%s</b> %s (%s)</summary>\n\n", mark, inHTML(q.ID), inHTML(q.Title), inHTML(q.binding()))
		if q.Status == Waived {
			fmt.Fprintf(w, "- **waived** %s\n", markdown(q.Reason))
		}
		for _, l := range append(q.brief(), q.advise()...) {
			if l.command {
				fmt.Fprintf(w, "- **%s**, in the report's folder\n\n%s\n\n", l.label, fenced(l.text))
				continue
			}
			fmt.Fprintf(w, "- **%s** %s\n", l.label, markdown(l.text))
		}
		fmt.Fprint(w, "\n</details>\n")
	}
}

func (r Report) summariseUnseen(w io.Writer) {
	groups := r.grouped(NotObserved)
	if len(groups) == 0 {
		return
	}
	fmt.Fprint(w, "\n### What was not observed\n\n")
	for _, g := range groups {
		fmt.Fprintf(w, "- %s: %s\n", markdown(g.IDs()), markdown(g.Reason))
	}
}

// markdown is text as Markdown and HTML show it as it stands, in one line.
func markdown(text string) string {
	var out strings.Builder
	for _, c := range Visible(text) {
		switch {
		case c == '\n':
			out.WriteByte(' ')
		case c == '<':
			out.WriteString("&lt;")
		case c == '>':
			out.WriteString("&gt;")
		case c == '&':
			out.WriteString("&amp;")
		case c == '@': // nobody is to be called by a receiver's answer
			out.WriteString("&#64;")
		case strings.ContainsRune("\\`*_[]#|~!", c):
			out.WriteByte('\\')
			out.WriteRune(c)
		default:
			out.WriteRune(c)
		}
	}
	return strings.ReplaceAll(out.String(), "://", ":&#8203;//") // nor followed
}

// inHTML is text inside an element, where Markdown does not look.
func inHTML(text string) string {
	return html.EscapeString(strings.ReplaceAll(Visible(text), "\n", " "))
}

// fenced is text as a block of code, whatever it holds.
func fenced(text string) string {
	text = Visible(text)
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "sh\n" + text + "\n" + fence
}
