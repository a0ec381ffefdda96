package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/effects"
)

func TestEachShippedScenarioPassesTheReferenceReceiver(t *testing.T) {
	t.Parallel()
	program := buildReceiver(t, "../receiver")
	for name, result := range rehearseAll(t, nil, func(string) ([]string, []string) { return []string{program, "serve"}, nil }) {
		if result.Verdict != chaos.Passed {
			t.Errorf("%s: %s: %s %+v", name, result.Verdict, result.Reason, result.Expectations)
		}
	}
}

func buildReceiver(t *testing.T, source string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "receiver")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// rehearseAll runs every shipped scenario at the same time, each against a
// process of its own, because most of each is waiting. Latency is not judged: a
// test machine under load says nothing about it. adapt, if not nil, may change a
// scenario first.
func rehearseAll(t *testing.T, adapt func(*chaos.Scenario), receiver func(scenario string) (command, env []string)) map[string]chaos.Result {
	t.Helper()
	var mu sync.Mutex
	results := map[string]chaos.Result{}
	var runs sync.WaitGroup
	for _, name := range chaos.Shipped() {
		scenario, err := chaos.ShippedScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		scenario.Expect.P50, scenario.Expect.P99, scenario.Expect.Max = 0, 0, 0
		if adapt != nil {
			adapt(&scenario)
		}
		sink, err := effects.New(effects.Options{})
		if err != nil {
			t.Fatal(err)
		}
		downstream := httptest.NewServer(sink)
		t.Cleanup(func() { sink.Close(); downstream.Close() })
		command, env := receiver(name)
		url := startProcess(t, command, append(env, "DOWNSTREAM_URL="+downstream.URL))
		runs.Go(func() {
			tally := chaos.NewTally()
			runner := &chaos.Runner{URL: url, Secret: testSecret, Effects: sink, Timeout: 20 * time.Second}
			if err := runner.Run(t.Context(), chaos.Plan{Scenario: scenario, Seed: 1}.Source(), tally.Add); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = tally.Result()
		})
	}
	runs.Wait()
	return results
}

// startProcess starts a receiver on a free port and waits until it is ready; it
// is stopped when the test ends.
func startProcess(t *testing.T, command, env []string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	_ = listener.Close()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), command[0], command[1:]...)
	_, port, _ := net.SplitHostPort(address.String())
	cmd.Env = append(append(os.Environ(), env...), "PORT="+port, "HOST=127.0.0.1", "DATA_DIR="+t.TempDir(),
		"RATE_LIMIT=none", secretVariable+"="+testSecret)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("%v does not stop on SIGTERM: killed", command)
			<-ended
		}
	})
	if err := awaitReady(t.Context(), "http://"+address.String()+"/healthz", ended); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return "http://" + address.String() + "/webhooks/moncreneau"
}

// awaitReady asks url until it answers 2xx, for half a minute at most.
func awaitReady(ctx context.Context, url string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode < 300 {
				return nil
			}
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("ended before it was ready"), err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
