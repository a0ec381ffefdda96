package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// resolve is the address of the endpoint, the first that its name has.
func resolve(ctx context.Context, target *url.URL) (netip.AddrPort, error) {
	port := target.Port()
	if port == "" {
		port = "80"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %q: %w", port, err)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", target.Hostname())
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addresses[0].Unmap(), uint16(number)), nil
}

// longestWait is how long a loop waits before it looks at its context again.
const longestWait = 100 * time.Millisecond

// loop drives a lane's connections with epoll on one thread. The runtime's own
// poller would wake a goroutine for every answer; here an answer is read, and the
// next event sent, in the same turn.
type loop struct {
	*lane
	address unix.Sockaddr
	family  int
	epoll   int
	timer   int // timerfd for the pace: epoll itself waits in whole milliseconds
	byFD    map[int32]*conn
	idle    []*conn
	busy    int           // connections that wait for an answer
	swept   time.Duration // when timeouts were last looked for
}

// conn is one connection. It is idle, or waits for the answer to exchange.
type conn struct {
	fd       int
	out, in  []byte
	written  int // of out
	exchange Exchange
	waiting  bool
}

// run sends the lane's events and waits for their answers.
func (l *lane) run(ctx context.Context, address netip.AddrPort) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	loop, err := newLoop(l, address)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer loop.close()
	for range l.connections {
		if err := loop.connect(&conn{}); err != nil {
			return fmt.Errorf("load: connect to %s: %w", address, err)
		}
	}
	if err := loop.turn(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := l.flush(); err != nil {
		return fmt.Errorf("load: record: %w", err)
	}
	return nil
}

func newLoop(l *lane, address netip.AddrPort) (*loop, error) {
	o := &loop{lane: l, byFD: map[int32]*conn{}, timer: -1}
	if ip := address.Addr(); ip.Is4() {
		o.family, o.address = unix.AF_INET, &unix.SockaddrInet4{Port: int(address.Port()), Addr: ip.As4()}
	} else {
		o.family, o.address = unix.AF_INET6, &unix.SockaddrInet6{Port: int(address.Port()), Addr: ip.As16()}
	}
	var err error
	if o.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.interval > 0 {
		if o.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err == nil {
			err = o.watch(unix.EPOLL_CTL_ADD, o.timer, unix.EPOLLIN)
		}
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *loop) close() {
	for _, c := range o.byFD {
		_ = unix.Close(c.fd)
	}
	if o.timer >= 0 {
		_ = unix.Close(o.timer)
	}
	_ = unix.Close(o.epoll)
}

func (o *loop) watch(operation, fd int, events uint32) error {
	return unix.EpollCtl(o.epoll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}) //nolint:gosec // descriptors are small
}

