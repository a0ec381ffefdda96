package emitter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// request turns a delivery into the request that says it on the wire.
func request(ctx context.Context, url string, d Delivery) (*http.Request, error) {
	method := d.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}
	// Assigned, not Set: Set would change the spelling of a key. A copy, because
	// the record must show the delivery as it was given.
	req.Header = d.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	switch f := d.Framing; {
	case f.Chunked:
		// A reader of unknown length; with bytes.Reader net/http would measure it.
		req.Body, req.GetBody, req.ContentLength = io.NopCloser(bytes.NewReader(d.Body)), nil, -1
	case f.Missing > 0:
		req.Body, req.GetBody = newStalled(ctx, d.Body), nil
		req.ContentLength = int64(len(d.Body) + f.Missing)
	case f.Beyond > 0:
		announced, _ := d.announced()
		req.Body, req.GetBody, req.ContentLength = io.NopCloser(bytes.NewReader(announced)), nil, int64(len(announced))
		if len(announced) == 0 {
			req.Body = http.NoBody
		}
		req.Close = true // nobody else may use this connection
	}
	return req, nil
}

// announced is what Content-Length says of the body of a delivery with
// Framing.Beyond, and what is sent behind it.
func (d Delivery) announced() (body, rest []byte) {
	n := max(len(d.Body)-d.Framing.Beyond, 0)
	return d.Body[:n], d.Body[n:]
}

// stalled is a body that stops without ending: once its bytes are read, Read
// blocks until the exchange is over.
type stalled struct {
	rest  *bytes.Reader
	ctx   context.Context
	close chan struct{}
	once  sync.Once
}

func newStalled(ctx context.Context, body []byte) *stalled {
	return &stalled{rest: bytes.NewReader(body), ctx: ctx, close: make(chan struct{})}
}

func (s *stalled) Read(p []byte) (int, error) {
	if s.rest.Len() > 0 {
		return s.rest.Read(p)
	}
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-s.close:
		return 0, io.ErrUnexpectedEOF
	}
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.close) })
	return nil
}
