package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Record is one line of a run's record, with one of its fields set. A record
// begins with a Header and ends with an End; one without an End was cut off.
type Record struct {
	Header  *Header  `json:"header,omitempty"`
	Attempt *Attempt `json:"attempt,omitempty"`
	Effect  *Effect  `json:"effect,omitempty"`
	End     *End     `json:"end,omitempty"`
}

// Header says what was run.
type Header struct {
	Scenario Scenario  `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Shard    Shard     `json:"shard,omitzero"`
	Plan     string    `json:"plan"` // identifies what is sent, the same for all shards
	Target   string    `json:"target,omitempty"`
	Started  time.Time `json:"started"`
	// Effects says that the receiver's side effects were watched. Without a
	// Target, the record holds only them.
	Effects bool `json:"effects"`
}

// Attempt is what was sent and what came back. Times are nanoseconds.
type Attempt struct {
	Seq        uint64   `json:"seq"`
	Event      uint64   `json:"event"`
	Attempt    int      `json:"attempt"`
	Phase      string   `json:"phase,omitempty"`
	EventID    string   `json:"eventId"`
	EventType  string   `json:"eventType"`
	DeliveryID string   `json:"deliveryId"`
	Faults     []string `json:"faults,omitempty"`
	Expect     Expect   `json:"expect"`
	Impeded    bool     `json:"impeded,omitempty"`
	Downstream *Script  `json:"downstream,omitempty"`
	// Planned is when the attempt was to start, and Start when it did, both from
	// the start of the run. A redelivery is planned when its wait is over, and a
	// duplicate not before the answer that it waits for.
	Planned time.Duration `json:"planned"`
	Start   time.Duration `json:"start"`
	Connect time.Duration `json:"connect"`
	First   time.Duration `json:"firstByte"`
	Total   time.Duration `json:"total"`
	// Resent says that this is the second time that the delivery went out, on a
	// connection of its own: the receiver had closed the kept one under the first.
	Resent bool   `json:"resent,omitempty"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Acknowledged says whether the receiver took the event.
func (a *Attempt) Acknowledged() bool {
	return a.Error == "" && a.Status >= 200 && a.Status < 300
}

// Effect is one call that the receiver made downstream.
type Effect struct {
	EventID string          `json:"eventId"`
	Start   time.Duration   `json:"start"` // from the start of the run
	Total   time.Duration   `json:"total"`
	Outcome effects.Outcome `json:"outcome"`
	Status  int             `json:"status,omitempty"`
}

// End says how the run ended.
type End struct {
	// Planned is how many of the plan's steps were sent; without Interrupted, all.
	Planned     uint64        `json:"planned"`
	Interrupted bool          `json:"interrupted,omitempty"`
	Duration    time.Duration `json:"duration"`
}

func attemptRecord(s Step, planned time.Duration, start time.Time, a emitter.Attempt) *Attempt {
	r := &Attempt{
		Seq: s.Seq, Event: s.Event, Attempt: s.Attempt, Phase: s.Phase, EventID: s.EventID,
		EventType: s.EventType, DeliveryID: s.DeliveryID, Faults: s.Faults, Expect: s.Expect,
		Impeded: s.Impeded, Downstream: s.Downstream, Planned: planned, Start: a.Start.Sub(start),
		Connect: a.Timing.Connect, First: a.Timing.FirstByte, Total: a.Timing.Total, Status: a.Status,
	}
	if a.Err != nil {
		r.Error = a.Err.Error()
	}
	return r
}

// digest identifies what is sent, whatever its shard and how it is judged.
func digest(s Scenario, seed uint64) (string, error) {
	s.About, s.Expect = "", Expectations{}
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("digest the scenario: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(text, "\n%d", seed))
	return hex.EncodeToString(sum[:8]), nil
}

// WriteRecords returns a function that writes each record to w as a line of JSON.
func WriteRecords(w io.Writer) func(Record) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(r Record) error { return encoder.Encode(r) }
}

// ReadRecords calls add for each line of a record. name is for errors.
func ReadRecords(name string, r io.Reader, add func(Record) error) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	for n := 1; ; n++ {
		var record Record
		if err := decoder.Decode(&record); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: record %d: %w", name, n, err)
		}
		if (n == 1) != (record.Header != nil) {
			return fmt.Errorf("%s: record %d: want a header first, and only there: is this the record of a chaos run?", name, n)
		}
		if err := add(record); err != nil {
			return fmt.Errorf("%s: record %d: %w", name, n, err)
		}
	}
}
