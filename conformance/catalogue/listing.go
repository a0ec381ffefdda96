package catalogue

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Listed is a requirement as lists show it.
type Listed struct {
	ID      string `json:"id"`
	Item    string `json:"item"`
	Level   string `json:"level"`
	Profile string `json:"profile"`
	Title   string `json:"title"`
	Why     string `json:"why"`
	Mend    string `json:"mend"`
	Guide   string `json:"guide"`
}

// Listing is the machine-readable form of requirements.
func Listing(requirements []Requirement) []Listed {
	out := make([]Listed, len(requirements))
	for i, r := range requirements {
		out[i] = Listed{r.ID, string(r.Item), string(r.Level), string(r.Profile()), r.Title, r.Why, r.Mend, r.Guide}
	}
	return out
}

// WriteText lists requirements in a table.
func WriteText(w io.Writer, requirements []Requirement) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range requirements {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Item, r.Level, r.Profile(), r.Title)
	}
	return table.Flush()
}

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

// WriteMarkdown writes requirements as a page to be read from top to bottom.
func WriteMarkdown(w io.Writer, requirements []Requirement) error {
	var out strings.Builder
	out.WriteString(`# What hookcheck asks of a receiver

moncreneau is an appointment service. It tells other systems what happens to appointments by *webhooks*: HTTP requests
that carry an *event*. A *receiver* is the program that takes them. This page lists what a receiver is certified
against; it is made from the catalogue itself, by ` + "`hookcheck requirements --format markdown`" + `.

Words used here: a *delivery* is an event on its way to an endpoint, an *attempt* is one request of it. To *acknowledge* is to
answer 2xx in time. An *effect* is what the receiver does because of an event, such as a call to another system.
A *dead letter* is an event that was given up after the last attempt to process it.

A **MUST** decides the verdict. A **SHOULD** is reported, and decides with ` + "`--strict`" + `. The profile says how much has to be seen to judge:
*wire* takes a URL and the secret; *effects* also something that shows what was processed (hookcheck's effect sink, metrics, logs or a command);
*lifecycle* also the power to start, stop and kill the receiver. What cannot be seen is reported as not observed, never as passed.
`)
	item := Item("")
	for _, r := range requirements {
		if r.Item != item {
			item = r.Item
			title := string(item)
			fmt.Fprintf(&out, "\n## %s\n\n%s\n\nGuide: *%s*\n", strings.ToUpper(title[:1])+title[1:], itemIntroductions[item], r.Guide)
		}
		fmt.Fprintf(&out, "\n### %s · %s\n\n**%s** · profile *%s*", r.ID, r.Title, r.Level, r.Profile())
		if len(r.AllNeeds().Names()) > 0 {
			fmt.Fprintf(&out, " · seen by %s", strings.Join(r.AllNeeds().Names(), ", "))
		}
		fmt.Fprintf(&out, "\n\n%s\n\n*How to mend it:* %s\n", r.Why, r.Mend)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
