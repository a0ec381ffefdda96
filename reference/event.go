package reference

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// The types of event that moncreneau sends.
const (
	TypeCreated   = "appointment.created"
	TypeUpdated   = "appointment.updated"
	TypeCancelled = "appointment.cancelled"
	TypeValidated = "appointment.validated"
	TypeCompleted = "appointment.completed"
)

// Event is one thing that happened to an appointment. Deliveries of it may come
// twice, late and out of order; a Handler sees it once it has been accepted, which
// happens once.
type Event struct {
	ID         string          // the same in every delivery
	Type       string          // one of the Type constants
	Created    time.Time       // when it happened
	Data       json.RawMessage // {"object": the appointment as it was then}
	DeliveryID string          // of the delivery that was accepted; not signed, for the log only
	Body       []byte          // the bytes that were signed
}

// LogValue keeps personal data out of the log, whoever logs an event.
func (e Event) LogValue() slog.Value { return slog.GroupValue(e.attrs()...) }

// attrs are what the guide wants in each line of the log.
func (e Event) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("eventId", clip(e.ID)),
		slog.String("eventType", e.Type),
		slog.String("deliveryId", e.DeliveryID),
	}
}

const maxNesting = 64

// parseEvent reads and validates a body. Its errors name the field and what is
// expected there; they never repeat what was found.
func parseEvent(body []byte) (Event, error) {
	// First, because what reads JSON recurses.
	if nesting(body) > maxNesting {
		return Event{}, fmt.Errorf("the body is nested more than %d levels deep", maxNesting)
	}
	if !gjson.ValidBytes(body) || !utf8.Valid(body) {
		return Event{}, errors.New("the body is not JSON")
	}
	root := gjson.ParseBytes(body)
	if err := envelope(root); err != nil {
		return Event{}, inside("", err)
	}
	event := newEvent(root)
	event.Body = body
	if err := appointments[event.Type](root.Get("data.object")); err != nil {
		return Event{}, inside("data.object", err)
	}
	return event, nil
}

// restoreEvent reads a body that was validated when it was accepted. It does not
// judge it again: what was acknowledged is processed, whatever the rules are today.
func restoreEvent(body []byte, deliveryID string) Event {
	event := newEvent(gjson.ParseBytes(body))
	event.Body, event.DeliveryID = body, deliveryID
	return event
}

func newEvent(root gjson.Result) Event {
	var event Event
	root.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "id":
			event.ID = value.Str
		case "type":
			event.Type = value.Str
		case "created":
			event.Created, _ = time.Parse(time.RFC3339, value.Str)
		case "data":
			event.Data = json.RawMessage(value.Raw)
		}
		return true
	})
	return event
}

// nesting is how deeply arrays and objects are nested in body, which need not be
// JSON.
func nesting(body []byte) int {
	depth, deepest := 0, 0
	inString := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
