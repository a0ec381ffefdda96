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
	"strings"
	"sync/atomic"
	"time"
)

// serveSink is the endpoint: it reads each body, answers 200, and counts. A GET
// begins a new tally. Its address goes to standard output; it ends when standard
// input does.
func serveSink(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var current atomic.Pointer[tally]
	current.Store(&tally{})
	start := time.Now()
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprint(w, current.Swap(&tally{}))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		current.Load().add(time.Since(start))
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

// tally is what the endpoint received, and from when to when.
type tally struct{ count, first, last atomic.Int64 }

func (t *tally) add(now time.Duration) {
	if t.count.Add(1) == 1 {
		t.first.Store(int64(now))
	}
	t.last.Store(int64(now))
}

func (t *tally) String() string {
	return fmt.Sprint(t.count.Load(), t.last.Load()-t.first.Load())
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

// tally is how many requests came since the last call, and how long they took to come.
func (s *sink) tally(ctx context.Context) (count int64, took time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = fmt.Fscan(res.Body, &count, (*int64)(&took))
	return count, took, err
}

// measure runs a program against the endpoint. Its rate is that at which requests
// came, from the first to the last: how long the program takes to start does not
// count, but its processor time does.
func (s *sink) measure(ctx context.Context, p program) (sample, error) {
	if _, _, err := s.tally(ctx); err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...) //nolint:gosec // from our own flags
	if out, err := cmd.CombinedOutput(); err != nil {
		return sample{}, fmt.Errorf("%s: %w: %s", p.name, err, out)
	}
	n, took, err := s.tally(ctx)
	if err != nil {
		return sample{}, err
	}
	if took <= 0 {
		return sample{}, fmt.Errorf("%s: the endpoint received %d requests", p.name, n)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{rate: float64(n-1) / took.Seconds(), cpu: cpu / time.Duration(n)}, nil
}
