package reference

import (
	"net"
	"net/netip"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestTheAllowlist(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("41.223.45.0/24"), netip.MustParsePrefix("41.223.46.0/24")}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	tests := []struct {
		name      string
		list      allowlist
		peer      string
		forwarded []string
		client    string
		admitted  bool
	}{
		{"takes everyone when it is empty", allowlist{}, "203.0.113.9:1", nil, "203.0.113.9", true},
		{"takes an address that is on it", allowlist{networks: networks}, "41.223.46.7:1", nil, "41.223.46.7", true},
		{"takes it in the form of an IPv6 socket", allowlist{networks: networks}, "[::ffff:41.223.46.7]:1", nil, "41.223.46.7", true},
		{"refuses another", allowlist{networks: networks}, "203.0.113.9:1", nil, "203.0.113.9", false},
		{"refuses another that forges X-Forwarded-For", allowlist{networks, proxies}, "203.0.113.9:1", []string{"41.223.45.1"}, "203.0.113.9", false},
		{"believes a trusted proxy", allowlist{networks, proxies}, "10.0.0.1:1", []string{"41.223.45.1"}, "41.223.45.1", true},
		{"refuses what was forged before the proxy", allowlist{networks, proxies}, "10.0.0.1:1", []string{"41.223.45.1, 203.0.113.9"}, "203.0.113.9", false},
		{"refuses what was forged in a header of its own", allowlist{networks, proxies}, "10.0.0.1:1", []string{"41.223.45.1", "203.0.113.9"}, "203.0.113.9", false},
		{"passes over several trusted proxies", allowlist{networks, proxies}, "10.0.0.1:1", []string{"41.223.45.1, 10.1.2.3"}, "41.223.45.1", true},
		{"takes nonsense for the proxy itself", allowlist{networks, proxies}, "10.0.0.1:1", []string{"41.223.45.1, nonsense"}, "10.0.0.1", false},
		{"refuses a proxy that forwards for nobody", allowlist{networks, proxies}, "10.0.0.1:1", nil, "10.0.0.1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var req fasthttp.Request
			for _, hops := range test.forwarded {
				req.Header.Add("X-Forwarded-For", hops)
			}
			var c fasthttp.RequestCtx
			c.Init(&req, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(test.peer)), nil)
			client, err := test.list.admit(&c)
			if client.String() != test.client || (err == nil) != test.admitted {
				t.Errorf("client %s, error %v; want %s, admitted %v", client, err, test.client, test.admitted)
			}
		})
	}
}
