package reference

import "sync"

// intake brings together the events that arrive while a commit is under way, so that
// the next commit takes them all: being durable costs each of them only a share.
type intake struct {
	arrived chan struct{} // has room for one: there is a batch to take

	mu     sync.Mutex
	closed bool
	next   *batch
}

// batch is the events of one commit.
type batch struct {
	events []*acceptance
	done   chan struct{} // closed when the commit has succeeded or failed
	err    error
}

// acceptance is an event that waits to be on disk.
type acceptance struct {
	event     Event
	seq       int64 // SQLite: its place in the queue
	duplicate bool
}

func newIntake() *intake { return &intake{arrived: make(chan struct{}, 1), next: newBatch()} }

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// accept waits for the commit that the event is part of. It does not give up before:
// whoever commits sees to it that this ends.
func (in *intake) accept(event Event) (duplicate bool, err error) {
	a := &acceptance{event: event}
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return false, errStopped
	}
	b := in.next
	b.events = append(b.events, a)
	in.mu.Unlock()
	select {
	case in.arrived <- struct{}{}:
	default: // it is known
	}
	<-b.done
	return a.duplicate, b.err
}

// take returns what has come together, which may be nothing. Whoever takes it settles it.
func (in *intake) take() *batch {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.next.events) == 0 {
		return &batch{}
	}
	taken := in.next
	in.next = newBatch()
	return taken
}

// close lets no more events in. What is there already can still be taken.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
}

// settle lets everyone go who waits for the commit.
func (b *batch) settle(err error) {
	if len(b.events) == 0 {
		return
	}
	b.err = err
	close(b.done)
}
