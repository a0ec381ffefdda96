package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serveSink is the endpoint: it reads each body, answers 200, and counts. Its
// address goes to standard output; it ends when standard input does.
func serveSink(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var count atomic.Int64
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprint(w, count.Load())
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		count.Add(1)
	})}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sink is the endpoint, seen from outside.
type sink struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// startSink starts this program once more, as the endpoint.
func startSink(ctx context.Context) (*sink, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &sink{cmd: exec.CommandContext(ctx, self, "sink")} //nolint:gosec // ourselves
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("the endpoint did not start: %w", err)
	}
	s.url = "http://" + strings.TrimSpace(address) + "/webhooks/moncreneau"
	return s, nil
}

func (s *sink) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

func (s *sink) count(ctx context.Context) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// measure runs a program against the endpoint.
func (s *sink) measure(ctx context.Context, p program) (sample, error) {
	before, err := s.count(ctx)
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...) //nolint:gosec // from our own flags
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	took := time.Since(start)
	after, err := s.count(ctx)
	if err != nil {
		return sample{}, err
	}
	n := after - before
	if n == 0 {
		return sample{}, errors.New("the endpoint received nothing")
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{rate: float64(n) / took.Seconds(), cpu: cpu / time.Duration(n)}, nil
}
