package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// cutConnection ends a connection without an answer.
func cutConnection(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

func send(ctx context.Context, b *bench) emitter.Attempt {
	r := newRun(b, Plan{Name: "sending"})
	return b.send(ctx, r.Deliver(r.Event("appointment.created")), time.Second)
}

func isLost(a emitter.Attempt) bool {
	var lost *Lost
	return errors.As(a.Err, &lost)
}

func TestARequestWithoutAnswerIsTheReceiversFaultWhileItLives(t *testing.T) {
	var cut atomic.Bool
	b, _, ctx := benchFor(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			cutConnection(w, r)
		}
	})
	if a := send(ctx, b); !a.Acknowledged() {
		t.Fatal(a.Err)
	}
	cut.Store(true)
	for range 2 * silence {
		if a := send(ctx, b); a.Err == nil || isLost(a) {
			t.Fatalf("got %v", a.Err)
		}
	}
	cut.Store(false)
	if a := send(ctx, b); !a.Acknowledged() || len(b.lab.Losses()) > 0 {
		t.Errorf("got %v, lost: %v", a.Err, b.lab.Losses())
	}
}

func TestTheEndOfAReceiverEndsWhatIsDoneToIt(t *testing.T) {
	b, instance, ctx := benchFor(t, &ledger{of: map[string]int{}}, nil)
	if a := send(ctx, b); !a.Acknowledged() {
		t.Fatal(a.Err)
	}
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	instance.url = "http://" + refused.Addr().String()
	refused.Close()
	instance.how.Store("ended with exit status 3")
	if a := send(ctx, b); !isLost(a) {
		t.Errorf("got %v", a.Err)
	}
	losses := b.lab.Losses()
	if len(losses) != 1 || losses[0].How != "ended with exit status 3" || len(losses[0].Attempts) != 2 || losses[0].Output[0] != "last words" {
		t.Fatalf("got %+v", losses)
	}
	var lost *Lost
	if !errors.As(context.Cause(ctx), &lost) {
		t.Errorf("the experiments go on: %v", context.Cause(ctx))
	}
	if a := send(ctx, b); !isLost(a) || a.Timing.Total != 0 {
		t.Errorf("a request was sent to a receiver that is gone: %+v", a.Timing)
	}
	if _, err := newRun(b, Plan{Name: "waiting"}).AwaitProcessed(ctx, "evt"); !errors.As(err, &lost) {
		t.Errorf("its effects are waited for: %v", err)
	}
}

func TestAReceiverThatNeverAnswersIsGivenUpAsAWhole(t *testing.T) {
	b, _, ctx := benchFor(t, nil, cutConnection)
	other := b.lab.newBench(b.limit)
	other.instance = b.instance
	b.lab.benches = append(b.lab.benches, other)
	first := send(ctx, b)
	if isLost(first) {
		t.Fatal("given up after one request")
	}
	for range silence - 1 {
		send(ctx, b)
	}
	if !isLost(first) {
		t.Error("the first request is held against it, among the others that are not")
	}
	if a := send(t.Context(), other); !isLost(a) {
		t.Errorf("the other instance is still examined: %v", a.Err)
	}
	if losses := b.lab.Losses(); len(losses) != 1 || !strings.Contains(losses[0].How, "gave no answer to any of the first 10 requests") {
		t.Errorf("got %+v", losses)
	}
}

func TestAnInterruptIsNoLoss(t *testing.T) {
	b, _, _ := benchFor(t, nil, cutConnection)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * silence {
		if a := send(ctx, b); isLost(a) {
			t.Fatal("an interrupted request is taken for the receiver's end")
		}
	}
}

func TestAnswers429AreWaitedForOnlySoOften(t *testing.T) {
	var requests atomic.Int64
	b, _, ctx := benchFor(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for range throttledTolerance + 1 {
		b.noteThrottled(emitter.Attempt{Status: http.StatusTooManyRequests})
	}
	r := newRun(b, Plan{Name: "throttled"})
	if a := r.Send(ctx, r.Deliver(r.Event("appointment.created"))); a.Status != http.StatusTooManyRequests || requests.Load() != 1 {
		t.Errorf("%d requests were made", requests.Load())
	}
}
