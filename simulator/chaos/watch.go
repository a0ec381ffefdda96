package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

// Watch keeps the record of a receiver's side effects for a run whose shards are
// sent from elsewhere: until ctx ends it lets sink collect calls, scripted as the
// plan wants, then passes the record to add. Nil clock means the real one.
func Watch(ctx context.Context, p Plan, sink *effects.Sink, clock clockwork.Clock, add func(Record) error) error {
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	plan, err := digest(p.Scenario, p.Seed)
	if err != nil {
		return err
	}
	for s := range p.Steps() {
		if s.Downstream != nil {
			sink.Script(s.EventID, effects.Script(*s.Downstream))
		}
	}
	start := clock.Now()
	<-ctx.Done()
	records := []Record{{Header: &Header{
		Scenario: p.Scenario, Seed: p.Seed, Plan: plan, Started: start.UTC(), Effects: true,
	}}}
	records = append(records, effectRecords(sink, start)...)
	records = append(records, Record{End: &End{Duration: clock.Since(start)}})
	for _, r := range records {
		if err := add(r); err != nil {
			return fmt.Errorf("write the record: %w", err)
		}
	}
	return nil
}

// effectRecords is what sink collected, timed from start.
func effectRecords(sink *effects.Sink, start time.Time) []Record {
	var out []Record
	for _, c := range sink.All() {
		out = append(out, Record{Effect: &Effect{
			EventID: c.EventID, Start: c.Start.Sub(start), Total: max(c.End.Sub(c.Start), 0),
			Outcome: c.Outcome, Status: c.Status,
		}})
	}
	return out
}
