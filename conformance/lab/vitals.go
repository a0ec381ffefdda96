package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/moncreneau/hookcheck/conformance/target"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Lost is a receiver that can be examined no further. It is the error of the
// attempts that were therefore not made, or cut off.
type Lost struct {
	// How says what became of it: "ended with exit status 1".
	How string
	// During names the experiments that were under way.
	During string
	// Attempts are the last that were made; one of them may be the cause.
	Attempts []emitter.Attempt
	// Output are the last lines that it wrote.
	Output []string
	// Untrusted says that it is there, and nothing is delivered to it because
	// its certificate is not right.
	Untrusted bool
}

func (l *Lost) Error() string { return "the receiver " + l.How }

const (
	// recovery is how long a receiver that refuses connections may take to come back.
	recovery = 5 * time.Second
	// silence is how many requests may go without any answer before it is plain
	// that none will come.
	silence = 10
	// suspects is how many attempts are kept as the possible cause of a loss.
	suspects = 5
)

// vitals tell whether the receiver of a bench is still there. Without them the
// end of a receiver would be found once with every request after it, and each
// would be waited for.
type vitals struct {
	probing sync.Mutex // one attempt finds out, the others wait for it

	mu     sync.Mutex
	recent []emitter.Attempt
	lost   *Lost
	cancel context.CancelCauseFunc
}

// begin makes a context that ends with the receiver's loss.
func (v *vitals) begin(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel = cancel
	if v.lost != nil {
		cancel(v.lost)
	}
	return ctx, cancel
}

func (v *vitals) isLost() *Lost {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lost
}

// lose puts the loss on record and ends what the bench is doing.
func (v *vitals) lose(lost *Lost) *Lost {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lost == nil {
		v.lost = lost
		if v.cancel != nil {
			v.cancel(lost)
		}
	}
	return v.lost
}

func (v *vitals) remember(a emitter.Attempt) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.recent = append(v.recent, a); len(v.recent) > suspects {
		v.recent = v.recent[1:]
	}
}

func (v *vitals) last() []emitter.Attempt {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]emitter.Attempt(nil), v.recent...)
}

// loss describes the end of the bench's receiver.
func (b *bench) loss(how string) *Lost {
	return b.vitals.lose(&Lost{How: how, During: b.purpose(), Attempts: b.vitals.last(), Output: b.instance.LastOutput()})
}

// examine looks at what an attempt says about the receiver. An attempt that was
// cut off by the receiver's end gets that as its error.
func (b *bench) examine(ctx context.Context, a emitter.Attempt) emitter.Attempt {
	if a.Err == nil {
		b.vitals.remember(a)
		b.lab.hopes.answered()
		return a
	}
	if lost := b.vitals.isLost(); lost != nil {
		a.Err = lost
		return a
	}
	if ctx.Err() != nil {
		a.Err = context.Cause(ctx)
		return a
	}
	b.vitals.remember(a)
	var untrusted *tls.CertificateVerificationError
	if errors.As(a.Err, &untrusted) {
		a.Err = b.vitals.lose(&Lost{How: fmt.Sprintf("was not delivered to (%v)", untrusted), Untrusted: true})
		return a
	}
	if !isTimeout(a.Err) {
		if lost := b.probe(ctx); lost != nil {
			a.Err = lost
			return a
		}
	}
	if a.Delivery.Framing.Missing > 0 { // who does not finish its request gets no answer
		return a
	}
	if b.lab.hopes.unanswered() {
		lost := &Lost{
			How:    fmt.Sprintf("gave no answer to any of the first %d requests (%s)", silence, reason(a)),
			During: everything, Attempts: b.vitals.last(),
		}
		for _, other := range b.lab.benches {
			_ = other.vitals.lose(lost) // the first loss of a receiver is the one that is told
		}
	}
	a.Err = &unanswered{a.Err, &b.vitals}
	return a
}

// DespiteLoss is a context that goes on when the receiver is lost, for looking at
// what can be seen of it all the same.
func DespiteLoss(ctx context.Context) (context.Context, context.CancelFunc) {
	on, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		var lost *Lost
		if !errors.As(context.Cause(ctx), &lost) {
			cancel()
		}
	})
	return on, func() { stop(); cancel() }
}

// probe finds out whether the receiver still takes connections.
func (b *bench) probe(ctx context.Context) *Lost {
	b.vitals.probing.Lock()
	defer b.vitals.probing.Unlock()
	if lost := b.vitals.isLost(); lost != nil {
		return lost
	}
	err := target.Reachable(ctx, b.instance, recovery)
	switch how := b.exited(); {
	case how != "":
		return b.loss(how)
	case err != nil && ctx.Err() == nil:
		var refusal *net.OpError
		if errors.As(err, &refusal) {
			err = refusal.Err
		}
		return b.loss(fmt.Sprintf("takes no more connections (%v)", err))
	}
	return nil
}

// hopes are what there is of a receiver that has not answered anything yet.
type hopes struct {
	mu     sync.Mutex
	any    bool
	silent int
}

func (h *hopes) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.any = true
}

// unanswered counts a request and says whether there is no more hope.
func (h *hopes) unanswered() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent++
	return !h.any && h.silent >= silence
}

// unanswered is why a request had no answer. It is also the receiver's loss,
// if it turns out later that it never answers.
type unanswered struct {
	error
	vitals *vitals
}

func (u *unanswered) Unwrap() error { return u.error }

func (u *unanswered) As(into any) bool {
	lost, ok := into.(**Lost)
	if !ok {
		return false
	}
	found := u.vitals.isLost()
	if found == nil || found.During != everything {
		return false
	}
	*lost = found
	return true
}

func reason(a emitter.Attempt) string {
	if isTimeout(a.Err) {
		return fmt.Sprintf("none within %v", a.Timing.Total.Round(100*time.Millisecond))
	}
	return strings.TrimPrefix(a.Err.Error(), "emit: ")
}

// everything is what a receiver that never answers is lost to.
const everything = "everything"

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
