package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// containers is a receiver given as an image or a Dockerfile.
type containers struct {
	cfg      config.Config
	docker   *testcontainers.DockerProvider
	reach    reach
	image    string
	describe string
	built    bool
}

func newContainer(ctx context.Context, cfg config.Config, progress io.Writer) (Target, error) {
	docker, err := openDocker(ctx)
	if errors.Is(err, ErrNoDocker) {
		return nil, fmt.Errorf("%w; without one, give the receiver as a command (--exec, or receiver.withoutDocker)", err)
	}
	if err != nil {
		return nil, err
	}
	t := &containers{cfg: cfg, docker: docker, image: cfg.Receiver.Image}
	if err := t.prepare(ctx, progress); err != nil {
		return nil, errors.Join(err, t.Close(context.WithoutCancel(ctx)))
	}
	return t, nil
}

func (t *containers) prepare(ctx context.Context, progress io.Writer) error {
	var err error
	if t.reach, err = findReach(ctx, t.docker.Client()); err != nil {
		return err
	}
	if t.cfg.Receiver.Dockerfile != "" {
		return t.build(ctx, progress)
	}
	t.describe = "image " + t.image
	found, err := t.docker.Client().ImageInspect(ctx, t.image)
	if err != nil {
		if err := t.docker.PullImage(ctx, t.image); err != nil {
			return &StartError{Problem: fmt.Sprintf("receiver.image: %s is not here and cannot be pulled: %v", t.image, err)}
		}
		if found, err = t.docker.Client().ImageInspect(ctx, t.image); err != nil {
			return &StartError{Problem: fmt.Sprintf("receiver.image: %v", err)}
		}
	}
	t.describe += "@" + found.ID
	return nil
}

func (t *containers) build(ctx context.Context, progress io.Writer) error {
	file := t.cfg.Resolve(t.cfg.Receiver.Dockerfile)
	if _, err := os.Stat(file); err != nil {
		return &StartError{Problem: fmt.Sprintf("receiver.dockerfile: %v", err)}
	}
	dir := filepath.Dir(file)
	if t.cfg.Receiver.Context != "" {
		dir = t.cfg.Resolve(t.cfg.Receiver.Context)
	}
	name, err := filepath.Rel(dir, file)
	if err != nil {
		return fmt.Errorf("receiver.dockerfile: %w", err)
	}
	if strings.HasPrefix(name, "..") {
		staged, err := stageContext(dir, file)
		if err != nil {
			return &StartError{Problem: fmt.Sprintf("receiver.dockerfile: %v", err)}
		}
		defer os.RemoveAll(staged)
		dir, name = staged, stagedDockerfile
	}
	var log output
	lines := io.Writer(buildLog{&log})
	if progress != nil {
		lines = io.MultiWriter(lines, progress)
	}
	const repository = "hookcheck-receiver"
	tag := strings.ToLower(uuid.NewString()[:8])
	t.image, t.built = repository+":"+tag, true // from here on there may be one
	if _, err = t.docker.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		Context: dir, Dockerfile: filepath.ToSlash(name), BuildLogWriter: lines, Repo: repository, Tag: tag,
	}}); err != nil {
		return &StartError{Problem: fmt.Sprintf("receiver.dockerfile: build %s: %v", file, err), Output: log.last()}
	}
	t.describe = "dockerfile " + t.cfg.Receiver.Dockerfile
	if found, err := t.docker.Client().ImageInspect(ctx, t.image); err == nil {
		t.describe += "@" + found.ID
	}
	return nil
}

// stagedDockerfile is a name that no build context should have.
const stagedDockerfile = ".hookcheck.Dockerfile"

// stageContext copies a build context together with a Dockerfile that lies
// outside of it, because the daemon finds both in one archive.
func stageContext(dir, dockerfile string) (string, error) {
	text, err := os.ReadFile(dockerfile) //nolint:gosec // the user names the file
	if err != nil {
		return "", err
	}
	staged, err := os.MkdirTemp("", "hookcheck-context-")
	if err != nil {
		return "", err
	}
	err = os.CopyFS(staged, os.DirFS(dir))
	if err == nil {
		err = os.WriteFile(filepath.Join(staged, stagedDockerfile), text, 0o600) //nolint:gosec // a temporary folder of our own
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(staged))
	}
	return staged, nil
}

// buildLog keeps the last lines of a build.
type buildLog struct{ *output }

func (b buildLog) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if line = strings.TrimSpace(line); line != "" {
			b.add(line, false)
		}
	}
	return len(p), nil
}

func (t *containers) Describe() string                   { return t.describe }
func (t *containers) Lifecycle() bool                    { return true }
func (t *containers) SinkAddress() (listen, host string) { return t.reach.listen, t.reach.sinkHost }

func (t *containers) Close(ctx context.Context) error {
	var err error
	if t.built {
		_, err = t.docker.Client().ImageRemove(ctx, t.image, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		if cerrdefs.IsNotFound(err) { // the build did not get so far
			err = nil
		}
	}
	return errors.Join(err, t.docker.Close())
}

func (t *containers) Start(ctx context.Context, settings Settings) (Instance, error) {
	settings.Vars.Port, settings.Vars.DataDir = t.cfg.Receiver.Port, t.cfg.Receiver.Data
	i := &containerInstance{
		target: t, vars: settings.Vars,
		volume: "hookcheck-" + uuid.NewString(),
		output: &output{log: settings.Log},
	}
	if err := i.Restart(ctx); err != nil {
		return nil, errors.Join(err, i.Remove(context.WithoutCancel(ctx)))
	}
	return i, nil
}

// instanceLabel marks the containers of one instance, so that all are found
// again when it is removed, those too whose start was cut short.
const instanceLabel = "org.hookcheck.instance"

// request is the container of one instance. A restart makes a new container
// around the same volume, so that nothing but the declared data survives, as
// where an orchestrator replaces a pod.
func (i *containerInstance) request() (testcontainers.ContainerRequest, error) {
	r := i.target.cfg.Receiver
	env, err := r.ExpandEnv(i.vars)
	if err != nil {
		return testcontainers.ContainerRequest{}, err
	}
	port := strconv.Itoa(r.Port) + "/tcp"
	return testcontainers.ContainerRequest{
		Image:        i.target.image,
		Env:          maps.Clone(env),
		ExposedPorts: []string{port},
		Labels:       map[string]string{"org.hookcheck.role": "receiver", instanceLabel: i.volume},
		HostConfigModifier: func(host *container.HostConfig) {
			if i.target.reach.hostGateway {
				host.ExtraHosts = slices.Concat(host.ExtraHosts, []string{hostAlias + ":host-gateway"})
			}
			// Docker publishes on every interface unless told otherwise.
			publishLocally(host, port, i.target.reach.published)
			if r.Data != "" {
				host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: i.volume, Target: r.Data})
			}
		},
	}, nil
}
