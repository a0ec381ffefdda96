// Package fault holds what can be wrong with a delivery, each as a small value
// that composes with the others: some faults alter what is sent, some when and
// how often, some the connection that carries it.
package fault

import (
	"math/rand/v2"
	"time"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Fault alters what a delivery says. Faults are applied in order, each to what
// the one before it left.
type Fault interface {
	// Name says which fault it is, in a word or two: "bad-signature/missing".
	Name() string
	// Apply alters d, which it may assume to be its own. secret is the one
	// that a genuine delivery is signed with.
	Apply(d *emitter.Delivery, secret string)
}

// Timing alters when a delivery is sent, and how often.
type Timing interface {
	// Name says which fault it is, in a word or two: "duplicate".
	Name() string
	// Schedule maps the planned times of an event's attempts, as offsets from
	// when it is due, to new ones. Chance comes from rng only.
	Schedule(rng *rand.Rand, at []time.Duration) []time.Duration
}
