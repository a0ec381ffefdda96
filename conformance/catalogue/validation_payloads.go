package catalogue

import "github.com/moncreneau/hookcheck/fixtures"

// refusedPayloadKind is a requirement to refuse some of the contract's broken events.
type refusedPayloadKind struct {
	id    string
	level Level
	title string
	why   string
	mend  string
	mine  func(brokenEvent) bool
	want  outcome
}

var refusedPayloads = []refusedPayloadKind{
	{"VAL-01", Must, "A body that is not a JSON object is refused", "It is not an event; whatever the code behind does with it is an accident.", "Answer 400 when parsing fails or the root is not an object.",
		func(b brokenEvent) bool { return b.rule.Kind != fixtures.KindTooDeep && b.in(fixtures.ScopeBytes) }, refusedPayload},
	{"VAL-02", Must, "An event without one of id, type, data and data.object is refused", "Without them an event cannot be deduplicated, dispatched or processed.", "Check the envelope before the event is accepted; null is as good as missing.",
		envelope(fixtures.KindMissing, fixtures.KindNull), refusedPayload},
	{"VAL-03", Must, "A field of the envelope with a value of the wrong type is refused", "Code behind that takes an id for a text fails later, where the event is already acknowledged.", "Check the types of id, type, created, data and data.object.",
		envelope(fixtures.KindWrongType), refusedPayload},
	{"VAL-04", Must, "An empty id, and a date that is none, are refused", "An empty id makes all such events duplicates of one another; a date that is none breaks what sorts by it.", "Check that id has at least one character and that created is an ISO 8601 instant.",
		envelope(fixtures.KindTooShort, fixtures.KindBadFormat), refusedPayload},
	{"VAL-05", Should, "An event without created is refused", "The guide's schema requires it, though the guide's own sample of an accepted event has none.", "Require created.",
		func(b brokenEvent) bool {
			return b.rule.ID == "envelope.created.missing" || b.rule.ID == "envelope.created.null"
		}, refusedPayload},
	{"VAL-06", Should, "An event of a type that is not known is answered 400", "An answer of 2xx tells moncreneau that the event was taken care of.", "Refuse types that you do not know with 400.",
		func(b brokenEvent) bool { return b.rule.ID == unknownType }, refusedPayload},
	{"VAL-07", Should, "An appointment that breaks the documented shape is refused", "What is not checked at the door fails deep inside, when the event is already acknowledged and ends as a dead letter.", "Check the fields of data.object that you use: types, dates, status.",
		func(b brokenEvent) bool { return b.in(fixtures.ScopeObject) }, refusedPayload},
	{"VAL-08", Should, "JSON that is nested very deeply is refused", "Parsers and code that walk it recursively can exhaust their stack.", "Limit the depth, or parse only the fields you know.",
		func(b brokenEvent) bool { return b.rule.Kind == fixtures.KindTooDeep }, refused},
}

// envelope are the binding rules of the envelope, those of the given kinds.
func envelope(kinds ...fixtures.Kind) func(brokenEvent) bool {
	return func(b brokenEvent) bool {
		return b.rule.Level == fixtures.Must && b.in(fixtures.ScopeEnvelope, kinds...)
	}
}

func (b brokenEvent) in(scope fixtures.Scope, kinds ...fixtures.Kind) bool {
	if b.rule.Scope != scope {
		return false
	}
	for _, kind := range kinds {
		if b.rule.Kind == kind {
			return true
		}
	}
	return len(kinds) == 0
}

// unread reports whether a body was so long that the receiver closed the
// connection over it, which says nothing worse of it than a refusal would.
func (b brokenEvent) unread() bool {
	return b.rule.Kind == fixtures.KindTooDeep && cutOff(b.sent.final())
}

func refusedPayloadKinds() (out []Requirement) {
	for _, k := range refusedPayloads {
		out = append(out, Requirement{
			ID: k.id, Level: k.level, Guide: validationSection, Title: k.title, Why: k.why, Mend: k.mend,
			check: from(brokenTrial, func(e brokenEvents, j *Judgement) {
				for _, b := range e.all {
					switch {
					case !k.mine(b):
					case b.unread():
						j.Require(true, k.want.text, describe(b.sent.final()), b.sent.final())
					default:
						j.Answer(b.sent.final(), k.want, b.sent.what)
					}
				}
			}),
		})
	}
	return out
}
