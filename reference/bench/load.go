package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const secret = "whsec_bench_0123456789abcdef0123456789abcdef"

// load sends events, each with an id of its own, over connections that are kept, each
// as fast as its answers come. It costs little, because it shares the machine with
// the server.
type load struct {
	address     string
	connections int
	duration    time.Duration
}

type figures struct {
	perSecond float64
	p50, p99  time.Duration
	count     int64
	cpu       time.Duration // that the server took, its start included
}

func (f figures) String() string {
	return fmt.Sprintf("%8.0f/s  p50 %7s  p99 %7s  %6s of processor each", f.perSecond,
		f.p50.Round(10*time.Microsecond), f.p99.Round(10*time.Microsecond), (f.cpu / time.Duration(max(1, f.count))).Round(100*time.Nanosecond))
}

// nextID makes ids that are new in every run against the same store.
var nextID atomic.Int64

func (l load) run(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	var (
		mu   sync.Mutex
		all  = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
		errs []error
		wg   sync.WaitGroup
	)
	start := time.Now()
	for range l.connections {
		wg.Go(func() {
			own, err := l.connection(ctx)
			mu.Lock()
			defer mu.Unlock()
			all.Merge(own)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	return figures{
		perSecond: float64(all.TotalCount()) / took.Seconds(),
		count:     all.TotalCount(),
		p50:       time.Duration(all.ValueAtQuantile(50)) * time.Microsecond,
		p99:       time.Duration(all.ValueAtQuantile(99)) * time.Microsecond,
	}, errors.Join(errs...)
}

func (l load) connection(ctx context.Context) (*hdrhistogram.Histogram, error) {
	latencies := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	c, err := dial(ctx, l.address)
	if err != nil {
		return latencies, err
	}
	defer c.Close()
	for ctx.Err() == nil {
		start := time.Now()
		status, err := c.deliver("evt_bench_" + strconv.FormatInt(nextID.Add(1), 36))
		if err != nil {
			return latencies, err
		}
		if status != 200 {
			return latencies, fmt.Errorf("answered %d", status)
		}
		_ = latencies.RecordValue(time.Since(start).Microseconds())
	}
	return latencies, nil
}

// client is one connection.
type client struct {
	net.Conn
	in      *bufio.Reader
	out     []byte
	body    []byte
	sum     []byte
	address string
}

func dial(ctx context.Context, address string) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{Conn: conn, in: bufio.NewReader(conn), address: address}, nil
}

// deliver sends one signed event and waits for the whole answer.
func (c *client) deliver(id string) (status int, err error) {
	if _, err := c.Write(c.request(id)); err != nil {
		return 0, err
	}
	return c.answer()
}

func (c *client) request(id string) []byte {
	c.body = append(c.body[:0], `{"id":"`...)
	c.body = append(c.body, id...)
	c.body = append(c.body, event...)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(c.body)
	c.sum = mac.Sum(c.sum[:0])
	c.out = append(c.out[:0], "POST /webhooks/moncreneau HTTP/1.1\r\nHost: "...)
	c.out = append(c.out, c.address...)
	c.out = append(c.out, "\r\nContent-Type: application/json\r\nX-Moncreneau-Event: appointment.created\r\nX-Moncreneau-Delivery: dlv_"...)
	c.out = append(c.out, id...)
	c.out = append(c.out, "\r\nX-Moncreneau-Signature: sha256="...)
	c.out = hex.AppendEncode(c.out, c.sum)
	c.out = append(c.out, "\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(c.body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	return append(c.out, c.body...)
}

func (c *client) answer() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("not an answer in HTTP: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := 0
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	_, err = io.CopyN(io.Discard, c.in, int64(length))
	return status, err
}

// event is an event after its id, as long as the published ones.
const event = `","type":"appointment.created","created":"2026-01-21T14:30:00Z","data":{"object":{"id":201822465,` +
	`"departmentId":701,"department":{"id":701,"name":"Maternité","organization":{"id":7,"name":"Hôpital régional de Labé"}},` +
	`"dateTime":"2026-04-15T10:00:00","status":"SCHEDULED","name":"Moussa Soumah","phone":"+224666000612",` +
	`"email":"moussa.soumah800@example.org","qrCode":"https://moncreneau.gn/qr/201822465",` +
	`"createdAt":"2026-03-28T09:22:54Z","creditsUsed":1}}}`
