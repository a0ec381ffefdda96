package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func shipped(t *testing.T, name string) chaos.Scenario {
	t.Helper()
	s, err := chaos.ShippedScenario(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stored(t *testing.T, p chaos.Plan) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := chaos.WritePlan(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSameSeedGivesTheSamePlanByteForByte(t *testing.T) {
	for _, name := range chaos.Shipped() {
		p := chaos.Plan{Scenario: shipped(t, name), Seed: 7}
		if !bytes.Equal(stored(t, p), stored(t, p)) {
			t.Errorf("%s: two plans of the same seed differ", name)
		}
		other := chaos.Plan{Scenario: p.Scenario, Seed: 8}
		if bytes.Equal(stored(t, p), stored(t, other)) {
			t.Errorf("%s: the seed changes nothing", name)
		}
	}
}

func TestStepsAreInOrderAndWithoutRepeatedDeliveryIDs(t *testing.T) {
	for _, name := range chaos.Shipped() {
		p := chaos.Plan{Scenario: shipped(t, name), Seed: 1}
		seen := map[string]bool{}
		var last chaos.Step
		for s := range p.Steps() {
			if s.At < last.At || s.Seq != last.Seq+1 || seen[s.DeliveryID] || s.After >= s.Seq {
				t.Fatalf("%s: after\n%s\ncomes\n%s", name, last, s)
			}
			seen[s.DeliveryID] = true
			last = s
		}
		if last.Seq == 0 {
			t.Errorf("%s: plans nothing", name)
		}
	}
}

func TestEventIDsDifferUnlessItIsTheSameEvent(t *testing.T) {
	for _, name := range chaos.Shipped() {
		numbers := map[string]uint64{}
		for s := range (chaos.Plan{Scenario: shipped(t, name), Seed: 1}).Steps() {
			if n, known := numbers[s.EventID]; known && n != s.Event {
				t.Fatalf("%s: events %d and %d are both %s", name, n, s.Event, s.EventID)
			}
			numbers[s.EventID] = s.Event
		}
	}
}

func TestShardsAreDisjointAndTheirUnionIsThePlan(t *testing.T) {
	for _, name := range chaos.Shipped() {
		whole := chaos.Plan{Scenario: shipped(t, name), Seed: 3}
		want := map[uint64]string{}
		for s := range whole.Steps() {
			want[s.Seq] = fmt.Sprintf("%+v", s)
		}
		const n = 8
		got := map[uint64]string{}
		shardOf := map[uint64]int{}
		for i := 1; i <= n; i++ {
			part := whole
			part.Shard = chaos.Shard{Index: i, Of: n}
			for s := range part.Steps() {
				if _, twice := got[s.Seq]; twice {
					t.Fatalf("%s: step %d is in two shards", name, s.Seq)
				}
				if other, known := shardOf[s.Story]; known && other != i {
					t.Fatalf("%s: story %d is in shards %d and %d", name, s.Story, other, i)
				}
				got[s.Seq], shardOf[s.Story] = fmt.Sprintf("%+v", s), i
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the shards have %d steps, the plan has %d, or they differ", name, len(got), len(want))
		}
	}
}

func TestStoredPlanIsReadBackAsItWas(t *testing.T) {
	for _, name := range []string{"poison", "hostile-sender", "slow-network", "long-tail"} {
		p := chaos.Plan{Scenario: shipped(t, name), Seed: 5, Shard: chaos.Shard{Index: 1, Of: 2}}
		text := stored(t, p)
		source, err := chaos.ReadPlan("plan.jsonl", bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(source.Scenario, p.Scenario) || source.Seed != 5 || source.Shard != p.Shard {
			t.Errorf("%s: read %+v", name, source.Plan)
		}
		planned := slices.Collect(p.Steps())
		for s, err := range source.All() {
			if err != nil {
				t.Fatal(err)
			}
			if want := planned[0]; !reflect.DeepEqual(s, want) {
				t.Fatalf("%s: read\n%+v\nwant\n%+v", name, s, want)
			}
			planned = planned[1:]
		}
		if len(planned) > 0 {
			t.Errorf("%s: %d steps were not read", name, len(planned))
		}
	}
}

func TestBadStoredPlanIsAnErrorWithItsPlace(t *testing.T) {
	good := string(stored(t, chaos.Plan{Scenario: shipped(t, "rush-hour"), Seed: 5}))
	lines := strings.SplitAfter(good, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"not a plan":       {"rush-hour", "plan.jsonl: want a stored plan"},
		"a broken step":    {lines[0] + lines[1] + `{"seq": "x"}`, "plan.jsonl: step 2"},
		"an unknown field": {lines[0] + `{"sequence": 1}`, "plan.jsonl: step 1"},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := chaos.ReadPlan("plan.jsonl", strings.NewReader(c.text))
			if err == nil {
				for _, err = range source.All() {
					if err != nil {
						break
					}
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestFaultsAtExactPositionsAndTheirTimes(t *testing.T) {
	s, err := chaos.Parse("own.yaml", []byte(`
name: own
phases:
  - name: one
    events: 4
    rate: 1/s
    faults:
      - {fault: duplicate, at: [2], times: 2, after: 10s}
      - {fault: delay, at: [3], by: 500ms}
      - {fault: bad-signature, at: [4], kind: unprefixed}
  - name: two
    pause: 1s
    events: 2
    rate: 1/s
    outage: true
expect: {acknowledged: 100%}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for s := range (chaos.Plan{Scenario: s, Seed: 1}).Steps() {
		got = append(got, fmt.Sprintf("%v %d/%d %s after %d %s%s", s.At, s.Event, s.Attempt, s.Expect, s.After, s.Network, s.Faults))
	}
	want := []string{
		"0s 1/1 accept after 0 []",
		"1s 2/1 accept after 0 [duplicate]",
		"2.5s 3/1 accept after 0 [delay]",
		"3s 4/1 refuse after 0 [bad-signature/unprefixed]",
		"5s 5/1 accept after 0 unreachable[outage]",
		"6s 6/1 accept after 0 unreachable[outage]",
		"7s 5/2 accept after 5 [outage]",
		"7s 6/2 accept after 6 [outage]",
		"11s 2/2 accept after 2 [duplicate]",
		"21s 2/3 accept after 9 [duplicate]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReorderedEventComesAfterThoseBehindIt(t *testing.T) {
	scenario := parseScenario(t, `
name: own
phases:
  - events: 6
    rate: 10/s
    faults: [{fault: reorder, at: [2], within: 1}, {fault: reorder, at: [4], within: 9}]
expect: {acknowledged: 100%}
`)
	var order []uint64
	for s := range (chaos.Plan{Scenario: scenario, Seed: 1}).Steps() {
		order = append(order, s.Event)
	}
	at := func(event uint64) int { return slices.Index(order, event) }
	if at(1) != 0 || at(3) != 1 || at(2) != 2 || at(4) < at(5) || len(order) != 6 {
		t.Errorf("order %v, want 2 right after 3, and 4 after 5 at least", order)
	}
}

func TestPlanHoldsNoSignature(t *testing.T) {
	for _, name := range chaos.Shipped() {
		if bytes.Contains(stored(t, chaos.Plan{Scenario: shipped(t, name), Seed: 1}), []byte("sha256=")) {
			t.Errorf("%s: there is a signature in the stored plan", name)
		}
	}
}

func TestBodyThatIsNotUTF8SurvivesJSON(t *testing.T) {
	for _, body := range []string{"", "{}", "Aïssatou <&>\u2028", "\xff\xfe{", `{"base64":"x"}`} {
		text, err := json.Marshal(chaos.Bytes(body))
		var back chaos.Bytes
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || string(back) != body {
			t.Errorf("%q became %s and %q: %v", body, text, back, err)
		}
	}
}

func TestParseShard(t *testing.T) {
	if s, err := chaos.ParseShard("3/8"); err != nil || s != (chaos.Shard{Index: 3, Of: 8}) {
		t.Errorf("3/8: %v, %v", s, err)
	}
	for _, text := range []string{"0/8", "9/8", "3", "a/b", "3/8x", "-1/2", "3/0"} {
		if _, err := chaos.ParseShard(text); err == nil {
			t.Errorf("%q is no shard", text)
		}
	}
}

func ExamplePlan_Steps() {
	scenario, err := chaos.Parse("own.yaml", []byte(`
name: own
phases:
  - events: 2
    rate: 2/s
    types: {appointment.created: 1}
    faults: [{fault: duplicate, at: [1], after: 2s}]
expect: {acknowledged: 100%}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for step := range (chaos.Plan{Scenario: scenario, Seed: 1}).Steps() {
		fmt.Println(step.At.Round(time.Millisecond), "event", step.Event, "attempt", step.Attempt)
	}
	// Output:
	// 0s event 1 attempt 1
	// 500ms event 2 attempt 1
	// 2s event 1 attempt 2
}
