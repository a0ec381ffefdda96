package fault_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

func TestClockSkewMovesCreatedAndNothingElse(t *testing.T) {
	d, original := delivery(), delivery()
	fault.ClockSkew{By: -48 * time.Hour}.Apply(&d, secret)
	if !verifies(d) {
		t.Error("a skewed event is genuine; its signature must hold")
	}
	read := func(body []byte) (created time.Time, rest map[string]any) {
		if err := json.Unmarshal(body, &rest); err != nil {
			t.Fatal(err)
		}
		created, err := time.Parse(time.RFC3339, rest["created"].(string))
		if err != nil {
			t.Fatal(err)
		}
		delete(rest, "created")
		return created, rest
	}
	was, wasRest := read(original.Body)
	is, isRest := read(d.Body)
	if was.Sub(is) != 48*time.Hour || !reflect.DeepEqual(wasRest, isRest) {
		t.Errorf("created %s became %s; rest equal: %t", was, is, reflect.DeepEqual(wasRest, isRest))
	}
}

func TestMalformedIsSignedSoThatOnlyItsBodyIsWrong(t *testing.T) {
	for _, broken := range fixtures.Broken(1) {
		d := delivery()
		fault.Malformed{Event: broken}.Apply(&d, secret)
		if !verifies(d) || string(d.Body) != string(broken.Body) || d.EventID != broken.ID {
			t.Errorf("%s: verifies %t, event %q", broken.Rule.ID, verifies(d), d.EventID)
		}
	}
}

func TestFaultsCompose(t *testing.T) {
	d := delivery()
	for _, f := range []fault.Fault{
		fault.ClockSkew{By: time.Hour}, fault.Chunked{}, fault.BadSignature{Kind: "unprefixed"},
	} {
		f.Apply(&d, secret)
	}
	skewedOnly := delivery()
	fault.ClockSkew{By: time.Hour}.Apply(&skewedOnly, secret)
	want := skewedOnly.Header.Get(emitter.HeaderSignature)[len("sha256="):]
	if d.Header.Get(emitter.HeaderSignature) != want || !d.Framing.Chunked {
		t.Errorf("signature %q, want the bare digits of the skewed body %q; framing %+v",
			d.Header.Get(emitter.HeaderSignature), want, d.Framing)
	}
}

func TestTimings(t *testing.T) {
	second := fault.Range{Min: time.Second, Max: time.Second}
	for name, c := range map[string]struct {
		timings []fault.Timing
		want    []time.Duration
	}{
		"a duplicate comes after": {
			[]fault.Timing{fault.Duplicate{Times: 2, After: second}},
			[]time.Duration{0, time.Second, 2 * time.Second}},
		"a concurrent duplicate comes at once": {
			[]fault.Timing{fault.Duplicate{Times: 1, After: second, Concurrent: true}},
			[]time.Duration{0, 0}},
		"a delay moves all copies": {
			[]fault.Timing{fault.Duplicate{Times: 1, After: second}, fault.Delay{By: second}},
			[]time.Duration{time.Second, 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			at := []time.Duration{0}
			for _, timing := range c.timings {
				at = timing.Schedule(rand.New(rand.NewPCG(1, 1)), at)
			}
			if !reflect.DeepEqual(at, c.want) {
				t.Errorf("got %v, want %v", at, c.want)
			}
		})
	}
}

func TestRangeStaysWithinItsEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := fault.Range{Min: 2 * time.Nanosecond, Max: 4 * time.Nanosecond}
	seen := map[time.Duration]bool{}
	for range 1000 {
		seen[r.Pick(rng)] = true
	}
	if len(seen) != 3 || !seen[2] || !seen[4] {
		t.Errorf("drew %v, want 2, 3 and 4 ns", seen)
	}
}
