package catalogue

import (
	"context"
	"fmt"
	"slices"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// writing is a way of writing an event that means the same to a JSON parser
// but comes out otherwise when it is written again. All are signed as sent.
type writing struct {
	name string
	// eventType is the type of event it is made from.
	eventType string
	rewrite   func(doc *document) []byte
	// mayBeInvalid says that a strict validation may refuse the payload, though
	// not the signature.
	mayBeInvalid bool
}

var writings = []writing{
	{"letters beyond ASCII as they are", created, named(`"Aïssatou Ngoué 🌍"`), false},
	{`letters written as \u escapes`, created, named(`"A\u00efssatou \u004egou\u00e9 \ud83c\udf0d"`), false},
	{`slashes written as \/`, created, named(`"Ngou\/Diallo"`), false},
	{"indented with line feeds", created, func(d *document) []byte { return d.write(style{comma: ",\n  ", colon: " : "}) }, false},
	{"a line feed at the end", created, func(d *document) []byte { return append(d.write(asWritten), '\n') }, false},
	{"the top-level keys in another order", created, func(d *document) []byte {
		slices.Reverse(d.members)
		return d.write(asWritten)
	}, false},
	{"keys that look like integers, not in their order", "appointment.updated", func(d *document) []byte {
		d.at("data", "object").set("changes", `{"zone":{"from":"1","to":"2"},"10":{"from":"a","to":"b"},"9":{"from":"a","to":"b"}}`)
		return d.write(asWritten)
	}, true},
	{"an integer beyond 2^53", created, func(d *document) []byte {
		d.at("data", "object").set("id", "9007199254740993")
		return d.write(asWritten)
	}, true},
	{"the number 1.0", created, func(d *document) []byte {
		d.at("data", "object").set("creditsUsed", "1.0")
		return d.write(asWritten)
	}, true},
	{"a key that stands twice", created, func(d *document) []byte {
		object := d.at("data", "object")
		object.members = append(object.members, member{`"name"`, &document{raw: `"Mamadou Diallo"`}})
		return d.write(asWritten)
	}, true},
}

func named(raw string) func(*document) []byte {
	return func(d *document) []byte {
		d.at("data", "object").set("name", raw)
		return d.write(asWritten)
	}
}

type exactBytes struct {
	writing writing
	sent    sent
	// alternatives are the languages whose rewriting of the body the receiver
	// signs instead, where it refused the right signature.
	alternatives []string
}

var exactBytesTrial = lab.Define(lab.Plan{Name: "exact bytes", Requests: len(writings) + 2},
	func(ctx context.Context, r *lab.Run) ([]exactBytes, error) {
		out := make([]exactBytes, len(writings))
		for i, w := range writings {
			ev := r.Event(w.eventType)
			doc, err := parseDocument(ev.Body)
			if err != nil {
				return nil, fmt.Errorf("own event: %w", err)
			}
			if doc.at("data", "object") == nil {
				return nil, fmt.Errorf("own event has no data.object")
			}
			ev.Body = w.rewrite(doc)
			s := genuine(ctx, r, ev, "an event with "+w.name)
			out[i] = exactBytes{writing: w, sent: s}
			if refusedSignature.ok(s.final().Status) {
				out[i].alternatives = signedOtherwise(ctx, r, ev)
			}
		}
		return out, nil
	})

// signedOtherwise finds the rewritings of ev that the receiver verifies.
func signedOtherwise(ctx context.Context, r *lab.Run, ev fixtures.Event) (taken []string) {
	for name, s := range map[string]style{"Node's JSON.stringify": node, "Python's json.dumps": python, "Python's compact json.dumps": pythonCompact} {
		doc, err := parseDocument(ev.Body)
		if err != nil {
			continue
		}
		rewritten := doc.write(s)
		if string(rewritten) == string(ev.Body) {
			continue
		}
		d := r.Deliver(ev)
		d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(r.Secret(), rewritten)}
		d.Signed = rewritten
		if r.Send(ctx, d).Acknowledged() {
			taken = append(taken, name)
		}
	}
	slices.Sort(taken)
	return taken
}

func judgeExactBytes(all []exactBytes, j *Judgement) {
	verified := outcome{"any answer but 401 or 403: the signature is right", report.Answers{"2xx", "400", "422"}}
	for _, e := range all {
		want := acknowledged
		if e.writing.mayBeInvalid {
			want = verified
		}
		j.Answer(e.sent.final(), want, e.sent.what)
		for _, language := range e.alternatives {
			j.Diagnose("known trap: the HMAC is computed over re-serialised JSON; the signature of what " + language + " makes of the body was accepted")
		}
	}
}
