package chaos_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// BenchmarkSoak plans a million events and sends a tenth of them, one shard of
// ten. Nothing may be lost on the way: what the receiver got, what the record
// says and what was planned are the same deliveries.
func BenchmarkSoak(b *testing.B) {
	scenario, err := chaos.Parse("soak.yaml", []byte(`
name: soak
phases:
  - events: 1000000
    rate: 20000/s
    faults:
      - {fault: duplicate, probability: 1%}
      - {fault: delay, probability: 5%, by: 0s..1s}
      - {fault: bad-signature, probability: 1%}
expect: {acknowledged: 100%}
`))
	if err != nil {
		b.Fatal(err)
	}
	plan := chaos.Plan{Scenario: scenario, Seed: 1, Shard: chaos.Shard{Index: 1, Of: 10}}
	for b.Loop() {
		var mu sync.Mutex
		received := map[string]int{}
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			received[r.Header.Get(emitter.HeaderDelivery)]++
		}))
		recorded := map[string]int{}
		tally := chaos.NewTally()
		err := (&chaos.Runner{URL: server.URL, Secret: secret}).Run(b.Context(), plan.Source(), func(r chaos.Record) error {
			if r.Attempt != nil {
				recorded[r.Attempt.DeliveryID]++
			}
			return tally.Add(r)
		})
		server.Close()
		if err != nil {
			b.Fatal(err)
		}
		planned := 0
		for s := range plan.Steps() {
			planned++
			if recorded[s.DeliveryID] != 1 || received[s.DeliveryID] != 1 {
				b.Fatalf("step %d: recorded %d times, received %d times\n%s",
					s.Seq, recorded[s.DeliveryID], received[s.DeliveryID], explain(tally.Result()))
			}
		}
		if len(recorded) != planned || len(received) != planned {
			b.Fatalf("%d planned, %d recorded, %d received", planned, len(recorded), len(received))
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		result := tally.Result()
		b.ReportMetric(float64(planned), "attempts")
		b.ReportMetric(float64(result.Counts.Events), "events")
		b.ReportMetric(float64(result.Lag.P99), "lag-p99-ms")
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-from-OS")
	}
}
