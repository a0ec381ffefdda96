package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// Go's server gives header names in one spelling. The mutant that minds the
// case of the header looks at what came over the connection.

type headKey struct{}

// head keeps the first bytes that come over a connection.
type head struct {
	net.Conn
	mu    sync.Mutex
	bytes []byte
}

// rememberHead is an http.Server's ConnContext.
func rememberHead(ctx context.Context, conn net.Conn) context.Context {
	if h, ok := conn.(*head); ok {
		return context.WithValue(ctx, headKey{}, h)
	}
	return ctx
}

// headListener makes every connection remember its head.
type headListener struct{ net.Listener }

func (l headListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &head{Conn: conn}, nil
}

func (h *head) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.bytes) < 4096 {
		h.bytes = append(h.bytes, p[:n]...)
	}
	return n, err
}

// headSays reports whether text stood in the head of the request, letter for letter.
func headSays(req *http.Request, text string) bool {
	h, ok := req.Context().Value(headKey{}).(*head)
	if !ok {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Contains(h.bytes, []byte(text))
}
