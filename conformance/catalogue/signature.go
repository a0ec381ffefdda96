package catalogue

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

const signatureSection = "Verify the HMAC signature"

// genuineEvents are one event of each type, sent as moncreneau sends them.
type genuineEvents struct {
	events []sent
	traps  []trap // which forms the receiver takes instead, if it took not all of them
}

var genuineTrial = lab.Define(lab.Plan{Name: "genuine events", Requests: 6},
	func(ctx context.Context, r *lab.Run) (e genuineEvents, err error) {
		types := fixtures.Default().EventTypes()
		e.events = each(types, func(eventType string) sent {
			return genuine(ctx, r, r.Event(eventType), "a genuine "+eventType)
		})
		if len(acknowledgedOf(e.events)) < len(types) {
			e.traps = probeTraps(ctx, r)
		}
		return e, nil
	})

// badSignatures has an attempt for every kind of wrong signature.
type badSignatures struct {
	attempts map[fault.BadSignatureKind]sent
	// forged are those that every receiver must refuse; lax are those that one
	// should refuse, and which may therefore have been taken and processed.
	forged, lax group
	// later are genuine events whose id was refused with a wrong signature before.
	later group
}

// retriedKinds are the wrong signatures after which the same event is sent genuinely.
var retriedKinds = []fault.BadSignatureKind{"missing", "other-secret", "body-byte"}

var badSignatureTrial = lab.Define(lab.Plan{Name: "wrong signatures", Counts: true, Requests: len(fault.BadSignatureKinds()) + len(ambiguous) + 2*len(retriedKinds) + 1},
	func(ctx context.Context, r *lab.Run) (e badSignatures, err error) {
		e.attempts = map[fault.BadSignatureKind]sent{}
		// refused sends one event for each kind and keeps what came of it.
		refused := func(kinds []fault.BadSignatureKind, send func(ctx context.Context, r *lab.Run, ev fixtures.Event, kind fault.BadSignatureKind) sent) []sent {
			out := each(kinds, func(kind fault.BadSignatureKind) sent { return send(ctx, r, r.Event(created), kind) })
			for i, kind := range kinds {
				e.attempts[kind] = out[i]
			}
			return out
		}
		return e, countApart(ctx, r,
			counting{into: &e.forged, never: true, send: func() []sent { return refused(kindsOfLevel(fixtures.Must), missigned) }},
			counting{into: &e.later, send: func() []sent {
				return each(retriedKinds, func(kind fault.BadSignatureKind) sent {
					ev := r.Event(created)
					return missigned(ctx, r, ev, kind).again(ctx, r, ev)
				})
			}},
			counting{into: &e.lax, never: true, send: func() []sent {
				return append(refused(kindsOfLevel(fixtures.Should), missigned), refused(kindsOf(firstRight, lastRight), doublySigned)...)
			}},
		)
	})

// kindsOfLevel are the wrong signatures that a receiver must, or should, refuse.
func kindsOfLevel(level fixtures.Level) (kinds []fault.BadSignatureKind) {
	for _, forgery := range fixtures.Forgeries() {
		if forgery.Level == level {
			kinds = append(kinds, fault.BadSignatureKind(forgery.Kind))
		}
	}
	return kinds
}

func missigned(ctx context.Context, r *lab.Run, ev fixtures.Event, kind fault.BadSignatureKind) sent {
	d := r.Deliver(ev)
	fault.BadSignature{Kind: kind}.Apply(&d, r.Secret())
	return sent{id: ev.ID, what: "a delivery with " + kind.Title(), attempts: []emitter.Attempt{r.Send(ctx, d)}}
}

// The kinds below are wrong only for a receiver that is strict: one of two
// headers is right, so nobody without the secret could have made them.
const (
	firstRight fault.BadSignatureKind = "two-headers-first-right"
	lastRight  fault.BadSignatureKind = "two-headers-last-right"
)

var ambiguous = map[fault.BadSignatureKind]struct {
	title  string
	values func(right string) []string
}{
	firstRight: {"two signature headers, the first of them right", func(right string) []string { return []string{right, noSignature} }},
	lastRight:  {"two signature headers, the last of them right", func(right string) []string { return []string{noSignature, right} }},
}

