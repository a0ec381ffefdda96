package chaos

import (
	"container/heap"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Plan is what a scenario sends, down to the byte: the same scenario, seed and
// shard always give the same steps. It is a small value; steps are made as they
// are asked for, so that ten million of them need no more memory than ten.
type Plan struct {
	Scenario Scenario
	// Seed decides everything that the scenario leaves to chance.
	Seed uint64
	// Shard is the part of the plan; the zero value is the whole.
	Shard Shard
}

// Steps yields the plan's steps in the order of their planned times.
//
// Held in memory are only events that wait for their time: the rate times the
// longest delay, or a burst, or an outage, whatever the length of the plan.
func (p Plan) Steps() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		b := &builder{plan: p, events: fixtures.NewGenerator(p.eventSeed()), types: newMix()}
		start := time.Duration(0)
		for i := range p.Scenario.Phases {
			phase := &p.Scenario.Phases[i]
			start += time.Duration(phase.Pause)
			for n := range phase.units() {
				due := start + phase.Rate.until(n)
				if !b.flush(due, yield) {
					return
				}
				b.draft(phase, start, due, n+1)
			}
			start += phase.length()
		}
		b.flush(-1, yield)
	}
}

// eventSeed gives each scenario events of its own: a receiver that has been
// through one rightly takes the same ids in the next for duplicates.
func (p Plan) eventSeed() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.Scenario.Name)) // never fails, says hash.Hash
	return p.Seed ^ h.Sum64()
}

// units is how many independent things begin in a phase.
func (p *Phase) units() int { return int(max(p.Events, p.Lives)) }

// length is from the phase's start to that of the next, without its pause.
func (p *Phase) length() time.Duration { return p.Rate.until(p.units()) }

// builder makes steps: drafts go in by the time they are due, and wait in a
// heap until no draft that is still to come can be planned before them.
type builder struct {
	plan    Plan
	events  *fixtures.Generator
	types   *mix
	number  uint64 // of events so far
	story   uint64 // of lives and single events so far
	seq     uint64 // of steps so far
	waiting queue
	broken  map[string][]fixtures.BrokenEvent // by rule, not used yet
	refills uint64
}

// draft takes up the phase's nth unit: one event, or all events of a life.
func (b *builder) draft(phase *Phase, start, due time.Duration, nth int) {
	b.story++
	rng := b.chance(b.story)
	if phase.Lives == 0 {
		b.add(phase, b.events.Event(b.types.pick(phase, rng)), start, due, nth, rng)
		return
	}
	for _, event := range b.events.Life() {
		b.add(phase, event, start, due, nth, rng)
		due += phase.Gap.Pick(rng)
	}
}

func (b *builder) add(phase *Phase, event fixtures.Event, start, due time.Duration, nth int, rng *rand.Rand) {
	b.number++
	d := &draft{
		event: event, number: b.number, story: b.story, phase: phase.Name, rate: phase.Rate,
		expect: Accept, at: []time.Duration{0},
	}
	for _, f := range phase.Faults {
		if f.hits(nth, rng) {
			faultKinds[f.Name].apply(f, b, d, rng)
		}
	}
	d.script = phase.Downstream.script(rng)
	if phase.Outage {
		d.outageUntil = start + phase.length()
		d.at = append(d.at, max(d.outageUntil-due, d.at[len(d.at)-1]))
		d.names = append(d.names, "outage")
	}
	for i, offset := range d.at {
		heap.Push(&b.waiting, waiting{at: due + offset, number: d.number, copy: i, draft: d})
	}
}

// chance is the source of chance for one story, independent of all others: a
// change to one fault does not reshuffle the rest of the plan.
func (b *builder) chance(story uint64) *rand.Rand {
	return rand.New(rand.NewPCG(b.plan.eventSeed(), story)) //nolint:gosec // repeatable, not secret
}

// nextBroken is a broken event that the plan has not used yet.
func (b *builder) nextBroken(rule string) fixtures.BrokenEvent {
	if b.broken == nil {
		b.broken = map[string][]fixtures.BrokenEvent{}
	}
	if len(b.broken[rule]) == 0 {
		b.refills++
		// A seed of its own for each refill, or the ids would come again.
		fresh := fixtures.Broken(b.chance(-b.refills).Uint64())
		b.broken[rule] = brokenBy(fresh, rule)
	}
	next := b.broken[rule][0]
	b.broken[rule] = b.broken[rule][1:]
	return next
}

// flush yields what is planned up to now, or everything when now is negative.
func (b *builder) flush(now time.Duration, yield func(Step) bool) bool {
	for len(b.waiting) > 0 && (now < 0 || b.waiting[0].at <= now) {
		w := heap.Pop(&b.waiting).(waiting)
		b.seq++
		d := w.draft
		d.sent++
		after := d.previous
		d.previous = b.seq
		if !b.plan.Shard.has(d.story) {
			continue
		}
		if !yield(b.step(w, after)) {
			return false
		}
	}
	return true
}

// step finishes an attempt: its delivery id, and the body that its faults leave.
func (b *builder) step(w waiting, after uint64) Step {
	d := w.draft
	delivery := emitter.Delivery{EventID: d.event.ID, Body: d.event.Body}
	if len(d.alterations) > 0 {
		// The secret is none of the plan's business; Step.Delivery signs.
		delivery = emitter.NewDelivery(d.event, "", "")
		for _, f := range d.alterations {
			f.Apply(&delivery, "")
		}
	}
	s := Step{
		Seq: b.seq, Phase: d.phase, At: w.at, Event: d.number, Story: d.story, Attempt: d.sent,
		Faults: d.names, Expect: d.expect, Impeded: d.impeded, Network: d.network,
		EventID: delivery.EventID, EventType: d.event.Type,
		DeliveryID: emitter.DeliveryID(b.plan.eventSeed(), b.seq<<8),
		Signature:  d.signature, Framing: delivery.Framing, Body: delivery.Body, Downstream: d.script,
	}
	if !d.concurrent {
		s.After = after
	}
	if w.at < d.outageUntil {
		s.Network, s.Impeded = Unreachable, true
	}
	return s
}

// waiting is one planned attempt of a draft.
type waiting struct {
	at     time.Duration
	number uint64
	copy   int
	draft  *draft
}

// queue is a heap by planned time, then event, then attempt.
type queue []waiting

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.number != b.number {
		return a.number < b.number
	}
	return a.copy < b.copy
}
func (q *queue) Push(x any) { *q = append(*q, x.(waiting)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = waiting{} // let go of the draft
	*q = (*q)[:last]
	return w
}
