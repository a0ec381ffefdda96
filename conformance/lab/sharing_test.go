package lab

import (
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

func TestSharingIsSeenByTheURLThatWasCalled(t *testing.T) {
	for name, c := range map[string]struct {
		call   effects.Call
		shared bool
	}{
		"by the instance that it was sent to": {effects.Call{EventID: "evt_1", Path: "/effects/1"}, false},
		"by another":                          {effects.Call{EventID: "evt_1", Path: "/effects/2"}, true},
		"with something appended":             {effects.Call{EventID: "evt_1", Path: "/effects/2/done"}, true},
		"by a URL that nobody was told":       {effects.Call{EventID: "evt_1", Path: "/effects"}, false},
		"by a path of the receiver's own":     {effects.Call{EventID: "evt_1", Path: "/orders/2"}, false},
		"an event that nobody sent":           {effects.Call{EventID: "evt_2", Path: "/effects/2"}, false},
	} {
		var d deliveries
		d.note("evt_1", 1)
		if got := d.shared([]effects.Call{c.call}); (got != nil) != c.shared {
			t.Errorf("%s: %v", name, got)
		}
	}
	const sink = "http://127.0.0.1:1"
	if got := instanceOf(strings.TrimPrefix(effectURL(sink, 12), sink)); got != 12 {
		t.Errorf("number 12 is told %s, which is of number %d", effectURL(sink, 12), got)
	}
}
