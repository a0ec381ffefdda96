package emitter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/jonboulle/clockwork"
)

// DefaultTimeout bounds an attempt when Emitter.Timeout is zero. It is twice
// the 5 s within which moncreneau wants its answer, so that a late answer is
// seen as late and not as missing.
const DefaultTimeout = 10 * time.Second

// keptBody is how much of an answer's body an Attempt keeps, in bytes; as much
// again is read and forgotten so that the connection can be used once more.
const keptBody = 64 << 10

// Emitter sends deliveries to one URL. Its methods may be called concurrently.
type Emitter struct {
	// URL is the receiver's endpoint, http or https.
	URL string
	// Client sends; nil means one from NewClient, without connection reuse.
	// Whatever it does with redirects, the Emitter follows none.
	Client *http.Client
	// Clock measures; nil means the real one.
	Clock clockwork.Clock
	// Timeout bounds an attempt from its start to the last byte of the answer;
	// zero means DefaultTimeout.
	Timeout time.Duration
}

// ParseURL checks that raw can be the URL of an Emitter.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("receiver URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("receiver URL %q: want http://… or https://…", u.Redacted())
	case u.Host == "":
		return nil, fmt.Errorf("receiver URL %q: names no host", u.Redacted())
	}
	return u, nil
}

// NewClient returns a client fit for an Emitter: it follows no redirect, asks
// for no compression, and drops a kept connection after a second, because a
// receiver that closes one just as a POST goes out looks like a failing receiver
// (gunicorn closes after 2 s, Node after 5 s).
func NewClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: DefaultTimeout}).DialContext,
			TLSHandshakeTimeout: DefaultTimeout,
			DisableCompression:  true,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     time.Second,
		},
		CheckRedirect: refuseRedirect,
	}
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Send makes one attempt and reports what came of it. It always returns an
// Attempt; a failure to send or to read the answer is in its Err.
func (e *Emitter) Send(ctx context.Context, d Delivery) Attempt {
	clock := e.Clock
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	timeout := e.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	watch := &stopwatch{clock: clock, start: clock.Now()}
	a := Attempt{Delivery: d, Start: watch.start}
	a.Err = e.exchange(httptrace.WithClientTrace(ctx, watch.trace()), d, &a)
	watch.tell(&a)
	return a
}

func (e *Emitter) exchange(ctx context.Context, d Delivery, a *Attempt) error {
	req, err := request(ctx, e.URL, d)
	if err != nil {
		return fmt.Errorf("emit: %w", err)
	}
	client := http.Client{}
	if e.Client != nil {
		client = *e.Client
	} else {
		fresh := NewClient()
		defer fresh.CloseIdleConnections()
		client = *fresh
	}
	client.CheckRedirect = refuseRedirect
	if d.Framing.Beyond > 0 {
		_, rest := d.announced()
		client.Transport = beyondTransport(client.Transport, rest)
	}

	res, err := client.Do(req)
	if err != nil {
		var failure *url.Error // its text repeats method and URL; the cause is enough
		if errors.As(err, &failure) {
			err = failure.Err
		}
		return fmt.Errorf("emit: send: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	a.Status, a.Header = res.StatusCode, res.Header
	if a.Body, err = io.ReadAll(io.LimitReader(res.Body, keptBody)); err != nil {
		return fmt.Errorf("emit: read the answer: %w", err)
	}
	if _, err = io.CopyN(io.Discard, res.Body, keptBody); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("emit: read the answer: %w", err)
	}
	return nil
}
