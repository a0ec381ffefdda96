package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// serveReplays listens on a socket that only who may read the data directory
// can reach. It returns a function that stops it.
func serveReplays(ctx context.Context, socket string, replay func(id string) bool) (func(), error) {
	// A receiver that was killed has left its socket behind.
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replay: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !replay(req.URL.Query().Get("id")) {
			http.Error(w, "no such dead letter", http.StatusNotFound)
		}
	})}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Serve(listener)
	}()
	return func() {
		_ = server.Close()
		<-stopped
	}, nil
}

// requestReplay asks the receiver that serves on the socket.
func requestReplay(socket, id string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://receiver/?id="+url.QueryEscape(id), nil) //nolint:gosec // goes to our own socket
	if err != nil {
		return err
	}
	res, err := client.Do(req) //nolint:gosec // as above
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("replay: %s is no dead letter", id)
	}
	return nil
}
