package load

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// WriteRecords returns an Options.Record that writes each exchange to w as a line
// of JSON, times in nanoseconds from the start of the run. seed is the run's.
func WriteRecords(w io.Writer, seed uint64) func([]Exchange) error {
	var lines []byte
	return func(batch []Exchange) error {
		lines = lines[:0]
		for _, x := range batch {
			lines = appendLine(lines, x, seed)
		}
		_, err := w.Write(lines)
		return err
	}
}

// appendLine is json.Marshal for what needs no escaping, which is most of it.
func appendLine(b []byte, x Exchange, seed uint64) []byte {
	b = append(b, `{"number":`...)
	b = strconv.AppendUint(b, x.Number, 10)
	b = append(append(b, `,"eventId":"`...), x.EventID...)
	b = emitter.AppendDeliveryID(append(b, `","deliveryId":"`...), seed, x.Number)
	b = append(b, '"')
	for _, t := range []struct {
		key string
		at  time.Duration
	}{{`,"due":`, x.Due}, {`,"start":`, x.Start}, {`,"end":`, x.End}} {
		b = strconv.AppendInt(append(b, t.key...), int64(t.at), 10)
	}
	b = strconv.AppendInt(append(b, `,"status":`...), int64(x.Status), 10)
	if x.Err != nil {
		text, _ := json.Marshal(x.Err.Error()) // a string always marshals
		b = append(append(b, `,"error":`...), text...)
	}
	return append(b, "}\n"...)
}