// connect makes a connection and waits for it: an endpoint that does not take one
// within the timeout is not there.
func (o *loop) connect(c *conn) error {
	fd, err := unix.Socket(o.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	limit := unix.NsecToTimeval(o.timeout.Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit) // bounds connect, socket(7)
	if err = unix.Connect(fd, o.address); err == nil {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err = unix.SetNonblock(fd, true); err == nil {
			err = o.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	*c = conn{fd: fd, out: c.out[:0], in: c.in[:0]}
	o.byFD[int32(fd)] = c //nolint:gosec // descriptors are small
	o.idle = append(o.idle, c)
	return nil
}

// turn goes round until everything is sent and answered.
func (o *loop) turn(ctx context.Context) error {
	events := make([]unix.EpollEvent, 256)
	for {
		if ctx.Err() != nil {
			return o.interrupt()
		}
		more, err := o.send()
		if err != nil {
			return err
		}
		if !more && o.busy == 0 {
			return nil
		}
		n, err := unix.EpollWait(o.epoll, events, int(longestWait.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			if err := o.handle(event); err != nil {
				return err
			}
		}
		if err := o.sweep(); err != nil {
			return err
		}
	}
}

// send puts events that are due on idle connections, and says whether there are
// more to come.
func (o *loop) send() (more bool, err error) {
	for {
		now := o.now()
		due, more := o.due(now)
		if !more {
			return false, nil
		}
		if due > now {
			return true, o.arm(due)
		}
		if len(o.idle) == 0 {
			return true, nil
		}
		c := o.idle[len(o.idle)-1]
		o.idle = o.idle[:len(o.idle)-1]
		c.out, c.exchange = o.next(c.out[:0])
		c.exchange.Due, c.exchange.Start = due, o.now()
		if o.interval == 0 {
			c.exchange.Due = c.exchange.Start
		}
		c.waiting, c.written = true, 0
		o.busy++
		if err := o.write(c); err != nil {
			return true, err
		}
	}
}

// arm wakes the loop when the next event is due.
func (o *loop) arm(due time.Duration) error {
	in := max(due-o.now(), 1)
	return unix.TimerfdSettime(o.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(in.Nanoseconds())}, nil)
}

func (o *loop) handle(event unix.EpollEvent) error {
	if int(event.Fd) == o.timer {
		var ticks [8]byte
		_, _ = unix.Read(o.timer, ticks[:]) // only to quiet it
		return nil
	}
	c := o.byFD[event.Fd]
	if c == nil {
		return nil // closed earlier in this turn
	}
	if event.Events&unix.EPOLLOUT != 0 {
		if err := o.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN); err != nil {
			return err
		}
		return o.write(c)
	}
	return o.read(c)
}

// write writes what it can of c.out; the rest when the socket takes more.
func (o *loop) write(c *conn) error {
	n, err := unix.Write(c.fd, c.out[c.written:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		n = 0
	case err != nil:
		return o.fail(c, err)
	}
	if c.written += n; c.written < len(c.out) {
		return o.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN|unix.EPOLLOUT)
	}
	return nil
}

// read takes in what has come, and finishes the exchange when it is complete.
func (o *loop) read(c *conn) error {
	if cap(c.in)-len(c.in) < 512 {
		c.in = append(make([]byte, 0, 2*cap(c.in)+4096), c.in...)
	}
	n, err := unix.Read(c.fd, c.in[len(c.in):cap(c.in)])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return o.fail(c, err)
	}
	c.in = c.in[:len(c.in)+n]
	if !c.waiting { // an idle connection that was closed, or speaks unasked
		return o.reconnect(c)
	}
	a, err := parseAnswer(c.in, n == 0)
	if err != nil {
		return o.fail(c, err)
	}
	if !a.complete {
		return nil
	}
	c.exchange.Status = a.status
	if err := o.finish(c); err != nil {
		return err
	}
	if a.toClose || n == 0 || a.length != len(c.in) || c.written < len(c.out) {
		return o.reconnect(c)
	}
	c.in = c.in[:0]
	o.idle = append(o.idle, c)
	return nil
}

// finish records c's exchange.
func (o *loop) finish(c *conn) error {
	c.exchange.End = o.now()
	c.waiting = false
	o.busy--
	return o.done(c.exchange)
}

// fail records that c's exchange brought no answer, and starts c anew.
func (o *loop) fail(c *conn, err error) error {
	if c.waiting {
		c.exchange.Err = err
		if err := o.finish(c); err != nil {
			return err
		}
	}
	return o.reconnect(c)
}

func (o *loop) reconnect(c *conn) error {
	delete(o.byFD, int32(c.fd)) //nolint:gosec // descriptors are small
	_ = unix.Close(c.fd)
	for i, other := range o.idle {
		if other == c {
			o.idle = append(o.idle[:i], o.idle[i+1:]...)
			break
		}
	}
	if err := o.connect(c); err != nil {
		return fmt.Errorf("connect again: %w", err)
	}
	return nil
}

// sweep ends exchanges that take too long; it looks ten times in a timeout.
func (o *loop) sweep() error {
	now := o.now()
	if now-o.swept < o.timeout/10 {
		return nil
	}
	o.swept = now
	for _, c := range o.byFD {
		if c.waiting && now-c.exchange.Start > o.timeout {
			if err := o.fail(c, errTimeout); err != nil {
				return err
			}
		}
	}
	return nil
}

// interrupt records what is under way as interrupted.
func (o *loop) interrupt() error {
	for _, c := range o.byFD {
		if c.waiting {
			c.exchange.Err = ErrInterrupted
			if err := o.finish(c); err != nil {
				return err
			}
		}
	}
	return nil
}
