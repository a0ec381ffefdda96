package lab

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/onsi/gomega"
)

func TestOnlySoManyRequestsBeginAtATime(t *testing.T) {
	clock := clockwork.NewFakeClock()
	g := newGate(clock)
	full, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("full")
	cancel(cause)
	enter := func() func() {
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return leave
	}
	var leave []func()
	for range beginning {
		leave = append(leave, enter())
	}
	if _, err := g.enter(full); !errors.Is(err, cause) {
		t.Errorf("one more begins: %v", err)
	}
	leave[0]()
	enter()
	clock.Advance(beginningLasts)
	gomega.NewWithT(t).Eventually(func() int { return len(g.slots) }, 5*time.Second).Should(gomega.BeZero(), "those that only wait still count")
	leave[1]() // it does not count any more, and gives back nothing
	for range beginning {
		enter()
	}
	if len(g.slots) != beginning {
		t.Errorf("%d count", len(g.slots))
	}
}
