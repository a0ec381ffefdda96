// Package feed tells live listeners what has changed in the store.
package feed

import (
	"sync"

	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

// maxBehind is how many changed rows a listener may have waiting; one that falls
// further behind is told to load everything again.
const maxBehind = 500

// Hub hands changes to its listeners. The zero value is ready to use.
type Hub struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

// Publish tells every listener; it never blocks, so it can be given to
// store.OnCommit.
func (h *Hub) Publish(changes []store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		l.add(changes)
	}
}

// Listen returns a listener for what changes from now on. It must be closed.
func (h *Hub) Listen() *Listener {
	l := &Listener{hub: h, ready: make(chan struct{}, 1), known: map[store.Change]bool{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners == nil {
		h.listeners = map[*Listener]struct{}{}
	}
	h.listeners[l] = struct{}{}
	return l
}

// Listener collects changes until it is asked for them. A row that changes twice
// meanwhile is named once.
type Listener struct {
	hub   *Hub
	ready chan struct{}

	mu       sync.Mutex
	waiting  []store.Change
	known    map[store.Change]bool
	overflow bool
}

func (l *Listener) add(changes []store.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range changes {
		if l.overflow || l.known[c] {
			continue
		}
		if len(l.waiting) == maxBehind {
			l.overflow, l.waiting = true, nil
			clear(l.known)
			continue
		}
		l.known[c] = true
		l.waiting = append(l.waiting, c)
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// Ready receives when Take has something.
func (l *Listener) Ready() <-chan struct{} { return l.ready }

// Take returns what has changed, in order of the first change. all is true when
// that was too much: everything is then to be loaded again.
func (l *Listener) Take() (changes []store.Change, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, all = l.waiting, l.overflow
	l.waiting, l.overflow = nil, false
	clear(l.known)
	return changes, all
}

// Close ends listening.
func (l *Listener) Close() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.hub.listeners, l)
}