func doublySigned(ctx context.Context, r *lab.Run, ev fixtures.Event, kind fault.BadSignatureKind) sent {
	d := r.Deliver(ev)
	d.Header[emitter.HeaderSignature] = ambiguous[kind].values(d.Header.Get(emitter.HeaderSignature))
	return sent{id: ev.ID, what: "a delivery with " + ambiguous[kind].title, attempts: []emitter.Attempt{r.Send(ctx, d)}}
}

// noSignature has the form of one, and is none.
var noSignature = "sha256=" + strings.Repeat("0", 64)

// headerCase sends the headers in spellings that HTTP holds to be the same.
var headerCaseTrial = lab.Define(lab.Plan{Name: "header spelling", Requests: 2},
	func(ctx context.Context, r *lab.Run) ([]sent, error) {
		return each([]func(string) string{strings.ToLower, strings.ToUpper}, func(spell func(string) string) sent {
			ev := r.Event(created)
			d := r.Deliver(ev)
			spelled := http.Header{}
			for name, values := range d.Header {
				spelled[spell(name)] = values
			}
			d.Header = spelled
			return sent{id: ev.ID, what: "a genuine event with the header " + spell(emitter.HeaderSignature), attempts: []emitter.Attempt{r.Send(ctx, d)}}
		}), nil
	})

// signatureFirst has payloads that are not valid under signatures that are not right.
var signatureFirstTrial = lab.Define(lab.Plan{Name: "signature before payload", Requests: 6},
	func(ctx context.Context, r *lab.Run) ([]sent, error) {
		var broken []fixtures.BrokenEvent
		for _, b := range fixtures.Broken(r.Seed()) {
			if slices.Contains([]string{"bytes.not-json", "bytes.empty", "envelope.type.missing", "envelope.data.null"}, b.Rule.ID) {
				broken = append(broken, b)
			}
		}
		out := each(broken, func(b fixtures.BrokenEvent) sent {
			d := r.Deliver(b.Event)
			fault.BadSignature{Kind: "other-secret"}.Apply(&d, r.Secret())
			return sent{id: b.ID, what: "a wrong signature on a payload where " + b.Rule.Title, attempts: []emitter.Attempt{r.Send(ctx, d)}}
		})
		return append(out, each(invalidBodies, func(kind fault.BadSignatureKind) sent {
			return missigned(ctx, r, r.Event(created), kind)
		})...), nil
	})

// invalidBodies are the wrong signatures whose body is no longer JSON either.
var invalidBodies = kindsOf("body-truncated", "body-removed")

