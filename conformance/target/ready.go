package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// poll is how often readiness is asked for; short, because it adds to every start.
const poll = 20 * time.Millisecond

// awaitReady waits until GET base+path answers 2xx, or with an empty path until
// the port accepts. It gives up when exited says how the receiver ended.
func awaitReady(ctx context.Context, base, path string, timeout time.Duration, exited func() string) error {
	if path == "" {
		return awaitPort(ctx, base, timeout, exited)
	}
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return await(ctx, timeout, exited, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("GET %s: %w", path, cause(err))
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("GET %s answered %s", path, res.Status)
		}
		return nil
	})
}

// Reachable waits until the instance takes connections. It gives up when the
// instance ends or the time is over.
func Reachable(ctx context.Context, i Instance, within time.Duration) error {
	return awaitPort(ctx, i.BaseURL(), within, i.Exited)
}

// awaitPort waits until the port of base accepts connections.
//
// Docker's userland proxy accepts on a published port before the container
// does and closes at once, so a connection counts only if it is still open a
// moment later.
func awaitPort(ctx context.Context, base string, timeout time.Duration, exited func() string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	return await(ctx, timeout, exited, func(ctx context.Context) error {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(2 * poll))
		if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
			return fmt.Errorf("the connection was closed at once: %w", err)
		}
		return nil
	})
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// await repeats attempt until it succeeds, the receiver has ended or time is up.
func await(ctx context.Context, timeout time.Duration, exited func() string, attempt func(context.Context) error) error {
	// Attempts have bounds of their own: one that was cut short by this one
	// would report a timeout instead of what is wrong.
	deadline := time.After(timeout)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		if how := exited(); how != "" {
			return fmt.Errorf("it %s before it was ready", how)
		}
		err := attempt(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		}
		select {
		case <-deadline:
			return fmt.Errorf("not ready after %v: %w", timeout, err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// cause strips the URL that net/http puts before every error.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
