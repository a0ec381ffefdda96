package chaos_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// BenchmarkPlanMemory shows that a plan's memory does not grow with its length:
// the live heap is sampled on the way, after a collection.
func BenchmarkPlanMemory(b *testing.B) {
	for _, events := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("%d events", events), func(b *testing.B) {
			scenario, err := chaos.Parse("bench.yaml", fmt.Appendf(nil, `
name: bench
phases:
  - events: %d
    rate: 1000/s
    faults:
      - {fault: duplicate, probability: 5%%, after: 0s..10s}
      - {fault: delay, probability: 5%%, by: 0s..3s}
      - {fault: bad-signature, probability: 1%%}
      - {fault: malformed, probability: 1%%}
expect: {acknowledged: 100%%}
`, events))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var peak, steps uint64
				for range (chaos.Plan{Scenario: scenario, Seed: 1}).Steps() {
					if steps++; steps%uint64(events/10) == 0 {
						runtime.GC()
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
				b.ReportMetric(float64(peak)/(1<<20), "MiB-live")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
			}
		})
	}
}
