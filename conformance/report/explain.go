package report

import (
	"fmt"
	"strings"
)

// line is a labelled line of an explanation.
type line struct {
	label, text string
	command     bool // text is for a shell
}

// The labels, in the order in which every form of a report tells a failure.
const (
	labelExpected  = "expected"
	labelActual    = "actual"
	labelDiagnosis = "diagnosis"
	labelRepeat    = "repeat"
	labelRequest   = "request" // in the place of repeat, where the answer to it is not the finding
	labelWhy       = "why"
	labelMend      = "mend"
	labelGuide     = "guide"
)

// tell says what a finding is and how to see it again.
func (r Requirement) tell(f Finding) []line {
	lines := []line{{label: labelExpected, text: f.Expected}, {label: labelActual, text: f.Actual}}
	if f.Diagnosis != "" {
		lines = append(lines, line{label: labelDiagnosis, text: f.Diagnosis})
	}
	if e := r.Decisive(f); e != nil {
		label := labelRepeat
		if len(f.Accepts) == 0 {
			label = labelRequest
		}
		lines = append(lines, line{label, e.repeat(), true})
	}
	return lines
}

// shownFindings is how many findings of one requirement are shown where space
// is short.
const shownFindings = 3

// brief tells the first findings where space is short: what a finding shares
// with the one before is told once, and so is how to repeat it.
func (r Requirement) brief() (lines []line) {
	last := map[string]string{}
	for i, f := range r.Findings[:min(len(r.Findings), shownFindings)] {
		for _, l := range r.tell(f) {
			if l.label == labelActual || last[l.label] != l.text && (!l.command || i == 0) {
				lines = append(lines, l)
			}
			last[l.label] = l.text
		}
	}
	if more := len(r.Findings) - shownFindings; more > 0 {
		lines = append(lines, line{label: "…", text: "and " + plural(more, "more finding") + "; a report (--report DIR) has them all"})
	}
	return lines
}

// advise says why a requirement matters and how to meet it.
func (r Requirement) advise() []line {
	return []line{{label: labelWhy, text: r.Why}, {label: labelMend, text: r.Mend}, {label: labelGuide, text: r.Guide}}
}

// Repeatable reports whether the first finding can be repeated by sending its
// requests again, because it is about the answer.
func (r Requirement) Repeatable() bool {
	return len(r.Findings) > 0 && len(r.Findings[0].Accepts) > 0 && r.Decisive(r.Findings[0]) != nil
}

// Decisive is the exchange that a finding rests on; nil where none shows it.
func (r Requirement) Decisive(f Finding) *Exchange {
	if len(f.Evidence) == 0 {
		return nil
	}
	return &r.Evidence[f.Evidence[len(f.Evidence)-1]]
}

func (e Exchange) repeat() string {
	if e.Curl == "" {
		return fmt.Sprintf("the body of %d bytes is too large for a line: certify with --report DIR, which keeps it", e.Request.Bytes)
	}
	return e.Curl
}

// Text explains what became of a requirement that failed, "" for any other.
func (r Requirement) Text() string {
	if len(r.Findings) == 0 {
		return ""
	}
	var lines []line
	for _, f := range r.Findings {
		lines = append(lines, r.tell(f)...)
	}
	var out strings.Builder
	for _, l := range append(lines, r.advise()...) {
		fmt.Fprintf(&out, "%-9s %s\n", l.label, indented(l.text, strings.Repeat(" ", 10)))
	}
	return out.String()
}

// summary is the first finding in a line.
func (r Requirement) summary() string {
	if len(r.Findings) == 0 {
		return r.Reason
	}
	f := r.Findings[0]
	text := fmt.Sprintf("expected %s; got %s", f.Expected, f.Actual)
	if more := len(r.Findings) - 1; more > 0 {
		text += fmt.Sprintf(" (and %s)", plural(more, "more finding"))
	}
	return Visible(text)
}

// Answer is what came back, in a line: "400 after 7 ms: {…}".
func (e Exchange) Answer() string {
	text := NoAnswer
	if e.Response != nil {
		text = fmt.Sprint(e.Response.Status)
	}
	text += fmt.Sprintf(" after %.0f ms", e.Seconds*1000)
	if e.Error != "" {
		text += " (" + e.Error + ")"
	}
	if e.Response != nil && e.Response.Body != "" {
		body := []rune(e.Response.Body)
		text += ": " + string(body[:min(len(body), 200)])
	}
	return strings.ReplaceAll(Visible(text), "\n", " ")
}

// binding is the level, with what makes a SHOULD binding.
func (r Requirement) binding() string {
	if r.Required && r.Level == "SHOULD" {
		return "SHOULD, taken for a MUST"
	}
	return r.Level
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
