package effects

import (
	"net/http"
	"time"
)

// Call is one call that a receiver made.
type Call struct {
	// EventID is the event that the call named, empty when it named none.
	EventID string
	// Path is that of the URL which was called.
	Path string
	// Start is when the call came in, End when it was answered or dropped;
	// End is zero while the call is Pending.
	Start, End time.Time
	// Outcome is how it ended.
	Outcome Outcome
	// Status is the answer's status, 0 when there was none.
	Status int
	// Header and Body are what the receiver sent, the body's first MiB.
	Header http.Header
	Body   []byte
}

// Outcome is how a call ended.
type Outcome string

// The outcomes of a call. Only Done is an effect.
const (
	Pending   Outcome = "pending"   // not ended yet
	Done      Outcome = "done"      // answered 200
	Failed    Outcome = "failed"    // answered with the script's status
	Reset     Outcome = "reset"     // dropped with a TCP reset
	Hung      Outcome = "hung"      // held, and dropped without an answer
	Abandoned Outcome = "abandoned" // the receiver left before the answer
)

// CountDone is how many of calls are effects.
func CountDone(calls []Call) int {
	n := 0
	for _, c := range calls {
		if c.Outcome == Done {
			n++
		}
	}
	return n
}
