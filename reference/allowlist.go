package reference

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
)

// allowlist says who may send. No networks means everyone may.
type allowlist struct {
	networks []netip.Prefix
	proxies  []netip.Prefix // whose X-Forwarded-For is believed
}

// admit returns the address that a request came from, or errForbidden.
func (a allowlist) admit(c *fasthttp.RequestCtx) (netip.Addr, error) {
	client := a.client(c)
	if len(a.networks) > 0 && !contains(a.networks, client) {
		return client, errForbidden
	}
	return client, nil
}

// client is the peer of the connection, or, if that is a trusted proxy, the last
// address of X-Forwarded-For that is not one. Everything to the left of it was
// written by someone who is not trusted and may be forged.
func (a allowlist) client(c *fasthttp.RequestCtx) netip.Addr {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	client := peer.Addr().Unmap()
	if !contains(a.proxies, client) {
		return client
	}
	hops := strings.Split(string(bytes.Join(c.Request.Header.PeekAll("X-Forwarded-For"), []byte(","))), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // a proxy that forwards nonsense vouches for nobody but itself
		}
		client = hop.Unmap()
		if !contains(a.proxies, client) {
			break
		}
	}
	return client
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
