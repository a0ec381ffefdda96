package catalogue

import (
	"testing"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

func TestALineThatIsMissingInTheLogAfterSIGKILLAccusesNobody(t *testing.T) {
	events := []sent{{id: "evt_1", attempts: []emitter.Attempt{{Status: 200}}}}
	for name, c := range map[string]struct {
		observer string
		count    int
		want     bool
	}{
		"the log lacks the event":  {"logs", 0, true},
		"the log has the event":    {"logs", 1, false},
		"the sink lacks the event": {"sink", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			crashed := crash{tally: tally{Tally: lab.Tally{Observer: c.observer, Of: map[string]int{"evt_1": c.count}}}}
			if got := crashed.maybeUnlogged(events); got != c.want {
				t.Errorf("maybeUnlogged: %t, want %t", got, c.want)
			}
		})
	}
}
