package load

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/url"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// batchSize is how many exchanges are recorded at a time.
const batchSize = 512

// lane is what one thread sends: every n-th event, over its share of the
// connections. Nothing in it is shared.
type lane struct {
	types       []string
	seed        uint64
	connections int
	timeout     time.Duration
	start       time.Time
	deadline    time.Duration // from start, after which nothing is sent; 0 is never
	interval    time.Duration // between two of the lane's events; 0 is no pace
	offset      time.Duration // of its first

	number, stride, end uint64 // of the next event, from one to the next, of the first that is not sent

	events *fixtures.Generator
	mac    hash.Hash
	body   []byte
	sum    []byte
	head   []byte // of every request, up to the event's type

	batch    []Exchange
	recorder *recorder
}

func newLane(o Options, target *url.URL, index int, start time.Time, r *recorder) *lane {
	path := target.RequestURI()
	l := &lane{
		types: o.Types, seed: o.Seed, timeout: o.Timeout, start: start, deadline: o.Duration,
		number: uint64(index), stride: uint64(o.Threads), end: o.Count, //nolint:gosec // small counts
		connections: (o.Connections + o.Threads - 1 - index) / o.Threads,
		events:      fixtures.NewGenerator(o.Seed), mac: hmac.New(sha256.New, []byte(o.Secret)),
		head: []byte("POST " + path + " HTTP/1.1\r\nHost: " + target.Host +
			"\r\nUser-Agent: hookcheck\r\nContent-Type: application/json\r\n" + emitter.HeaderEvent + ": "),
		batch: make([]Exchange, 0, batchSize), recorder: r,
	}
	if o.Rate > 0 {
		l.interval = time.Duration(float64(time.Second) / o.Rate * float64(o.Threads))
		l.offset = l.interval * time.Duration(index) / time.Duration(o.Threads)
	}
	return l
}

// now is the time since the start of the run.
func (l *lane) now() time.Duration { return time.Since(l.start) }

// due is when the next event is to be sent, now being the time; more says
// whether there is a next event.
func (l *lane) due(now time.Duration) (due time.Duration, more bool) {
	due = now
	if l.interval > 0 {
		due = l.offset + time.Duration(l.number/l.stride)*l.interval //nolint:gosec // a count of events
	}
	if l.end > 0 && l.number >= l.end || l.deadline > 0 && due >= l.deadline {
		return 0, false
	}
	return due, true
}

// next appends the request of the next event to dst.
func (l *lane) next(dst []byte) ([]byte, Exchange) {
	n := l.number
	l.number += l.stride
	l.events.Seek(n)
	var event fixtures.Event
	l.body, event = l.events.AppendEvent(l.body[:0], l.types[n%uint64(len(l.types))])

	l.mac.Reset()
	l.mac.Write(event.Body) // never fails, says hash.Hash
	l.sum = l.mac.Sum(l.sum[:0])

	dst = append(dst, l.head...)
	dst = append(dst, event.Type...)
	dst = append(dst, "\r\n"+emitter.HeaderDelivery+": "...)
	dst = emitter.AppendDeliveryID(dst, l.seed, n)
	dst = append(dst, "\r\n"+emitter.HeaderSignature+": sha256="...)
	dst = hex.AppendEncode(dst, l.sum)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(event.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, event.Body...), Exchange{Number: n, EventID: event.ID}
}

// done records an exchange.
func (l *lane) done(x Exchange) error {
	l.batch = append(l.batch, x)
	if len(l.batch) < batchSize {
		return nil
	}
	return l.flush()
}

func (l *lane) flush() error {
	err := l.recorder.flush(l.batch)
	l.batch = l.batch[:0]
	return err
}
