package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Source is where a Runner's steps come from: a Plan, or one that was stored.
type Source struct {
	Plan
	steps iter.Seq2[Step, error]
}

// Source makes the plan ready to be run.
func (p Plan) Source() Source {
	return Source{Plan: p, steps: func(yield func(Step, error) bool) {
		for s := range p.Steps() {
			if !yield(s, nil) {
				return
			}
		}
	}}
}

// storedPlan is the first line of a stored plan.
type storedPlan struct {
	Scenario Scenario `json:"scenario"`
	Seed     uint64   `json:"seed"`
	Shard    Shard    `json:"shard,omitzero"`
}

// WritePlan stores a plan, as lines of JSON: first what it was made from, then
// its steps. It holds no secret.
func WritePlan(w io.Writer, p Plan) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(storedPlan(p)); err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	for s := range p.Steps() {
		if err := encoder.Encode(s); err != nil {
			return fmt.Errorf("store step %d: %w", s.Seq, err)
		}
	}
	return nil
}

// ReadPlan reads what WritePlan wrote; its steps are read from r as they are
// run, once. name is for errors.
func ReadPlan(name string, r io.Reader) (Source, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var stored storedPlan
	if err := decoder.Decode(&stored); err != nil {
		return Source{}, fmt.Errorf("%s: want a stored plan: %w", name, err)
	}
	p := Plan(stored)
	if err := p.Scenario.Check(); err != nil {
		return Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return Source{Plan: p, steps: func(yield func(Step, error) bool) {
		for n := 1; ; n++ {
			var s Step
			err := decoder.Decode(&s)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = fmt.Errorf("%s: step %d: %w", name, n, err)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}}, nil
}

// All yields the steps, or the error that ends them.
func (s Source) All() iter.Seq2[Step, error] { return s.steps }
