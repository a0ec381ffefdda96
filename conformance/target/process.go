package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// process is a receiver given as a command.
type process struct {
	cfg   config.Config
	ports ports
}

func newProcess(cfg config.Config) (Target, error) {
	if _, err := lookPath(cfg); err != nil {
		return nil, &StartError{Problem: err.Error()}
	}
	return &process{cfg: cfg}, nil
}

// lookPath finds the program; one with a slash in its name is relative to the
// folder of the configuration, which is also where it is run.
func lookPath(cfg config.Config) (string, error) {
	name := cfg.Receiver.Exec[0]
	if strings.Contains(name, "/") {
		absolute, err := filepath.Abs(cfg.Resolve(name))
		if err != nil {
			return "", err
		}
		name = absolute
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("receiver.exec: %w", err)
	}
	return path, nil
}

func (p *process) Describe() string                   { return "exec " + strings.Join(p.cfg.Receiver.Exec, " ") }
func (p *process) Lifecycle() bool                    { return true }
func (p *process) SinkAddress() (listen, host string) { return "127.0.0.1:0", "127.0.0.1" }
func (p *process) Close(context.Context) error        { return p.ports.close() }

func (p *process) Start(ctx context.Context, settings Settings) (Instance, error) {
	dir, err := os.MkdirTemp("", "hookcheck-data-")
	if err != nil {
		return nil, fmt.Errorf("target: data directory: %w", err)
	}
	port, err := p.ports.take()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("target: free port: %w", err), os.RemoveAll(dir))
	}
	settings.Vars.DataDir, settings.Vars.Port = dir, port
	i := &processInstance{
		cfg: p.cfg, vars: settings.Vars,
		output: &output{log: settings.Log},
	}
	if err := i.Restart(ctx); err != nil {
		return nil, errors.Join(err, i.Remove(context.WithoutCancel(ctx)))
	}
	return i, nil
}

type processInstance struct {
	cfg    config.Config
	vars   config.Vars
	output *output

	mu    sync.Mutex
	cmd   *exec.Cmd
	done  chan struct{} // closed once cmd has been waited for
	how   string        // how cmd ended, set before done is closed
	meant bool          // the end was asked for
}

func (i *processInstance) BaseURL() string { return fmt.Sprintf("http://127.0.0.1:%d", i.vars.Port) }

func (i *processInstance) Restart(ctx context.Context) error {
	if err := i.spawn(); err != nil {
		return err
	}
	r := i.cfg.Receiver
	if err := awaitReady(ctx, i.BaseURL(), r.Ready, r.StartTimeout, i.Exited); err != nil {
		problem := fmt.Sprintf("receiver %q: %v", r.Exec[0], err)
		if !r.ToldPort() && i.Exited() == "" {
			problem += "; nothing tells it this port: put {{.Port}} into its arguments or its environment"
		}
		return errors.Join(&StartError{Problem: problem, Output: i.output.last()}, ctx.Err())
	}
	return nil
}

// pipesLinger is how long a program that has ended is waited for because its
// children keep its output open.
const pipesLinger = 2 * time.Second

func (i *processInstance) spawn() error {
	args, err := config.ExpandArgs("receiver.exec", i.cfg.Receiver.Exec, i.vars)
	if err != nil {
		return err
	}
	program, err := lookPath(i.cfg)
	if err != nil {
		return &StartError{Problem: err.Error()}
	}
	cmd := exec.Command(program, args[1:]...) //nolint:gosec,noctx // the user's command; ended by Kill and Remove
	cmd.Dir = i.cfg.Dir
	if cmd.Env, err = i.environment(); err != nil {
		return err
	}
	// A group of its own, so that a Ctrl-C in the terminal does not reach the
	// receiver in the middle of an experiment, and its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bindToParent(cmd.SysProcAttr)

	var readers sync.WaitGroup
	stdout, stderr := i.output.pipe(&readers, true), i.output.pipe(&readers, false)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = pipesLinger
	if err := cmd.Start(); err != nil {
		_, _ = stdout.Close(), stderr.Close()
		readers.Wait()
		return &StartError{Problem: fmt.Sprintf("receiver.exec: %v", err)}
	}
	done := make(chan struct{})
	i.mu.Lock()
	i.cmd, i.done, i.how, i.meant = cmd, done, "", false
	i.mu.Unlock()
	go func() {
		_ = cmd.Wait()
		_, _ = stdout.Close(), stderr.Close()
		readers.Wait()
		i.mu.Lock()
		i.how = "ended with " + cmd.ProcessState.String()
		i.mu.Unlock()
		close(done)
	}()
	return nil
}

// environment is the caller's own with the configured variables over it, and
// without the secret that the caller may hold for something else.
func (i *processInstance) environment() ([]string, error) {
	set, err := i.cfg.Receiver.ExpandEnv(i.vars)
	if err != nil {
		return nil, err
	}
	var env []string
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name != "MONCRENEAU_WEBHOOK_SECRET" {
			env = append(env, entry)
		}
	}
	for name, value := range maps.All(set) {
		env = append(env, name+"="+value)
	}
	return env, nil
}

func (i *processInstance) Exited() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.meant {
		return ""
	}
	return i.how
}

func (i *processInstance) LastOutput() []string { return i.output.last() }

// signal sends sig to the receiver's group and returns what to wait on.
func (i *processInstance) signal(sig syscall.Signal) <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cmd == nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	select {
	case <-i.done: // its id may already be somebody else's
	default:
		i.meant = true
		_ = syscall.Kill(-i.cmd.Process.Pid, sig)
	}
	return i.done
}

func (i *processInstance) Kill(ctx context.Context) error {
	select {
	case <-i.signal(syscall.SIGKILL):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *processInstance) Terminate(ctx context.Context, grace time.Duration) error {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-i.signal(syscall.SIGTERM):
		return nil
	case <-timer.C:
		return errors.Join(ErrGrace, i.Kill(ctx))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *processInstance) Run(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the user's command
	cmd.Dir = i.cfg.Dir
	var err error
	if cmd.Env, err = i.environment(); err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = pipesLinger
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bindToParent(cmd.SysProcAttr)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its children
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

func (i *processInstance) Remove(ctx context.Context) error {
	err := i.Kill(ctx)
	return errors.Join(err, os.RemoveAll(i.vars.DataDir))
}
