package chaos_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

func TestEffectsWatchedElsewhereAreJudgedWithTheShards(t *testing.T) {
	t.Parallel()
	scenario := parseScenario(t, `
name: own
phases:
  - events: 20
    burst: true
    faults: [{fault: duplicate, probability: 50%}]
    downstream: {probability: 50%, fail: 1}
expect: {acknowledged: 100%, processed: once}
`)
	url, sink := startReceiver(t, flaws{})
	whole := chaos.Plan{Scenario: scenario, Seed: 4}

	var records [][]byte
	watching, enough := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	var effectRecord bytes.Buffer
	go func() { watched <- chaos.Watch(watching, whole, sink, nil, chaos.WriteRecords(&effectRecord)) }()
	for i := 1; i <= 2; i++ {
		part := whole
		part.Shard = chaos.Shard{Index: i, Of: 2}
		result, record := run(t.Context(), t, &chaos.Runner{URL: url, Secret: secret}, part)
		if !result.Complete {
			t.Errorf("shard %d: %s", i, explain(result))
		}
		records = append(records, record)
	}
	awaitEffects(t, sink, 20)
	enough()
	if err := <-watched; err != nil {
		t.Fatal(err)
	}

	judge := func(all ...[]byte) (chaos.Result, error) {
		tally := chaos.NewTally()
		for _, record := range all {
			if err := chaos.ReadRecords("record.jsonl", bytes.NewReader(record), tally.Add); err != nil {
				return chaos.Result{}, err
			}
		}
		return tally.Result(), nil
	}
	// In any order: nothing depends on which file is read first.
	for _, all := range [][][]byte{
		{records[0], records[1], effectRecord.Bytes()}, {effectRecord.Bytes(), records[1], records[0]},
	} {
		result, err := judge(all...)
		if err != nil || result.Verdict != chaos.Passed || result.Counts.Effects != 20 || result.Counts.Events != 20 {
			t.Errorf("%v %s", err, explain(result))
		}
	}
	if result, err := judge(records[0], records[1]); err != nil || result.Verdict != chaos.NoVerdict {
		t.Errorf("without the effects: %v %s", err, explain(result))
	}
	if result, err := judge(records[0], effectRecord.Bytes()); err != nil || result.Verdict != chaos.NoVerdict {
		t.Errorf("without a shard: %v %s", err, explain(result))
	}
	cut := records[1][:bytes.LastIndex(records[1], []byte(`{"end"`))]
	if result, err := judge(records[0], cut, effectRecord.Bytes()); err != nil || !strings.Contains(result.Reason, "cut off") {
		t.Errorf("with a shard whose record has no end: %v %s", err, explain(result))
	}
	other := whole
	other.Seed = 5
	_, foreign := run(t.Context(), t, &chaos.Runner{URL: url, Secret: secret}, other)
	if _, err := judge(records[0], foreign); err == nil || !strings.Contains(err.Error(), "another plan") {
		t.Errorf("with a record of another seed: %v", err)
	}
}

// awaitEffects waits until n events have had their effect.
func awaitEffects(t *testing.T, sink *effects.Sink, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for effects.CountDone(sink.All()) < n {
		if err := sink.Quiet(ctx, 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
