package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// Logs observes the lines that a receiver writes to its standard output.
type Logs struct {
	processed, deadLetter *regexp.Regexp

	mu      sync.Mutex
	records map[string][]Record // by event id
	plain   []string            // lines that are no JSON object
	lines   []string
	total   int
}

// Record is one line that is a JSON object.
type Record struct {
	Line    string
	Fields  map[string]any
	Message string
}

// keepLines bounds the memory for the lines kept word for word; counting goes on beyond.
const keepLines = 20000

// NewLogs prepares to read lines as cfg describes them, whose expressions
// [config.Config.Check] has compiled before.
func NewLogs(cfg config.Logs) (*Logs, error) {
	processed, err := regexp.Compile("(?i)" + cfg.Processed)
	if err != nil {
		return nil, fmt.Errorf("observe.logs.processed: %w", err)
	}
	deadLetter, err := regexp.Compile("(?i)" + cfg.DeadLetter)
	if err != nil {
		return nil, fmt.Errorf("observe.logs.deadLetter: %w", err)
	}
	return &Logs{processed: processed, deadLetter: deadLetter, records: map[string][]Record{}}, nil
}

// Line takes one line.
func (l *Logs) Line(line string) {
	var fields map[string]any
	err := json.Unmarshal([]byte(line), &fields)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.lines) < keepLines {
		l.lines = append(l.lines, line)
	}
	if err != nil || fields == nil {
		if len(l.plain) < keepLines {
			l.plain = append(l.plain, line)
		}
		return
	}
	if id := text(fields, "eventId"); id != "" {
		message := text(fields, "message")
		if message == "" {
			message = text(fields, "msg")
		}
		l.records[id] = append(l.records[id], Record{Line: line, Fields: fields, Message: message})
	}
}

func text(fields map[string]any, key string) string {
	s, _ := fields[key].(string)
	return s
}

// Name is "logs".
func (*Logs) Name() string { return "logs" }

// PerEvent is true: lines name their event.
func (*Logs) PerEvent() bool { return true }

// Count is how many lines say that the event has been processed.
func (l *Logs) Count(_ context.Context, eventID string) (int, error) {
	return l.matching(eventID, l.processed), nil
}

// ProcessedAs is the type that the event has in the line that says that it was
// processed, "" while there is none or it does not say. Earlier lines may tell
// what a header claimed.
func (l *Logs) ProcessedAs(eventID string) string {
	for _, record := range l.Records(eventID) {
		if l.processed.MatchString(record.Message) {
			return text(record.Fields, "eventType")
		}
	}
	return ""
}

// DeadLetters is how many lines say that the event was given up.
func (l *Logs) DeadLetters(eventID string) int { return l.matching(eventID, l.deadLetter) }

func (l *Logs) matching(eventID string, expression *regexp.Regexp) (n int) {
	for _, record := range l.Records(eventID) {
		if expression.MatchString(record.Message) {
			n++
		}
	}
	return n
}

// Records are the lines about an event.
func (l *Logs) Records(eventID string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records[eventID])
}

// Lines are all lines so far, and those of them that are no JSON object.
func (l *Logs) Lines() (all, plain []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines), slices.Clone(l.plain)
}
