package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed page/report.html
	pageHTML string
	//go:embed page/report.css
	pageCSS string
	//go:embed page/report.js
	pageJS string

	pageTemplate = template.Must(template.New("report.html").Funcs(template.FuncMap{"visible": Visible}).Parse(pageHTML))
)

// page is what the template shows, in its order.
type page struct {
	Policy, Verdict, Receiver, Mood, Mark, Scope, URL, Tool string

	Reason      []linked
	Style       template.CSS
	Script      template.JS
	Waivers     []told
	Items       []pageItem
	Failures    []pageFailure
	NotObserved []group
	Passed      []Requirement

	NotApplicable []group
	Facts         []told
}

// told is a labelled text; a command can be copied.
type told struct {
	Label, Text string
	Command     bool
}

// linked is a text, with the id of the requirement that it names, if it does.
type linked struct{ Text, ID string }

type pageItem struct{ Item, Status, Mark, Mood, Counts, Link string }

type pageFailure struct {
	ID, Title, Item, Level, Mark, Mood, Count, Waived, MoreCount string

	Again, AgainNote string // the command that repeats it, and what has to be known of it

	First  *pageFinding
	More   []pageFinding
	Advice []told
}

type pageFinding struct {
	Lines     []told
	Exchanges []wire
}

// wire is an exchange as it went over the wire, as far as it is on record.
type wire struct{ Sent, Came string }

// WriteHTML writes the report as one page that needs nothing else, neither a
// network nor a script, to be read.
func (r Report) WriteHTML(w io.Writer) error {
	mark, mood := r.mood()
	p := page{
		Policy: fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
			digestOf(pageCSS), digestOf(pageJS)),
		Style: template.CSS(pageCSS), Script: template.JS(pageJS), //nolint:gosec // our own files
		Verdict: r.Verdict, Receiver: Visible(r.Receiver.title()), Mood: mood, Mark: mark,
		Scope: Visible(r.scope()), Reason: r.link(r.Reason), Waivers: tellAll(r.waivers()),
		NotObserved: r.grouped(NotObserved), NotApplicable: r.grouped(NotApplicable),
		Facts: r.facts(), URL: "its old address", Tool: strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version),
	}
	for _, requirement := range r.Requirements {
		if requirement.Status == Passed {
			p.Passed = append(p.Passed, requirement)
		}
		for _, e := range requirement.Evidence {
			p.URL = e.Request.URL
		}
	}
	for _, requirement := range r.failures() {
		p.Failures = append(p.Failures, r.pageFailure(requirement))
	}
	for _, item := range r.Checklist {
		p.Items = append(p.Items, r.pageItem(item))
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("html: %w", err)
	}
	return nil
}

// digestOf names an inline style or script to the content security policy.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// mood is the mark of the verdict and the class of its colour.
func (r Report) mood() (mark, class string) {
	switch r.Verdict {
	case Conformant:
		return "✔", "good"
	case NonConformant:
		return "✗", "bad"
	}
	return "?", "mild"
}

func (r Receiver) title() string {
	return strings.TrimSpace(r.Name + " " + r.Version)
}

func (r Report) facts() []told {
	facts := []told{
		{Label: "receiver", Text: Visible(r.Receiver.Target)},
		{Label: "started", Text: r.Started.UTC().Format(time.RFC1123)},
		{Label: "took", Text: Visible(r.took())},
		{Label: "note", Text: r.busy()},
		{Label: "seed", Text: fmt.Sprint(r.Seed)},
		{Label: "repeat", Text: Visible(r.Reproduce), Command: true},
	}
	return slices.DeleteFunc(facts, func(t told) bool {
		return t.Text == "" || t.Label == "started" && r.Started.IsZero()
	})
}

