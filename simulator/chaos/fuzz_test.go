package chaos_test

import (
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// FuzzParse looks for scenarios that bring down the parser or the planner: what
// cannot be planned must be an error, in one line.
func FuzzParse(f *testing.F) {
	for _, name := range chaos.Shipped() {
		text, err := chaos.ShippedText(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("name: x\nphases:\n  - {events: 2, burst: true, types: {appointment.created: .nan}}\nexpect: {p99: 1s}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := chaos.Parse("fuzz.yaml", []byte(text))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %v", err)
			}
			return
		}
		steps := 0
		for s := range (chaos.Plan{Scenario: s, Seed: 1}).Steps() {
			if steps++; steps == 50 {
				return
			}
			if len(s.Delivery(secret).Header) == 0 {
				t.Error("a delivery without headers")
			}
		}
	})
}
