package chaos

import (
	"maps"
	"slices"
	"time"
)

// bucketLength is how much time a bucket of the series covers.
const bucketLength = 250 * time.Millisecond

// Bucket is a quarter of a second of a run.
type Bucket struct {
	At           Millis `json:"atMs"` // its start, from the start of the run
	Attempts     int    `json:"attempts"`
	Acknowledged int    `json:"acknowledged"`
	Refused      int    `json:"refused"` // 4xx
	Failed       int    `json:"failed"`  // everything else
	Faulty       int    `json:"faulty"`  // attempts with at least one fault
	P50          Millis `json:"p50Ms"`
	P99          Millis `json:"p99Ms"`
	Max          Millis `json:"maxMs"`
}

// bucket collects what becomes a Bucket.
type bucket struct {
	Bucket
	totals []time.Duration // few to a bucket: a histogram for each would weigh more
}

func (t *Tally) bucketAt(start time.Duration) *bucket {
	n := int(start / bucketLength)
	b := t.series[n]
	if b == nil {
		b = &bucket{Bucket: Bucket{At: millis(time.Duration(n) * bucketLength)}}
		t.series[n] = b
	}
	return b
}

func (b *bucket) add(a *Attempt, timed bool) {
	b.Attempts++
	switch {
	case a.Acknowledged():
		b.Acknowledged++
	case a.Error == "" && a.Status >= 400 && a.Status < 500:
		b.Refused++
	default:
		b.Failed++
	}
	if len(a.Faults) > 0 {
		b.Faulty++
	}
	if timed {
		b.totals = append(b.totals, a.Total)
	}
}

// buckets is the series in order; stretches where nothing was sent are left out.
func (t *Tally) buckets() []Bucket {
	var out []Bucket
	for _, n := range slices.Sorted(maps.Keys(t.series)) {
		b := t.series[n]
		if last := len(b.totals) - 1; last >= 0 {
			slices.Sort(b.totals)
			b.P50, b.P99, b.Max = millis(b.totals[last/2]), millis(b.totals[last*99/100]), millis(b.totals[last])
		}
		out = append(out, b.Bucket)
	}
	return out
}

// given lists the shards in order.
func (t *Tally) given() []string {
	var out []string
	for _, s := range slices.SortedFunc(maps.Keys(t.shards), func(a, b Shard) int { return a.Index - b.Index }) {
		out = append(out, s.String())
	}
	return out
}
