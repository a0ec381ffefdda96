package main

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

// process is a server that this program started.
type process struct {
	cmd     *exec.Cmd
	address string
}

// start runs a server on a free port until stop, and waits until it answers.
func start(ctx context.Context, dir string, env []string, name string, args ...string) (*process, error) {
	port, err := freePort()
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
	p := &process{cmd, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	// The ids are read at the start: millions of them take a while.
	deadline := time.Now().Add(2 * time.Minute)
	for {
		resp, err := http.Get("http://" + p.address + "/readyz") // #nosec G107 -- our own address
		if err == nil {
			_ = resp.Body.Close()
			return p, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			p.stop()
			return nil, fmt.Errorf("%s does not answer: %w", name, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop returns the processor time that the server has taken.
func (p *process) stop() time.Duration {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
