// Package observe sees what a receiver does with the events it accepts:
// through calls to the effect sink, structured logs, a counting command, or
// Prometheus metrics.
package observe

import (
	"context"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

// Observer counts how often events were processed.
type Observer interface {
	// Name is what a report calls it: sink, logs, command, metrics.
	Name() string
	// PerEvent reports whether Count tells one event from another. Where it
	// does not, Count is the total of all events.
	PerEvent() bool
	// Count is how often the event was processed so far.
	Count(ctx context.Context, eventID string) (int, error)
}

// Sink observes the calls that a receiver makes to the effect sink.
type Sink struct{ *effects.Sink }

// Name is "sink".
func (Sink) Name() string { return "sink" }

// PerEvent is true: each call names its event.
func (Sink) PerEvent() bool { return true }

// Count is how many calls for the event were answered with success.
func (s Sink) Count(_ context.Context, eventID string) (int, error) {
	return effects.CountDone(s.Calls(eventID)), nil
}

// Command observes through a command that prints how often an event was processed.
type Command struct {
	// Run runs the configured command for an event and returns what it printed.
	Run func(ctx context.Context, eventID string) (string, error)
}

// Name is "command".
func (Command) Name() string { return "command" }

// PerEvent is true: the command is told the event's id.
func (Command) PerEvent() bool { return true }
