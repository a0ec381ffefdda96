package target_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/target"
)

// buildServer compiles testdata/server, statically, into a folder that is also
// a Docker build context.
func buildServer(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "server"), "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	dockerfile, err := os.ReadFile("testdata/server/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), dockerfile, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func configured(dir, kind string) config.Config {
	cfg := config.Default()
	cfg.Dir = dir
	cfg.Receiver.StartTimeout = 20 * time.Second
	cfg.Receiver.Ready = "/starts"
	cfg.Receiver.Env = map[string]string{"PORT": "{{.Port}}", "DATA_DIR": "{{.DataDir}}", "DOWNSTREAM_URL": "{{.EffectURL}}", "HOST": "127.0.0.1"}
	if kind == "exec" {
		cfg.Receiver.Exec = []string{"./server"}
		return cfg
	}
	cfg.Receiver.Env["HOST"] = ""
	cfg.Receiver.Dockerfile = "Dockerfile"
	cfg.Receiver.Data = "/data"
	return cfg
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// lines collects what a receiver prints.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func TestLifecycleOfAReceiver(t *testing.T) {
	dir := buildServer(t)
	for _, kind := range []string{"exec", "dockerfile"} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			receiver, err := target.New(ctx, configured(dir, kind), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := receiver.Close(context.WithoutCancel(ctx)); err != nil {
					t.Error(err)
				}
			}()

			listen, host := receiver.SinkAddress()
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				t.Fatal(err)
			}
			sink := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.NotFoundHandler()}}
			sink.Start()
			defer sink.Close()
			_, port, _ := net.SplitHostPort(listener.Addr().String())

			var printed lines
			instance, err := receiver.Start(ctx, target.Settings{Vars: config.Vars{EffectURL: "http://" + net.JoinHostPort(host, port)}, Log: printed.add})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := instance.Remove(context.WithoutCancel(ctx)); err != nil {
					t.Error(err)
				}
			}()
			if got := get(t, instance.BaseURL()+"/call"); got != "404 Not Found" {
				t.Errorf("the sink is not reached: %s", got)
			}
			if err := instance.Kill(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := http.Get(instance.BaseURL()); err == nil {
				t.Error("it still answers after SIGKILL")
			}
			if err := instance.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			if got := get(t, instance.BaseURL()+"/starts"); got != "2" {
				t.Errorf("its data did not survive: started %s times", got)
			}
			if err := instance.Terminate(ctx, 5*time.Second); err != nil {
				t.Error(err)
			}
			if how := instance.Exited(); how != "" {
				t.Errorf("an end that was asked for is reported as its own: %s", how)
			}
			if err := instance.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(dir, "server")
			if kind != "exec" {
				program = "/server"
			}
			if out, err := instance.Run(ctx, []string{program, "seven"}); err != nil || !strings.Contains(out, "seven") {
				t.Errorf("run: %q, %v", out, err)
			}
			if n := printed.count("starting"); n != 3 {
				t.Errorf("its output was seen %d times, want 3", n)
			}
		})
	}
}

func TestACommandThatIsGivenUpEndsWithItsChildren(t *testing.T) {
	dir := buildServer(t)
	receiver, err := target.New(t.Context(), configured(dir, "exec"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close(context.WithoutCancel(t.Context()))
	instance, err := receiver.Start(t.Context(), target.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Remove(context.WithoutCancel(t.Context()))
	child := fmt.Sprintf("sleep\x00%d.%d\x00", 60, os.Getpid())
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error)
	go func() {
		_, err := instance.Run(ctx, []string{"sh", "-c", strings.ReplaceAll(child, "\x00", " ") + "| cat"})
		running <- err
	}()
	expect := gomega.NewWithT(t)
	expect.Eventually(commandLines, 20*time.Second).Should(gomega.ContainElement(child))
	cancel()
	expect.Eventually(running, 20*time.Second).Should(gomega.Receive(gomega.HaveOccurred()))
	expect.Eventually(commandLines, 20*time.Second).ShouldNot(gomega.ContainElement(child))
}

// commandLines are those of all processes, each argument with a zero byte behind it.
func commandLines() (out []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	for _, file := range files {
		line, _ := os.ReadFile(file) // the process may be gone by now
		out = append(out, string(line))
	}
	return out
}

func TestAReceiverThatExitsAtOnceIsReportedWithItsOutput(t *testing.T) {
	dir := buildServer(t)
	for _, kind := range []string{"exec", "dockerfile"} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cfg := configured(dir, kind)
			cfg.Receiver.Env["FAIL"] = "1"
			receiver, err := target.New(ctx, cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer receiver.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the start is what is tested
			_, err = receiver.Start(ctx, target.Settings{})
			var start *target.StartError
			if !errors.As(err, &start) || !strings.Contains(err.Error(), "FAIL is set") || !strings.Contains(err.Error(), "before it was ready") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAReceiverThatIgnoresSIGTERMIsKilled(t *testing.T) {
	ctx := t.Context()
	cfg := configured(buildServer(t), "exec")
	cfg.Receiver.Env["STUBBORN"] = "1"
	receiver, err := target.New(ctx, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := receiver.Start(ctx, target.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := instance.Terminate(ctx, 50*time.Millisecond); !errors.Is(err, target.ErrGrace) {
		t.Errorf("got %v", err)
	}
	if err := instance.Remove(ctx); err != nil {
		t.Error(err)
	}
}

func TestAReceiverThatIsNeverReady(t *testing.T) {
	cfg := configured(buildServer(t), "exec")
	cfg.Receiver.Ready = "/never"
	cfg.Receiver.StartTimeout = 300 * time.Millisecond
	receiver, err := target.New(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = receiver.Start(t.Context(), target.Settings{})
	if err == nil || !strings.Contains(err.Error(), "not ready after 300ms: GET /never answered 404") {
		t.Errorf("got %v", err)
	}
}

func TestAURLThatNobodyListensOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	cfg := config.Default()
	cfg.Receiver.URL = fmt.Sprintf("http://%s/webhooks", address)
	receiver, err := target.New(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := receiver.Start(ctx, target.Settings{}); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}
