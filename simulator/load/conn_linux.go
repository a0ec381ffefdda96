package load

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"

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

// conn is one connection. It is idle, or waits for the answer to exchange.
type conn struct {
	slot     int32 // in loop.conns, which stays when the connection is made anew
	fd       int
	out, in  []byte
	written  int // of out
	exchange Exchange
	waiting  bool
}

// interest is what epoll tells of a connection: each change once. It is said when
// a connection is made and never changed.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

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
		err = o.watch(fd, c.slot, interest)
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	c.fd, c.out, c.in, c.written, c.waiting = fd, c.out[:0], c.in[:0], 0, false
	o.idle = append(o.idle, c)
	return nil
}

func (o *loop) reconnect(c *conn) error {
	_ = unix.Close(c.fd)
	c.fd = -1 // so that it is not closed again: the number may soon be somebody else's
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

// write writes what it can of c.out; the rest when the socket takes more.
func (o *loop) write(c *conn) error {
	n, err := transfer(unix.SYS_SENDTO, c.fd, c.out[c.written:], unix.MSG_NOSIGNAL)
	if err != 0 && err != unix.EAGAIN {
		return o.fail(c, err)
	}
	c.written += n
	return nil
}

// read takes in what has come, and finishes the exchange when it is complete.
// closed says that the other side has said that it sends no more.
func (o *loop) read(c *conn, closed bool) error {
	for {
		if cap(c.in)-len(c.in) < 512 {
			c.in = append(make([]byte, 0, 2*cap(c.in)+4096), c.in...)
		}
		n, errno := transfer(unix.SYS_RECVFROM, c.fd, c.in[len(c.in):cap(c.in)], 0)
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno != 0:
			return o.fail(c, errno)
		case !c.waiting: // an idle connection that was closed, or speaks unasked
			return o.reconnect(c)
		}
		c.in = c.in[:len(c.in)+n]
		a, err := parseAnswer(c.in, n == 0)
		if err != nil {
			return o.fail(c, err)
		}
		if !a.complete {
			continue // epoll tells of no more before all of this is read
		}
		c.exchange.Status = a.status
		if err := o.finish(c); err != nil {
			return err
		}
		if closed || a.toClose || n == 0 || a.length != len(c.in) || c.written < len(c.out) {
			return o.reconnect(c)
		}
		c.in = c.in[:0]
		o.idle = append(o.idle, c)
		return nil
	}
}
