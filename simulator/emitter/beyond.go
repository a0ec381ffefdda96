package emitter

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
)

// beyond sends a request and, right behind it, bytes that it has not announced.
// net/http's own transport sends no more than what is announced, and has no moment
// at which others may write to its connection. Each request has a connection to itself.
type beyond struct {
	rest []byte
	tls  *tls.Config // for https; nil means the default
}

// beyondTransport keeps what base says of TLS, so that the same certificates count.
func beyondTransport(base http.RoundTripper, rest []byte) http.RoundTripper {
	b := beyond{rest: rest}
	if t, ok := base.(*http.Transport); ok && t.TLSClientConfig != nil {
		b.tls = t.TLSClientConfig.Clone()
		b.tls.NextProtos = nil // HTTP/2 frames its bodies itself
	}
	return b
}

func (b beyond) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	conn, err := b.dial(ctx, req)
	if err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	res, err := b.exchange(conn, req, trace)
	if err != nil {
		stop()
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err() // the reason why the connection was closed
		}
		return nil, err
	}
	res.Body = &lastBody{res.Body, conn, stop}
	return res, nil
}

func (b beyond) dial(ctx context.Context, req *http.Request) (net.Conn, error) {
	address := req.URL.Host
	if req.URL.Port() == "" {
		address = net.JoinHostPort(req.URL.Hostname(), req.URL.Scheme) // a port may be a service's name
	}
	if req.URL.Scheme == "https" {
		return (&tls.Dialer{Config: b.tls}).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (b beyond) exchange(conn net.Conn, req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	out := bufio.NewWriter(conn)
	if err := req.Write(out); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	_, _ = out.Write(b.rest)
	_ = out.Flush() // a receiver that has closed by now may have answered before
	in := bufio.NewReader(conn)
	if _, err := in.Peek(1); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return http.ReadResponse(in, req)
}

// lastBody closes its connection with it.
type lastBody struct {
	io.ReadCloser
	conn net.Conn
	stop func() bool
}

func (b *lastBody) Close() error {
	b.stop()
	_ = b.ReadCloser.Close()
	return b.conn.Close()
}
