package fault

import (
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Malformed sends, genuinely signed, an event that breaks one rule of the contract.
type Malformed struct {
	// Event is the broken event, one of fixtures.Broken.
	Event fixtures.BrokenEvent
}

// Name is malformed/ and the id of the rule that is broken.
func (f Malformed) Name() string { return "malformed/" + f.Event.Rule.ID }

// Apply replaces the event that d carries and signs the new body. The headers
// that name the type of the event and the delivery stay.
func (f Malformed) Apply(d *emitter.Delivery, secret string) {
	d.EventID, d.Body = f.Event.ID, f.Event.Body
	d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(secret, d.Body)}
}
