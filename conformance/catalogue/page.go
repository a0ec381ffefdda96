package catalogue

import (
	"fmt"
	"io"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// itemIntroductions say what each item of the checklist is about, for those who
// have not read the guide.
var itemIntroductions = map[Item]string{
	Signature:       "moncreneau signs every delivery: the header `X-Moncreneau-Signature` holds `sha256=` and the lower-case hex HMAC-SHA256 of the request body, with the endpoint's secret as the key. It is all that tells a genuine event from one that somebody made up.",
	Acknowledgement: "An answer of 2xx within five seconds says: this event is mine now. moncreneau will not send it again, so from then on the receiver must not lose it, whatever happens to the process.",
	Idempotency:     "Networks repeat requests and moncreneau repeats deliveries. The same event, by the `id` in its signed body, must do its work once.",
	Retries:         "The work that an event causes can fail for a while. The receiver tries again, waits longer each time, and in the end puts the event aside as a dead letter where somebody sees it.",
	Validation:      "A correct signature says who sent an event, not that it is well formed. What is not well formed is refused at the door, and does no harm.",
	RateLimit:       "A limit on requests protects what stands behind the receiver. It must not hit ordinary traffic, and must not lose events.",
	Security:        "The endpoint is open to the world. It should do one thing, tell strangers nothing, and stay reachable.",
	HTTPS:           "Deliveries carry names and telephone numbers, so they travel encrypted, to a server that can prove who it is.",
	Logging:         "Logs are for machines first: one JSON object a line, with the fields by which a delivery can be followed.",
	Metrics:         "Four numbers tell whether events come in, get done, fail, and how long they take.",
	Documentation:   "Someone will have to run the receiver who did not write it.",
}

// headings are the items whose names are no headings as they stand.
var headings = map[Item]string{RateLimit: "Rate limit", HTTPS: "HTTPS"}

func heading(item Item) string {
	if special := headings[item]; special != "" {
		return special
	}
	return strings.ToUpper(string(item[:1])) + string(item[1:])
}

// WriteMarkdown writes requirements as a page to be read from top to bottom.
func WriteMarkdown(w io.Writer, requirements []Requirement) error {
	var out strings.Builder
	writeIntroduction(&out)
	writeContents(&out, requirements)
	item := Item("")
	for _, r := range requirements {
		if r.Item != item {
			item = r.Item
			fmt.Fprintf(&out, "\n## %s\n\n%s\n\nGuide: *%s*\n", heading(item), itemIntroductions[item], r.Guide)
		}
		fmt.Fprintf(&out, "\n### %s · %s\n\n**%s** · profile *%s*", r.ID, r.Title, r.Level, r.Profile())
		if needs := r.AllNeeds().Names(); len(needs) > 0 {
			fmt.Fprintf(&out, " · takes %s", strings.Join(needs, " and "))
		}
		fmt.Fprintf(&out, "\n\n%s\n\n*How to mend it:* %s\n", r.Why, r.Mend)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func writeIntroduction(out *strings.Builder) {
	out.WriteString(`# What hookcheck asks of a receiver

moncreneau is an appointment service. It tells other systems what happens to appointments by *webhooks*: HTTP requests
that carry an *event*. A *receiver* is the program that takes them. This page lists what a receiver is certified
against; it is made from the catalogue itself, by ` + "`hookcheck requirements --format markdown`" + `.

This is such a request. Its secret is ` + "`" + exampleSecret + "`" + `, and ` + "`openssl dgst -sha256 -hmac " + exampleSecret + "`" + ` over the body, which has no
line feed at its end, gives the signature:

` + "```http\n" + exampleRequest() + "\n```" + `

Words used here: a *delivery* is an event on its way to an endpoint, an *attempt* is one request of it. To *acknowledge* is to
answer 2xx in time. An *effect* is what the receiver does because of an event, such as a call to another system; *downstream* is
what it calls. A *dead letter* is an event that was given up after the last attempt to process it. An *observer* shows effects:
hookcheck's *effect sink*, which plays downstream, the receiver's log, a command that counts, or its metrics, which are totals and do not tell events apart.

A **MUST** decides the verdict. A **SHOULD** is reported, and decides with ` + "`--strict`" + `. The profile says how much has to be seen to judge:
*wire* takes a URL and the secret; *effects* also an observer; *lifecycle* also the power to start, stop and kill the receiver. What cannot be
seen is reported as not observed, never as passed.
`)
	d := config.Default().Declare
	fmt.Fprintf(out, `
The numbers are those of moncreneau's guide: an acknowledgement within %v, %d attempts at processing with waits of %v and %v between them,
%d requests in %v. A receiver that promises others says so (`+"`declare`"+` in hookcheck.yaml) and is held to its own.
`, d.Ack, d.Retries.Attempts, d.Retries.Wait(1), d.Retries.Wait(2), d.RateLimit.Requests, strings.TrimSuffix(d.RateLimit.Window.String(), "0s"))
}

const exampleSecret = "whsec_example"

// exampleRequest is a request as moncreneau sends it.
func exampleRequest() string {
	event := fixtures.NewGenerator(1).Event(created)
	return fmt.Sprintf("POST /webhooks/moncreneau HTTP/1.1\nContent-Type: application/json\n%s: %s\n%s: dlv_0123456789\n%s: %s\n\n%s",
		emitter.HeaderEvent, event.Type, emitter.HeaderDelivery, emitter.HeaderSignature, fixtures.Sign(exampleSecret, event.Body), event.Body)
}

// writeContents writes a table of the items, with links.
func writeContents(out *strings.Builder, requirements []Requirement) {
	out.WriteString("\n| item | requirements | MUST | SHOULD |\n| --- | --- | --- | --- |\n")
	for _, item := range Items() {
		count := map[Level]int{}
		var first, last string
		for _, r := range requirements {
			if r.Item != item {
				continue
			}
			if first == "" {
				first = r.ID
			}
			last = r.ID
			count[r.Level]++
		}
		switch {
		case first == "":
			continue
		case first != last:
			first += " to " + last
		}
		title := heading(item)
		anchor := strings.ReplaceAll(strings.ToLower(title), " ", "-")
		fmt.Fprintf(out, "| [%s](#%s) | %s | %d | %d |\n", title, anchor, first, count[Must], count[Should])
	}
}
