package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// event is what is kept of a delivery.
type event struct {
	Key        string          `json:"key"` // what it is deduplicated on: its id
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	DeliveryID string          `json:"deliveryId"`
	Data       json.RawMessage `json:"data,omitempty"`
	Attempts   int             `json:"attempts"`
	Due        time.Time       `json:"due"`
}

// state is how far an event has come.
type state string

const (
	waiting state = "waiting"
	done    state = "done"
	dead    state = "dead"
)

// record is a line of the journal. The last one for a key holds.
type record struct {
	State state `json:"state"`
	Event event `json:"event"`
}

// store is an append-only journal, and what it says so far.
type store struct {
	mu      sync.Mutex
	file    *os.File
	records map[string]record
	closed  bool
}

// openStore reads the journal at path, or makes a new one. Half a line at its
// end, left by a crash, was never acknowledged and is cut off.
func openStore(path string) (*store, []event, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	s := &store{records: map[string]record{}}
	whole := bytes.LastIndexByte(text, '\n') + 1
	lines := bufio.NewScanner(bytes.NewReader(text[:whole]))
	lines.Buffer(nil, len(text)+1)
	var order []string
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, nil, fmt.Errorf("journal: %w", err)
		}
		if _, known := s.records[r.Event.Key]; !known {
			order = append(order, r.Event.Key)
		}
		s.records[r.Event.Key] = r
	}
	s.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // as above
	if err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	if err := errors.Join(s.file.Truncate(int64(whole)), syncDirectory(filepath.Dir(path))); err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	var unfinished []event
	for _, key := range order {
		if r := s.records[key]; r.State == waiting {
			unfinished = append(unfinished, r.Event)
		}
	}
	return s, unfinished, nil
}

// syncDirectory makes the name of a new file survive, too.
func syncDirectory(path string) error {
	directory, err := os.Open(path) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// accept keeps a new event, and reports whether it was new. When it returns,
// the event is on disk.
func (s *store) accept(ev event) (isNew bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.records[ev.Key]; known {
		return false, nil
	}
	return true, s.append(record{waiting, ev})
}

// set records how far an event has come.
func (s *store) set(to state, ev event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.append(record{to, ev})
}

func (s *store) append(r record) error {
	if s.closed {
		return errors.New("journal: closed")
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		s.closed = true // maybe in the middle of a line; only a restart can mend that
		return fmt.Errorf("journal: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s.records[r.Event.Key] = r
	return nil
}

// revive makes a dead event a waiting one, as if it were new.
func (s *store) revive(id string) (event, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.records {
		if r.State == dead && r.Event.ID == id {
			r.State, r.Event.Attempts, r.Event.Due = waiting, 0, time.Time{}
			return r.Event, true, s.append(r)
		}
	}
	return event{}, false, nil
}

// knows reports whether the key has been seen.
func (s *store) knows(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.records[key]
	return known
}

// forget takes a key out of those that are known, in memory only.
func (s *store) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key)
}

// forgetFinished is forget for all that is done or dead.
func (s *store) forgetFinished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.records, func(_ string, r record) bool { return r.State != waiting })
}

// discard marks everything that waits as done, without doing it.
func (s *store) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.records {
		if r.State == waiting {
			_ = s.append(record{done, r.Event})
		}
	}
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_ = s.file.Close()
}
