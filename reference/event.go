package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
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

// MarshalZerologObject keeps personal data out of the log, whoever logs an event.
func (e Event) MarshalZerologObject(line *zerolog.Event) { e.in(line) }

// in adds what the guide wants in each line of the log.
func (e Event) in(line *zerolog.Event) *zerolog.Event {
	return line.Str("eventId", clip(e.ID)).Str("eventType", e.Type).Str("deliveryId", e.DeliveryID)
}

const maxNesting = 64

// parseEvent reads and validates a body. Its errors name the field and what is
// expected there; they never repeat what was found.
func parseEvent(body []byte) (Event, error) {
	// First, because what reads JSON recurses.
	if tooDeep(body) {
		return Event{}, fmt.Errorf("the body is nested more than %d levels deep", maxNesting)
	}
	if !gjson.ValidBytes(body) || !utf8.Valid(body) {
		return Event{}, errors.New("the body is not JSON")
	}
	var found [envelopeMembers]gjson.Result
	if err := envelope.read(gjson.ParseBytes(body), found[:]); err != nil {
		return Event{}, err
	}
	var appointment [1]gjson.Result
	if err := data.read(found[dataMember], appointment[:]); err != nil {
		return Event{}, inside("data", err)
	}
	event := newEvent(body, found)
	if err := appointments[event.Type](appointment[0]); err != nil {
		return Event{}, inside("data", inside("object", err))
	}
	return event, nil
}

// restoreEvent reads a body that was validated when it was accepted. It does not
// judge it again: what was acknowledged is processed, whatever the rules are today.
func restoreEvent(body []byte, deliveryID string) Event {
	var found [envelopeMembers]gjson.Result
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		if i := envelope.find(name.Str, 0); i >= 0 {
			found[i] = value
		}
		return true
	})
	event := newEvent(body, found)
	event.DeliveryID = deliveryID
	return event
}

func newEvent(body []byte, found [envelopeMembers]gjson.Result) Event {
	created, _ := time.Parse(time.RFC3339, found[createdMember].Str) // validated
	data := found[dataMember]
	return Event{
		ID:      found[idMember].Str,
		Type:    found[typeMember].Str,
		Created: created,
		Data:    body[data.Index : data.Index+len(data.Raw)],
		Body:    body,
	}
}

// tooDeep says whether arrays and objects are nested too deeply in body, which need not
// be JSON.
func tooDeep(body []byte) bool {
	if bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) <= maxNesting {
		return false // as in all that moncreneau sends
	}
	depth := 0
	inString := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
