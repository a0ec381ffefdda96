package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// allowed reports whether the sender's address is on the allowlist.
//
// Each proxy appends the address that it saw to X-Forwarded-For, so only what
// our own proxies wrote can be believed: from the right, up to the first stranger.
func (r *receiver) allowed(req *http.Request) bool {
	if len(r.allowlist) == 0 || r.mutant == "ignores-allowlist" {
		return true
	}
	var forwarded []string
	for _, line := range req.Header.Values("X-Forwarded-For") {
		for part := range strings.SplitSeq(line, ",") {
			forwarded = append(forwarded, strings.TrimSpace(part))
		}
	}
	if r.mutant == "trusts-leftmost-forwarded-address" && len(forwarded) > 0 {
		return within(forwarded[0], r.allowlist)
	}
	peer, _ := netip.ParseAddrPort(req.RemoteAddr)
	address := peer.Addr().Unmap().String()
	for _, next := range slices.Backward(forwarded) {
		if !within(address, r.trustedProxies) {
			break
		}
		address = next
	}
	return within(address, r.allowlist)
}

func within(text string, prefixes []netip.Prefix) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}
