package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Unreachable is the network of an outage: no connection comes about.
const Unreachable = "unreachable"

// conditions are what can happen to a TCP connection between moncreneau and the
// receiver, as toxics of Toxiproxy. Upstream is towards the receiver.
var conditions = map[string][]string{
	// 250 ms each way, give or take 100.
	"latency": {
		`{"type":"latency","stream":"upstream","attributes":{"latency":250,"jitter":100}}`,
		`{"type":"latency","stream":"downstream","attributes":{"latency":250,"jitter":100}}`,
	},
	// About a kilobyte a second.
	"slow": {`{"type":"bandwidth","stream":"upstream","attributes":{"rate":1}}`},
	// One byte in a segment, 500 µs between two.
	"byte-at-a-time": {`{"type":"slicer","stream":"upstream","attributes":{"average_size":1,"delay":500}}`},
	// A TCP reset as soon as the request comes.
	"reset": {`{"type":"reset_peer","stream":"upstream","attributes":{"timeout":0}}`},
	// The connection ends in the middle of the body.
	"cut": {`{"type":"limit_data","stream":"upstream","attributes":{"bytes":500}}`},
	// The receiver answers, and the connection ends before the answer arrives.
	"answer-lost": {`{"type":"limit_data","stream":"downstream","attributes":{"bytes":0}}`},
	// Nobody listens.
	Unreachable: nil,
}

// Conditions lists the network conditions that a scenario can name.
func Conditions() []string { return slices.Sorted(maps.Keys(conditions)) }

// network carries deliveries to the receiver under a condition. Each condition
// is a proxy of its own, started when it is first needed.
type network struct {
	upstream string
	sound    *http.Client

	mu      sync.Mutex
	server  *toxiproxy.ApiServer
	proxies []*toxiproxy.Proxy
	clients map[string]*http.Client
}

func newNetwork(target *url.URL) *network {
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	return &network{
		upstream: net.JoinHostPort(target.Hostname(), port),
		sound:    emitter.NewClient(),
		server:   toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		clients:  map[string]*http.Client{},
	}
}

// probe says early what a whole run would only repeat: that nobody listens. A
// receiver behind an HTTP proxy is not probed, only the proxy can reach it.
func (n *network) probe(ctx context.Context, target *url.URL) error {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: target})
	if err != nil || proxy != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: emitter.DefaultTimeout}).DialContext(ctx, "tcp", n.upstream)
	if err != nil {
		return fmt.Errorf("reach the receiver: %w", err)
	}
	return conn.Close()
}

// client is what sends under a condition; the empty one is a sound network.
func (n *network) client(condition string) (*http.Client, error) {
	if condition == "" {
		return n.sound, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, started := n.clients[condition]; started {
		return c, nil
	}
	dial, err := n.dialer(condition)
	if err != nil {
		return nil, fmt.Errorf("network condition %s: %w", condition, err)
	}
	// A connection of its own for each attempt, so that each meets the condition
	// from the start.
	c := &http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, DisableCompression: true,
	}}
	n.clients[condition] = c
	return c, nil
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func (n *network) dialer(condition string) (dialFunc, error) {
	if condition == Unreachable {
		refuse := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("unreachable: the scenario's outage")}
		return func(context.Context, string, string) (net.Conn, error) { return nil, refuse }, nil
	}
	proxy := toxiproxy.NewProxy(n.server, condition, "127.0.0.1:0", n.upstream)
	if err := proxy.Start(); err != nil {
		return nil, err
	}
	n.proxies = append(n.proxies, proxy)
	for _, toxic := range conditions[condition] {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return nil, err
		}
	}
	address := proxy.Listen // what the library really listens on
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}, nil
}

// close stops every proxy.
func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sound.CloseIdleConnections()
	for _, c := range n.clients {
		c.CloseIdleConnections()
	}
	for _, p := range n.proxies {
		p.Stop()
	}
}