func signature() []Requirement {
	out := []Requirement{
		{
			ID: "SIG-01", Level: Must, Guide: signatureSection,
			Title: "Genuine events of all five types are accepted",
			Why:   "A receiver that refuses what moncreneau sends gets nothing at all, and moncreneau keeps trying in vain.",
			Mend:  "Compute HMAC-SHA256 over the raw request body with the whole secret (whsec_ included) as the key, write it as lower-case hex behind sha256=, and compare that with X-Moncreneau-Signature.",
			check: from(genuineTrial, func(e genuineEvents, j *Judgement) {
				for _, s := range e.events {
					j.Answer(s.final(), acknowledged, s.what)
				}
				j.Diagnose(nameTraps(e.traps))
			}),
		},
	}
	out = append(out, refusedKinds()...)
	return append(out,
		Requirement{
			ID: "SIG-15", Level: Must, Guide: signatureSection,
			Title: "The signature is verified over the exact bytes that were sent",
			Why:   "Parsing and writing JSON again changes escapes, numbers, spaces and the order of keys. A receiver that signs its own rewriting refuses genuine events, seemingly at random.",
			Mend:  "Read the body as bytes before anything parses it (express.raw, request.get_data(), php://input, io.ReadAll) and verify those bytes.",
			check: from(exactBytesTrial, judgeExactBytes),
		},
		Requirement{
			ID: "SIG-17", Level: Must, Guide: signatureSection,
			Title: "The signature header is found whatever its case",
			Why:   "HTTP header names have no case; proxies and HTTP/2 write them in lower case.",
			Mend:  "Look the header up with the framework's own function, not in a map of raw names.",
			check: from(headerCaseTrial, func(events []sent, j *Judgement) {
				for _, s := range events {
					j.Answer(s.final(), acknowledged, s.what)
				}
			}),
		},
		Requirement{
			ID: "SIG-18", Level: Must, Guide: signatureSection,
			Title: "The signature is judged before the payload",
			Why:   "Whoever does not hold the secret should learn nothing about what the receiver makes of a payload, and should not reach its parser. The guide's own test asks for 401 here.",
			Mend:  "Verify first; parse and validate only what has been verified.",
			check: from(signatureFirstTrial, func(events []sent, j *Judgement) {
				for _, s := range events {
					j.Answer(s.final(), refusedSignature, s.what)
					if a := s.final(); refusedPayload.ok(a.Status) {
						j.Diagnose("the payload is validated before the signature is verified, as in the guide's sample handler; the guide's own test wants it the other way round")
					}
				}
			}),
		},
		Requirement{
			ID: "SIG-19", Level: Should, Guide: signatureSection,
			Title: "A signature that is not right is answered 401",
			Why:   "It is the status that the guide gives, so it is what moncreneau's logs and support expect to see.",
			Mend:  "Answer 401 rather than 403.",
			check: from(badSignatureTrial, func(e badSignatures, j *Judgement) {
				for _, kind := range fault.BadSignatureKinds() {
					if a := e.attempts[kind].final(); refusedSignature.ok(a.Status) {
						j.Answer(a, exactly(401, "the guide's status for a signature that is not right"), e.attempts[kind].what)
					}
				}
			}),
		},
		Requirement{
			ID: "SIG-20", Level: Must, Guide: signatureSection, Needs: lab.Effects,
			Title: "An event with a wrong signature has no effect",
			Why:   "Otherwise anybody who knows the URL can book and cancel appointments in your systems.",
			Mend:  "Return before anything is queued or stored when verification fails.",
			check: from(badSignatureTrial, func(e badSignatures, j *Judgement) {
				j.NothingRefusedProcessed(e.forged, e.lax)
			}),
		},
		Requirement{
			ID: "SIG-21", Level: Must, Guide: signatureSection, Needs: lab.Effects,
			Title: "An event refused for its signature can still be delivered genuinely",
			Why:   "If a forged request used up the event's id, anybody could make you miss events by sending their ids first.",
			Mend:  "Record an event's id only after its signature has been verified.",
			check: from(badSignatureTrial, func(e badSignatures, j *Judgement) {
				for _, s := range e.later.events {
					if s.attempts[0].Acknowledged() {
						continue // not refused in the first place: SIG-02 and others
					}
					j.Answer(s.final(), acknowledged, "the genuine event after "+s.what)
					if s.final().Acknowledged() {
						j.Processed(e.later.tally, s)
					}
				}
			}),
		},
	)
}

// refusedKind is a requirement to refuse some kinds of wrong signature.
type refusedKind struct {
	id    string
	level Level
	title string
	why   string
	mend  string
	kinds []fault.BadSignatureKind
}

