package load_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/load"
)

func TestRecordIsALineOfJSONForEachExchange(t *testing.T) {
	var out bytes.Buffer
	err := load.WriteRecords(&out, 3)([]load.Exchange{
		{Number: 1, EventID: "evt_1", Due: 1, Start: 2, End: 3 * time.Second, Status: 202},
		{Number: 2, EventID: "evt_2", Err: errors.New(`a "quoted" error`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Number              uint64
		EventID, DeliveryID string
		Due, Start, End     time.Duration
		Status              int
		Error               string
	}
	decoder := json.NewDecoder(&out)
	for _, want := range []line{
		{1, "evt_1", emitter.DeliveryID(3, 1), 1, 2, 3 * time.Second, 202, ""},
		{2, "evt_2", emitter.DeliveryID(3, 2), 0, 0, 0, 0, `a "quoted" error`},
	} {
		var got line
		if err := decoder.Decode(&got); err != nil || got != want {
			t.Errorf("got %+v, want %+v: %v", got, want, err)
		}
	}
}
