package drive

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// Process is a server that was started.
type Process struct {
	cmd     *exec.Cmd
	Address string
}

// Start runs a server on a free port, which it is told as PORT, and waits until it
// answers.
func Start(ctx context.Context, dir string, env []string, name string, args ...string) (*Process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- what the person at the keyboard names
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), env...), "PORT="+strconv.Itoa(port), "HOST=127.0.0.1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	// The ids are read at the start: millions of them take a while.
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := p.ping(ctx)
		if err == nil {
			return p, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			p.Stop()
			return nil, fmt.Errorf("%s does not answer: %w", name, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *Process) ping(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req) // #nosec G704 -- our own address
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Stop asks the server to end, and returns the processor time that it took.
func (p *Process) Stop() time.Duration {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Kill ends the server as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// freePort returns a port that was free a moment ago.
func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