var refusedSignatures = []refusedKind{
	{"SIG-02", Must, "A delivery without a signature is refused", "A receiver that only checks the signature when there is one can be reached by anybody.", "Treat a missing header as a wrong signature.", kindsOf("missing")},
	{"SIG-03", Must, "An empty signature is refused", "Comparing with an empty value, or with as many characters as were sent, accepts it.", "Compare all 71 characters; an empty header is a wrong signature.", kindsOf("empty", "prefix-only")},
	{"SIG-04", Must, "A signature without its sha256= prefix is refused", "The prefix names the algorithm. A receiver that takes bare hex has usually cut the prefix off without looking at it.", "Compare the whole header value with sha256= and the hex digest.", kindsOf("unprefixed")},
	{"SIG-05", Must, "A signature with another prefix is refused", "A prefix that is not looked at lets a sender choose the algorithm's name, and hides a mistake until the algorithm changes.", "Compare the whole header value with sha256= and the hex digest.", kindsOf("wrong-prefix")},
	{"SIG-06", Must, "A signature of another algorithm is refused", "Weaker algorithms that are still accepted make the stronger one pointless.", "Compute HMAC-SHA256 only, whatever the header says.", kindsOf("other-algorithm", "longer-algorithm")},
	{"SIG-07", Must, "A signature that is not hexadecimal is refused", "Decoders that stop at the first wrong character compare less than the whole digest, and some throw.", "Compare text with text, or refuse what does not decode to 32 bytes.", kindsOf("non-hex", "base64")},
	{"SIG-08", Must, "A signature with an odd number of digits is refused", "Hex decoders throw or round down on it.", "Check the length before decoding, or compare text with text.", kindsOf("odd-length")},
	{"SIG-09", Must, "A truncated signature is refused", "Comparing only as far as the sender's value goes lets him guess a few characters instead of 64.", "Compare all 32 bytes, with a function that first compares lengths.", kindsOf("truncated")},
	{"SIG-10", Must, "A signature made with another secret is refused", "This is the check itself.", "Compute the HMAC with this endpoint's secret and compare in constant time.", kindsOf("other-secret", "empty-key", "no-key")},
	{"SIG-11", Must, "Two wrong signature headers are refused", "Frameworks join them, or give the first, or the last: code that expects one header can skip its check.", "Refuse a request with more than one signature header.", kindsOf("two-headers")},
	{"SIG-12", Must, "A signature that belongs to other content is refused", "A signature that does not bind every byte protects nothing.", "Compute the HMAC over the whole body that was received, and compare every digit.", kindsOf("body-byte", "other-body", "empty-body", "one-digit-off")},
	{"SIG-13", Must, "A line feed added after signing is refused", "A receiver that trims the body before verifying does not verify what it goes on to use.", "Verify the bytes exactly as they came.", kindsOf("body-newline")},
	{"SIG-14", Must, "White space added after signing is refused", "It shows that the receiver verifies something other than what was sent.", "Verify the bytes exactly as they came.", kindsOf("body-space")},
	{"SIG-16", Must, "A body written differently after signing is refused, even if it means the same", "A receiver that verifies its own rewriting of the JSON accepts bodies that were changed on the way, and refuses genuine ones.", "Verify the raw bytes, never JSON that was parsed and written again.", kindsOf("body-reserialised", "body-escaped")},
	{"SIG-22", Should, "Anything behind the signature is refused", "The documented Node verifier accepts it, because its hex decoder stops at the first wrong character. It is not forgeable, but it shows a comparison of less than what was sent.", "Compare the whole header value.", kindsOf("junk-after", "second-value-after")},
	{"SIG-23", Should, "Two signature headers are refused even if one of them is right", "Which of the two counts depends on every proxy on the way.", "Refuse a request with more than one signature header.", kindsOf(firstRight, lastRight)},
}

func kindsOf(kinds ...fault.BadSignatureKind) []fault.BadSignatureKind { return kinds }

func refusedKinds() []Requirement {
	var out []Requirement
	for _, k := range refusedSignatures {
		out = append(out, Requirement{
			ID: k.id, Level: k.level, Title: k.title, Why: k.why, Mend: k.mend, Guide: signatureSection,
			check: from(badSignatureTrial, func(e badSignatures, j *Judgement) {
				for _, kind := range k.kinds {
					s, ok := e.attempts[kind]
					if !ok {
						j.NotObserved("hookcheck sends no signature of the kind %q", kind)
						continue
					}
					j.Answer(s.final(), refusedSignature, s.what)
				}
			}),
		})
	}
	return out
}

// nameTraps says in a sentence what the receiver takes instead.
func nameTraps(traps []trap) string {
	if len(traps) == 0 {
		return ""
	}
	var names []string
	for _, t := range traps {
		names = append(names, t.name)
	}
	return fmt.Sprintf("known trap: %s", strings.Join(names, "; "))
}
