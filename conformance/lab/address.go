package lab

import (
	"net/netip"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// AllowedAddress is an address of the first allowed network, "" without one.
func AllowedAddress(a config.Allowlist) string {
	if len(a.CIDRs) == 0 {
		return ""
	}
	network, err := netip.ParsePrefix(a.CIDRs[0])
	if err != nil {
		return ""
	}
	return network.Masked().Addr().Next().String()
}

// asProxy adds what the trusted proxy tells of the sender, unless the
// experiment has said it otherwise.
func (b *bench) asProxy(d emitter.Delivery) emitter.Delivery {
	allowlist := b.lab.cfg.Declare.Allowlist
	if !allowlist.Declared() || d.Header[allowlist.Header] != nil {
		return d
	}
	d = d.Clone()
	d.Header[allowlist.Header] = []string{AllowedAddress(allowlist)}
	return d
}
