package chaos

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/moncreneau/hookcheck/fixtures"
)

// mix draws event types by the weights of a phase.
type mix struct {
	all    []string
	phase  *Phase // of what is below
	names  []string
	bounds []float64 // cumulated weights
}

func newMix() *mix { return &mix{all: fixtures.Default().EventTypes()} }

func (m *mix) pick(phase *Phase, rng *rand.Rand) string {
	if m.phase != phase {
		m.prepare(phase)
	}
	x := rng.Float64() * m.bounds[len(m.bounds)-1]
	for i, bound := range m.bounds {
		if x < bound {
			return m.names[i]
		}
	}
	return m.names[len(m.names)-1]
}

func (m *mix) prepare(phase *Phase) {
	m.phase, m.names, m.bounds = phase, m.all, nil
	if len(phase.Types) > 0 {
		m.names = slices.Sorted(maps.Keys(phase.Types))
	}
	total := 0.0
	for _, name := range m.names {
		weight, given := phase.Types[name]
		if !given {
			weight = 1
		}
		total += weight
		m.bounds = append(m.bounds, total)
	}
}
