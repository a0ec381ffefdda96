package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// TestShardsInSeparateContainersSendExactlyThePlan runs what the Kubernetes
// manifest runs, a pod's index in its environment and all, in containers.
func TestShardsInSeparateContainersSendExactlyThePlan(t *testing.T) {
	docker := dockerOrSkip(t)
	image := hookcheckImage(t, docker)
	const shards, seed = 3, 11

	var mu sync.Mutex
	received := map[string]int{} // by delivery id
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		received[r.Header.Get("X-Moncreneau-Delivery")]++
	}))
	defer server.Close()

	scenario, dir := ownScenario(t), t.TempDir()
	merge := []string{"chaos", "merge", "--report", filepath.Join(dir, "merged")}
	var runs sync.WaitGroup
	errs := make([]error, shards)
	for i := range shards {
		report := filepath.Join(dir, fmt.Sprintf("shard-%d", i))
		merge = append(merge, report)
		runs.Go(func() {
			errs[i] = runShard(t.Context(), image, scenario, report, map[string]string{
				secretVariable: testSecret, jobIndex: fmt.Sprint(i),
			}, []string{
				"chaos", "run", "/own.yaml", "--to", server.URL, "--wire", "--seed", fmt.Sprint(seed),
				"--shard", fmt.Sprintf("job/%d", shards), "--report", "/report",
			})
		})
	}
	runs.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}

	p, _, err := (&planFlags{seed: seed}).load(scenario)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for step := range p.Steps() {
		want[step.DeliveryID]++
	}
	mu.Lock()
	if !maps.Equal(received, want) {
		t.Errorf("the shards sent %d deliveries, the plan has %d, or they differ", len(received), len(want))
	}
	mu.Unlock()
	// This receiver takes everything, so that forged events are not refused: the
	// merged verdict is about all of them.
	stdout, stderr, code := exiting(t, merge...)
	if code != exitFailed || !strings.Contains(stdout, "of 24 events") || !strings.Contains(stdout, "shard 1/3 2/3 3/3") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

func dockerOrSkip(t *testing.T) client.APIClient {
	t.Helper()
	// The reaper is an image of its own; what is started here is removed here.
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	provider, err := testcontainers.NewDockerProvider()
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = provider.Client().Ping(ctx, client.PingOptions{})
	}
	if err != nil {
		t.Skipf("no Docker daemon answers: %v", err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	return provider.Client()
}

// hookcheckImage builds this program into an image from scratch.
func hookcheckImage(t *testing.T, docker client.APIClient) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "hookcheck"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dockerfile := "FROM scratch\nCOPY hookcheck /hookcheck\nENTRYPOINT [\"/hookcheck\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	image, err := provider.BuildImage(t.Context(), &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		Context: dir, Repo: "hookcheck-shard-test", Tag: strings.ToLower(uuid.NewString()[:8]),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := docker.ImageRemove(context.WithoutCancel(t.Context()), image, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		if err != nil {
			t.Error(err)
		}
	})
	return image
}

// runShard runs one container to its end and brings its record to report.
func runShard(ctx context.Context, image, scenario, report string, env map[string]string, args []string) (err error) {
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Started: true,
		ContainerRequest: testcontainers.ContainerRequest{
			Image: image, Cmd: args, Env: env,
			Files:              []testcontainers.ContainerFile{{HostFilePath: scenario, ContainerFilePath: "/own.yaml", FileMode: 0o644}},
			HostConfigModifier: func(host *container.HostConfig) { host.NetworkMode = "host" },
			WaitingFor:         wait.ForExit().WithExitTimeout(time.Minute),
		},
	})
	if c != nil {
		defer func() { err = errors.Join(err, c.Terminate(context.WithoutCancel(ctx))) }()
	}
	if err != nil {
		return err
	}
	state, err := c.State(ctx)
	if err != nil {
		return err
	}
	if state.ExitCode != 0 {
		return fmt.Errorf("%v: exit %d", args, state.ExitCode)
	}
	record, err := c.CopyFileFromContainer(ctx, "/report/"+recordName)
	if err != nil {
		return err
	}
	defer record.Close()
	text, err := io.ReadAll(record)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(report, 0o750), os.WriteFile(filepath.Join(report, recordName), text, 0o600))
}
