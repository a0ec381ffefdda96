package feed

import (
	"fmt"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

func change(n int) store.Change {
	return store.Change{Kind: store.KindDelivery, ID: fmt.Sprint(n)}
}

func TestAListenerGetsEachRowOnce(t *testing.T) {
	var hub Hub
	l := hub.Listen()
	defer l.Close()
	hub.Publish([]store.Change{change(1), change(2)})
	hub.Publish([]store.Change{change(1), change(3)})
	<-l.Ready()
	if changes, all := l.Take(); all || fmt.Sprint(changes) != "[{delivery 1} {delivery 2} {delivery 3}]" {
		t.Errorf("%v, all %t", changes, all)
	}
	hub.Publish([]store.Change{change(1)})
	if changes, _ := l.Take(); len(changes) != 1 {
		t.Errorf("a row that changes again is told %d times, want once", len(changes))
	}
}

func TestAListenerThatFallsBehindIsToldToLoadEverything(t *testing.T) {
	var hub Hub
	l := hub.Listen()
	defer l.Close()
	for n := range 10 * maxBehind {
		hub.Publish([]store.Change{change(n)})
	}
	if changes, all := l.Take(); !all || len(changes) != 0 {
		t.Errorf("%d changes, all %t", len(changes), all)
	}
	hub.Publish([]store.Change{change(1)})
	if changes, all := l.Take(); all || len(changes) != 1 {
		t.Errorf("afterwards %d changes, all %t", len(changes), all)
	}
}

func TestAClosedListenerIsForgotten(t *testing.T) {
	var hub Hub
	l := hub.Listen()
	l.Close()
	hub.Publish([]store.Change{change(1)})
	if changes, _ := l.Take(); len(changes) != 0 || len(hub.listeners) != 0 {
		t.Errorf("%d changes, %d listeners", len(changes), len(hub.listeners))
	}
}