func (r Report) pageItem(item Item) pageItem {
	out := pageItem{Item: item.Item, Status: item.Status, Counts: r.counts(item.Item)}
	switch item.Status {
	case Passed:
		out.Mark, out.Mood = "✔", "good"
	case Failed:
		out.Mark, out.Mood = "✗", "bad"
	case Waived:
		out.Mark, out.Mood = "!", "mild"
	case NotObserved:
		out.Mark, out.Mood = "?", "mild"
	default:
		out.Mark, out.Mood = "–", "soft"
	}
	// The link leads to what there is to do, or else to what was seen.
	for _, requirements := range [][]Requirement{r.failures(), r.Requirements} {
		for _, requirement := range requirements {
			if requirement.Item == item.Item && out.Link == "" {
				out.Link = requirement.ID
			}
		}
	}
	return out
}

func (r Report) pageFailure(q Requirement) pageFailure {
	out := pageFailure{
		ID: q.ID, Title: Visible(q.Title), Item: q.Item, Level: q.binding(), Mark: "✗", Mood: "bad",
		Advice: tellAll(q.advise()),
	}
	if q.Status == Waived {
		out.Waived = Visible(q.Reason)
	}
	if q.Status == Waived || !q.Required {
		out.Mark, out.Mood = "!", "mild"
	}
	if len(q.Findings) == 0 {
		return out
	}
	out.Again, out.AgainNote = r.again(q)
	for _, f := range q.Findings {
		out.More = append(out.More, q.pageFinding(f))
	}
	out.First, out.More = &out.More[0], out.More[1:]
	if more := len(out.More); more > 0 {
		out.MoreCount = plural(more, "more finding")
		out.Count = plural(more+1, "finding")
	}
	return out
}

// again is the command with which hookcheck repeats a failure.
func (r Report) again(q Requirement) (command, note string) {
	switch {
	case !q.Repeatable():
		return Visible(r.JudgeAgain(q.ID)), "It is about what came of the answer, so the whole experiment has to be repeated, from where the run was started."
	case strings.HasPrefix(r.Receiver.Target, "url "):
		return "hookcheck replay . " + q.ID, "In the folder of this report."
	}
	return "hookcheck replay . " + q.ID + " --config PATH/hookcheck.yaml", "In the folder of this report, with the path of the configuration put in. It starts the receiver again; for one that runs, give --url instead."
}

var requirementID = regexp.MustCompile(`[A-Z]+-[0-9]{2}`)

// link splits a text where it names requirements of the report.
func (r Report) link(text string) (out []linked) {
	text = Visible(text)
	at := 0
	for _, match := range requirementID.FindAllStringIndex(text, -1) {
		id := text[match[0]:match[1]]
		if _, known := r.Requirement(id); !known {
			continue
		}
		out = append(out, linked{Text: text[at:match[0]]}, linked{Text: id, ID: id})
		at = match[1]
	}
	if at < len(text) {
		out = append(out, linked{Text: text[at:]})
	}
	return out
}

func (r Requirement) pageFinding(f Finding) (out pageFinding) {
	out.Lines = tellAll(r.tell(f))
	for _, i := range f.Evidence {
		out.Exchanges = append(out.Exchanges, r.Evidence[i].wire())
	}
	return out
}

func tellAll(lines []line) (out []told) {
	for _, l := range lines {
		out = append(out, told{Label: l.label, Text: Visible(l.text), Command: l.command})
	}
	return out
}

func (e Exchange) wire() wire {
	came := "no answer"
	if e.Response != nil {
		came = fmt.Sprint(e.Response.Status)
	}
	came += fmt.Sprintf(" after %.0f ms\n", e.Seconds*1000)
	if e.Error != "" {
		came += e.Error + "\n"
	}
	if e.Response != nil {
		came += headers(e.Response.Headers) + "\n" + e.Response.Body
	}
	return wire{
		Sent: Visible(e.Request.Method + " " + e.Request.URL + "\n" + headers(e.Request.Headers) + "\n" + e.Request.Body),
		Came: Visible(came),
	}
}

func headers(all map[string][]string) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	return out.String()
}

// Observed says how much a judgement rests on.
func (r Requirement) Observed() string { return plural(r.Observations, "observation") }
