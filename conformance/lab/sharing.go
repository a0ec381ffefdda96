package lab

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

// Shared is an event that was sent to one instance of the receiver and processed by
// another: both work on the same queue. A limit, a metric or a crash that was meant
// for the one then concerns the other, so what they fail says nothing.
type Shared struct {
	EventID             string
	SentTo, ProcessedBy int // numbers of instances
}

func (s Shared) Error() string {
	return fmt.Sprintf("the instances of the receiver share what they keep: %s was sent to number %d and processed by number %d; "+
		"give each a database, schema or key prefix of its own with {{.Instance}}, which is its number", s.EventID, s.SentTo, s.ProcessedBy)
}

// deliveries remember to which instance each event was sent.
type deliveries struct {
	mu     sync.Mutex
	sentTo map[string]int
}

func (d *deliveries) note(eventID string, instance int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sentTo == nil {
		d.sentTo = map[string]int{}
	}
	d.sentTo[eventID] = instance
}

// shared looks for a call that came by the effect URL of an instance to which its
// event was not sent. Nil where there is none, or the receiver calls another URL.
func (d *deliveries) shared(calls []effects.Call) *Shared {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, call := range calls {
		sentTo, known := d.sentTo[call.EventID]
		if by := instanceOf(call.Path); known && by != 0 && by != sentTo {
			return &Shared{call.EventID, sentTo, by}
		}
	}
	return nil
}

const sinkPath = "/effects"

// effectURL is what one instance is told to call.
func effectURL(sinkURL string, instance int) string {
	if sinkURL == "" {
		return ""
	}
	return sinkURL + sinkPath + "/" + strconv.Itoa(instance)
}

// instanceOf is the number of the instance that was told this path, or 0.
func instanceOf(path string) int {
	number, isSink := strings.CutPrefix(path, sinkPath+"/")
	number, _, _ = strings.Cut(number, "/") // receivers may append to what they are told
	n, err := strconv.Atoi(number)
	if !isSink || err != nil {
		return 0
	}
	return n
}
