package catalogue

import (
	"context"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// trap is a known mistake that a receiver was seen to make: it takes a
// signature that is made the wrong way, having refused the right one.
type trap struct {
	name    string
	attempt emitter.Attempt
}

// trapForms are the wrong ways of signing that real integrations verify, from
// moncreneau's own libraries and samples.
var trapForms = []struct {
	name string
	form func(d *emitter.Delivery, secret string)
}{
	{"the receiver compares the bare hex digest with the header, which says sha256= before it (moncreneau's four libraries do this)",
		func(d *emitter.Delivery, secret string) {
			d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(secret, d.Body)[len("sha256="):]}
		}},
	{"the receiver reads the header X-Webhook-Signature (as moncreneau's libraries say) instead of X-Moncreneau-Signature",
		func(d *emitter.Delivery, secret string) {
			delete(d.Header, emitter.HeaderSignature)
			d.Header["X-Webhook-Signature"] = []string{fixtures.Sign(secret, d.Body)}
		}},
	{"the receiver reads the header X-Webhook-Signature and compares it with the bare hex digest",
		func(d *emitter.Delivery, secret string) {
			delete(d.Header, emitter.HeaderSignature)
			d.Header["X-Webhook-Signature"] = []string{fixtures.Sign(secret, d.Body)[len("sha256="):]}
		}},
	{"the receiver computes the HMAC over JSON that Python has written again (json.dumps puts a space behind , and :, and escapes what is not ASCII)",
		signedAs(python)},
	{"the receiver computes the HMAC over JSON that Python has written again (compactly, but escaping what is not ASCII)",
		signedAs(pythonCompact)},
	{"the receiver leaves the whsec_ prefix out of the key; the secret is used as it is written",
		func(d *emitter.Delivery, secret string) {
			if len(secret) > len("whsec_") {
				d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(secret[len("whsec_"):], d.Body)}
			}
		}},
}

// signedAs signs what a language makes of the body instead of the body.
func signedAs(s style) func(*emitter.Delivery, string) {
	return func(d *emitter.Delivery, secret string) {
		if doc, err := parseDocument(d.Body); err == nil {
			d.Signed = doc.write(s)
			d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(secret, d.Signed)}
		}
	}
}

// probeTraps sends each wrong form and returns those that the receiver takes.
// A receiver that takes everything has no trap to name.
func probeTraps(ctx context.Context, r *lab.Run) []trap {
	var taken []trap
	for _, t := range trapForms {
		d := r.Deliver(eventBeyondASCII(r))
		t.form(&d, r.Secret())
		if a := r.Send(ctx, d); a.Acknowledged() {
			taken = append(taken, trap{t.name, a})
		}
	}
	if len(taken) == len(trapForms) {
		return nil
	}
	return taken
}

// eventBeyondASCII is an event whose Python and compact forms all differ.
func eventBeyondASCII(r *lab.Run) fixtures.Event {
	ev := r.Event(created)
	if doc, err := parseDocument(ev.Body); err == nil {
		if object := doc.at("data", "object"); object != nil {
			object.set("name", `"Aïssatou Ngoué"`)
			ev.Body = doc.write(asWritten)
		}
	}
	return ev
}
