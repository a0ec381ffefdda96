package load

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// loop drives a lane's connections with epoll on one thread. The runtime's own
// poller would wake a goroutine for every answer; here an answer is read, and the
// next event sent, in the same turn.
type loop struct {
	*lane
	address unix.Sockaddr
	family  int
	epoll   int
	timer   int // timerfd for the pace: epoll itself waits in whole milliseconds
	conns   []*conn
	idle    []*conn
	busy    int           // connections that wait for an answer
	swept   time.Duration // when timeouts were last looked for
}

// timerSlot is what epoll calls the timer by; it calls connections by their slot.
const timerSlot = -1

// run sends the lane's events and waits for their answers.
func (l *lane) run(ctx context.Context, address netip.AddrPort) error {
	runtime.LockOSThread() // for good: the thread ends with the lane, since it may no longer be like others
	if l.interval == 0 {
		yieldToOthers()
	}
	loop, err := newLoop(l, address)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer loop.close()
	for range l.connections {
		if err := loop.open(); err != nil {
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
	o := &loop{lane: l, timer: -1}
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
			err = o.watch(o.timer, timerSlot, unix.EPOLLIN)
		}
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *loop) close() {
	for _, c := range o.conns {
		if c.fd >= 0 {
			_ = unix.Close(c.fd)
		}
	}
	if o.timer >= 0 {
		_ = unix.Close(o.timer)
	}
	_ = unix.Close(o.epoll)
}

// watch has epoll tell of fd, by slot.
func (o *loop) watch(fd int, slot int32, events uint32) error {
	return unix.EpollCtl(o.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: slot})
}

// open makes a connection more.
func (o *loop) open() error {
	c := &conn{slot: int32(len(o.conns))} //nolint:gosec // connections are few
	if err := o.connect(c); err != nil {
		return err
	}
	o.conns = append(o.conns, c)
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
		happened, err := o.wait(events)
		if err != nil {
			return err
		}
		for _, event := range happened {
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
	if event.Fd == timerSlot {
		var ticks [8]byte
		_, _ = unix.Read(o.timer, ticks[:]) // only to quiet it
		return nil
	}
	c := o.conns[event.Fd]
	if c.written < len(c.out) {
		if err := o.write(c); err != nil {
			return err
		}
	}
	return o.read(c, event.Events&unix.EPOLLRDHUP != 0)
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

// sweep ends exchanges that take too long; it looks ten times in a timeout.
func (o *loop) sweep() error {
	now := o.now()
	if now-o.swept < o.timeout/10 {
		return nil
	}
	o.swept = now
	for _, c := range o.conns {
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
	for _, c := range o.conns {
		if c.waiting {
			c.exchange.Err = ErrInterrupted
			if err := o.finish(c); err != nil {
				return err
			}
		}
	}
	return nil
}
