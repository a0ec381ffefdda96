package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Policy says where deliveries may go. The zero value lets them go to this
// machine only: a simulator must not be the one to flood somebody else's server.
type Policy struct {
	// AllowHosts are further hosts, names or IP addresses without a port.
	AllowHosts []string
}

// errNotAllowed says how to allow a host.
func errNotAllowed(host string) error {
	return fmt.Errorf("%s is not this machine: to deliver there, start with --allow-host %s", host, host)
}

// Check parses the URL of an endpoint and says why it cannot be one, if so. A
// name other than localhost is not looked up; it has to be allowed by name.
func (p Policy) Check(raw string) (*url.URL, error) {
	u, err := emitter.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errors.New("must not hold a user name or a password")
	}
	host := u.Hostname()
	if isLocalName(host) || p.allows(host) {
		return u, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return u, nil
	}
	return nil, errNotAllowed(host)
}

func (p Policy) allows(host string) bool {
	return slices.ContainsFunc(p.AllowHosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}

func isLocalName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Client sends only where the policy allows, judged by the address that is
// really dialled, so that what localhost resolves to matters and not what it
// should. It follows no redirect, uses no proxy, and drops a kept connection
// after a second (see emitter.NewClient).
func (p Policy) Client() *http.Client {
	client := emitter.NewClient()
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		transport = &http.Transport{}
	}
	transport.Proxy = nil // a proxy would be the address that is dialled
	transport.DialContext = p.dial
	client.Transport = transport
	return client
}

func (p Policy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if host, _, err := net.SplitHostPort(address); err != nil || !p.allows(host) {
		dialer.Control = onlyLoopback
	}
	return dialer.DialContext(ctx, network, address)
}

func onlyLoopback(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().Unmap().IsLoopback() {
		return nil
	}
	return errNotAllowed(address)
}
