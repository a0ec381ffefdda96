package fault

import (
	"encoding/json"
	"time"

	"github.com/tidwall/sjson"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// ClockSkew sends an event from a moncreneau whose clock is wrong: its created
// is off. Such an event is genuine, and no receiver may refuse it for its age.
type ClockSkew struct {
	// By is how far the clock is ahead; negative is behind.
	By time.Duration
}

// Name is clock-skew/ and how far the clock is ahead.
func (f ClockSkew) Name() string { return "clock-skew/" + f.By.String() }

// Apply moves created and signs the body anew. A body without a readable
// created, broken by another fault, stays as it is.
func (f ClockSkew) Apply(d *emitter.Delivery, secret string) {
	var envelope struct {
		Created time.Time `json:"created"`
	}
	if json.Unmarshal(d.Body, &envelope) != nil || envelope.Created.IsZero() {
		return
	}
	body, err := sjson.SetBytes(d.Body, "created", envelope.Created.Add(f.By).Format(time.RFC3339))
	if err != nil {
		return
	}
	d.Body = body
	d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(secret, body)}
}
