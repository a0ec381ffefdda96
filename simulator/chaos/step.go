package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

// Expect is what a correct receiver answers to a step.
type Expect string

// What a step may expect.
const (
	Accept Expect = "accept" // a genuine event: 2xx
	Refuse Expect = "refuse" // broken or mis-signed: 4xx, and no effect
	Either Expect = "either" // breaks a rule that receivers need not judge
)

// Script is how the receiver's side effect behaves for an event.
type Script effects.Script

// Step is one planned attempt. It holds no secret and nothing derived from one.
type Step struct {
	// Seq numbers the steps of the whole plan from 1, in every shard alike.
	Seq uint64 `json:"seq"`
	// Phase is the name of the phase that the event belongs to.
	Phase string `json:"phase,omitempty"`
	// At is when the attempt is planned, in nanoseconds from the start of the run.
	At time.Duration `json:"at"`
	// Event and Story number the events, and the lives and single events, from 1.
	Event uint64 `json:"event"`
	Story uint64 `json:"story"`
	// Attempt is which of the event's planned attempts this is, from 1.
	Attempt int `json:"attempt"`
	// After is the step whose answer this one waits for; 0 is none.
	After uint64 `json:"after,omitempty"`

	EventID    string `json:"eventId"`
	EventType  string `json:"eventType"`
	DeliveryID string `json:"deliveryId"`

	// Faults names what is wrong with the attempt, in the order of application.
	Faults []string `json:"faults,omitempty"`
	Expect Expect   `json:"expect"`
	// Impeded says that the network or the framing may swallow the exchange:
	// that no answer comes is then nobody's failure.
	Impeded   bool                   `json:"impeded,omitempty"`
	Network   string                 `json:"network,omitempty"`
	Signature fault.BadSignatureKind `json:"signature,omitempty"`
	Framing   emitter.Framing        `json:"framing,omitzero"`
	// Downstream is how the side effect behaves for the event; nil is well.
	Downstream *Script `json:"downstream,omitempty"`
	// Body is what is sent, unless Signature is a kind that tampers with it.
	Body Bytes `json:"body"`
}

// Delivery is the step on the wire, signed with secret.
func (s Step) Delivery(secret string) emitter.Delivery {
	d := emitter.NewDelivery(fixtures.Event{ID: s.EventID, Type: s.EventType, Body: s.Body}, secret, s.DeliveryID)
	d.Framing = s.Framing
	if s.Signature != "" {
		fault.BadSignature{Kind: s.Signature}.Apply(&d, secret)
	}
	return d
}

// redelivery is the step once more, as moncreneau sends it when an event was not
// acknowledged: a new delivery id, over a sound network.
func (s Step) redelivery(seed uint64, nth int) Step {
	s.DeliveryID = emitter.DeliveryID(seed, s.Seq<<8|uint64(nth&0xff)) //nolint:gosec // nth is a small count
	s.Attempt += nth
	s.After, s.Network, s.Impeded, s.Framing = 0, "", false, emitter.Framing{}
	s.Faults = []string{"redelivery"}
	return s
}

// String is the step in a line: number, time, phase, type, ids, faults.
func (s Step) String() string {
	faults := "-"
	if len(s.Faults) > 0 {
		faults = strings.Join(s.Faults, ",")
	}
	line := fmt.Sprintf("%07d %+11.6fs  %-16s %-21s %s %s #%d %-6s %s",
		s.Seq, s.At.Seconds(), s.Phase, s.EventType, s.EventID, s.DeliveryID, s.Attempt, s.Expect, faults)
	if s.Downstream != nil {
		line += " downstream: " + s.Downstream.String()
	}
	return line
}

// Bytes is a body in JSON: a string where it is UTF-8, so that a plan can be
// read; {"base64": …} where it is not, so that it can be replayed byte by byte.
type Bytes []byte

// MarshalJSON writes the body as said above.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(b) {
		return json.Marshal(struct {
			Base64 []byte `json:"base64"`
		}{b})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(string(b))
	return bytes.TrimRight(out.Bytes(), "\n"), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bytes) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		var raw struct {
			Base64 []byte `json:"base64"`
		}
		err := json.Unmarshal(text, &raw)
		*b = raw.Base64
		return err
	}
	var s string
	err := json.Unmarshal(text, &s)
	*b = Bytes(s)
	return err
}
