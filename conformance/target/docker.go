package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	containerdlog "github.com/containerd/log"
	"github.com/moby/moby/client"
	"github.com/sirupsen/logrus"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// pingTimeout bounds how long a Docker daemon may take to answer at all.
const pingTimeout = 5 * time.Second

// ErrNoDocker says that no Docker daemon answers.
var ErrNoDocker = errors.New("no Docker daemon answers")

// quieten takes what the Docker libraries print out of our own lines:
// testcontainers' greeting, and what becomes of an archive whose build has been
// interrupted.
var quieten = sync.OnceFunc(func() {
	tclog.SetDefault(tclog.NewNoopLogger())
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	containerdlog.L = logrus.NewEntry(silent)
})

// openDocker connects to the daemon that testcontainers finds. That a daemon was
// not waited for does not say that there is none.
func openDocker(ctx context.Context) (*testcontainers.DockerProvider, error) {
	quieten()
	docker, err := findDocker(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return docker, err
}

func findDocker(ctx context.Context) (*testcontainers.DockerProvider, error) {
	if err := settleReaper(ctx); err != nil {
		return nil, err
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if _, err := provider.Client().Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNoDocker, err), provider.Close())
	}
	return provider, nil
}

// settleReaper turns testcontainers' reaper off unless its image is at hand: it
// would have to be pulled, and no step of a certification pulls an image.
// Whoever sets the variable decides. It must be set before testcontainers
// reads its configuration, which it does once.
//
// A daemon that is named in DOCKER_HOST and does not answer is an error:
// testcontainers would look for another one.
func settleReaper(ctx context.Context) error {
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	defer docker.Close()
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	reapers, err := docker.ImageList(ctx, client.ImageListOptions{
		Filters: make(client.Filters).Add("reference", "testcontainers/ryuk"),
	})
	if err != nil && os.Getenv(client.EnvOverrideHost) != "" {
		return fmt.Errorf("%w at %s", ErrNoDocker, os.Getenv(client.EnvOverrideHost))
	}
	const variable = "TESTCONTAINERS_RYUK_DISABLED"
	if os.Getenv(variable) != "" || err == nil && len(reapers.Items) > 0 {
		return nil
	}
	return os.Setenv(variable, "true")
}

// reach is how hookcheck and a container meet.
type reach struct {
	// published is the host on which published ports answer.
	published string
	// listen is the address on which the effect sink must listen, and sinkHost
	// the name under which a container finds it.
	listen, sinkHost string
	// hostGateway says that the container needs sinkHost in its hosts file.
	hostGateway bool
}

const hostAlias = "host.docker.internal"

// findReach tells whether hookcheck runs on the daemon's own host, which
// /.dockerenv does not: the host is the one that holds the bridge's gateway.
func findReach(ctx context.Context, docker client.APIClient) (reach, error) {
	bridge, err := docker.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil {
		return reach{}, fmt.Errorf("docker: inspect the bridge network: %w", err)
	}
	addresses, err := localAddresses()
	if err != nil {
		return reach{}, err
	}
	for _, subnet := range bridge.Network.IPAM.Config {
		if !subnet.Subnet.IsValid() {
			continue
		}
		for _, address := range addresses {
			if !subnet.Subnet.Contains(address) {
				continue
			}
			if gateway := firstAddress(subnet.Subnet); address == gateway || address == subnet.Gateway {
				return reach{published: "127.0.0.1", listen: address.String() + ":0", sinkHost: hostAlias, hostGateway: true}, nil
			}
			// We are a container on the same bridge: our siblings' ports are
			// published on the gateway, and they reach us by our own address.
			return reach{published: firstAddress(subnet.Subnet).String(), listen: address.String() + ":0", sinkHost: address.String()}, nil
		}
	}
	// A daemon in a virtual machine (Docker Desktop and its like) forwards both
	// ways through the host's loopback.
	return reach{published: "127.0.0.1", listen: "127.0.0.1:0", sinkHost: hostAlias, hostGateway: true}, nil
}

func firstAddress(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

func localAddresses() ([]netip.Addr, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("docker: own addresses: %w", err)
	}
	var out []netip.Addr
	for _, entry := range interfaces {
		if prefix, err := netip.ParsePrefix(entry.String()); err == nil {
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out, nil
}
