package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"

	"github.com/moncreneau/hookcheck/conformance/config"
)

type containerInstance struct {
	target *containers
	vars   config.Vars
	volume string
	output *output

	mu      sync.Mutex
	running testcontainers.Container
	base    string
	done    chan struct{} // closed once the container has ended and its output is read
	stop    context.CancelFunc
	how     string
	meant   bool
}

func publishLocally(host *container.HostConfig, port, address string) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return
	}
	host.PortBindings = network.PortMap{network.MustParsePort(port): {{HostIP: ip}}}
}

func (i *containerInstance) BaseURL() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.base
}

func (i *containerInstance) Exited() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.meant {
		return ""
	}
	return i.how
}

func (i *containerInstance) LastOutput() []string { return i.output.last() }

func (i *containerInstance) Restart(ctx context.Context) error {
	if err := i.removeContainer(ctx); err != nil {
		return err
	}
	request, err := i.request()
	if err != nil {
		return err
	}
	created, err := i.create(ctx, request)
	if err != nil {
		return &StartError{Problem: fmt.Sprintf("%s could not be made into a container: %v", i.target.describe, err)}
	}
	i.mu.Lock()
	i.running, i.how, i.meant, i.done = created, "", false, make(chan struct{})
	i.mu.Unlock()
	if err := i.launch(ctx, created); err != nil {
		return err
	}
	r := i.target.cfg.Receiver
	if err := awaitReady(ctx, i.BaseURL(), r.Ready, r.StartTimeout, i.Exited); err != nil {
		return errors.Join(&StartError{Problem: fmt.Sprintf("%s: %v", i.target.describe, err), Output: i.output.last()}, ctx.Err())
	}
	return nil
}

// createTimeout bounds the making of a container from an image that is here.
const createTimeout = 30 * time.Second

// create is not cut short by ctx: a daemon goes on to make what its client no
// longer waits for, and nobody would remove it.
func (i *containerInstance) create(ctx context.Context, request testcontainers.ContainerRequest) (testcontainers.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	return i.target.docker.CreateContainer(ctx, request)
}

// launch starts the container and the goroutine that watches it.
func (i *containerInstance) launch(ctx context.Context, created testcontainers.Container) error {
	docker := i.target.docker.Client()
	// The watch outlives ctx, which may be one experiment's; removeContainer ends it.
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	i.mu.Lock()
	i.stop = stop
	done := i.done
	i.mu.Unlock()
	exit := docker.ContainerWait(watch, created.GetContainerID(), client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if err := created.Start(ctx); err != nil {
		stop()
		close(done)
		return &StartError{Problem: fmt.Sprintf("%s: %v", i.target.describe, err), Output: i.output.last()}
	}
	logs, err := docker.ContainerLogs(watch, created.GetContainerID(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		stop()
		close(done)
		return fmt.Errorf("docker: follow output: %w", err)
	}
	go func() {
		defer close(done)
		i.follow(logs)
		select {
		case result := <-exit.Result:
			i.mu.Lock()
			i.how = fmt.Sprintf("ended with exit code %d", result.StatusCode)
			i.mu.Unlock()
		case <-exit.Error: //nolint:errcheck // a channel that says that the wait has failed; nothing is known then
		case <-watch.Done():
		}
	}()
	return i.findPort(ctx, created)
}

func (i *containerInstance) follow(logs io.ReadCloser) {
	defer logs.Close()
	var readers sync.WaitGroup
	stdout, stderr := i.output.pipe(&readers, true), i.output.pipe(&readers, false)
	_, _ = stdcopy.StdCopy(stdout, stderr, logs)
	_, _ = stdout.Close(), stderr.Close()
	readers.Wait()
}

// findPort learns where the port is published. A container that has already
// ended has none; that is for the readiness check to tell.
func (i *containerInstance) findPort(ctx context.Context, created testcontainers.Container) error {
	info, err := created.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("docker: inspect: %w", err)
	}
	port := "1" // refuses, as an ended container would
	for _, bindings := range info.NetworkSettings.Ports {
		if len(bindings) > 0 {
			port = bindings[0].HostPort
		}
	}
	i.mu.Lock()
	i.base = "http://" + net.JoinHostPort(i.target.reach.published, port)
	i.mu.Unlock()
	return nil
}

// signal sends a signal and returns what is closed when the container has ended.
func (i *containerInstance) signal(ctx context.Context, name string) (<-chan struct{}, error) {
	i.mu.Lock()
	running, done := i.running, i.done
	i.meant = true
	i.mu.Unlock()
	if running == nil {
		return nil, errors.New("docker: the receiver is not running")
	}
	_, err := i.target.docker.Client().ContainerKill(ctx, running.GetContainerID(), client.ContainerKillOptions{Signal: name})
	if err != nil && !strings.Contains(err.Error(), "is not running") {
		return nil, fmt.Errorf("docker: %s: %w", name, err)
	}
	return done, nil
}

func (i *containerInstance) Kill(ctx context.Context) error {
	done, err := i.signal(ctx, "SIGKILL")
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *containerInstance) Terminate(ctx context.Context, grace time.Duration) error {
	done, err := i.signal(ctx, "SIGTERM")
	if err != nil {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return errors.Join(ErrGrace, i.Kill(ctx))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *containerInstance) Run(ctx context.Context, args []string) (string, error) {
	i.mu.Lock()
	running := i.running
	i.mu.Unlock()
	if running == nil {
		return "", errors.New("docker: the receiver is not running")
	}
	code, out, err := running.Exec(ctx, args, tcexec.Multiplexed())
	if err != nil {
		return "", fmt.Errorf("docker: exec %s: %w", args[0], err)
	}
	text, err := io.ReadAll(io.LimitReader(out, 1<<20))
	if err != nil {
		return "", fmt.Errorf("docker: exec %s: %w", args[0], err)
	}
	if code != 0 {
		return "", fmt.Errorf("%s: exit code %d: %s", args[0], code, strings.TrimSpace(string(text)))
	}
	return string(text), nil
}

func (i *containerInstance) removeContainer(ctx context.Context) error {
	i.mu.Lock()
	running, done, stop := i.running, i.done, i.stop
	i.running, i.meant = nil, true
	i.mu.Unlock()
	if running == nil {
		return nil
	}
	err := running.Terminate(ctx, testcontainers.StopTimeout(0))
	if stop != nil {
		stop()
		<-done
	}
	return err
}

func (i *containerInstance) Remove(ctx context.Context) error {
	err := errors.Join(i.removeContainer(ctx), i.removeRemains(ctx))
	if i.target.cfg.Receiver.Data == "" {
		return err
	}
	_, volumeErr := i.target.docker.Client().VolumeRemove(ctx, i.volume, client.VolumeRemoveOptions{Force: true})
	return errors.Join(err, volumeErr)
}

// removeRemains removes containers that were created and whose start failed
// before testcontainers could hand them over.
func (i *containerInstance) removeRemains(ctx context.Context) error {
	docker := i.target.docker.Client()
	remains, err := docker.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", instanceLabel+"="+i.volume),
	})
	for _, c := range remains.Items {
		_, removeErr := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, removeErr)
	}
	return err
}
