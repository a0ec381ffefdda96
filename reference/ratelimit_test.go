package reference

import (
	"net/netip"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/valyala/fasthttp"
)

func TestTheRateLimit(t *testing.T) {
	clock := clockwork.NewFakeClock()
	l := newLimiter(RateLimit{3, time.Minute}, clock)
	moncreneau, stranger := netip.MustParseAddr("41.223.45.1"), netip.MustParseAddr("203.0.113.9")
	var header fasthttp.ResponseHeader
	take := func(client netip.Addr, signed bool) bool {
		header.Reset()
		return l.take(t.Context(), &header, client, signed) == nil
	}
	for range 3 {
		if !take(moncreneau, true) {
			t.Fatal("refused within the limit")
		}
	}
	if got := string(header.Peek("RateLimit-Remaining")); got != "0" {
		t.Errorf("RateLimit-Remaining %q after the last one, want 0", got)
	}
	if take(moncreneau, true) {
		t.Error("the fourth was allowed")
	}
	for name, want := range map[string]string{
		"RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Policy": "3;w=60", "RateLimit-Reset": "60", "Retry-After": "20",
	} {
		if got := string(header.Peek(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !take(stranger, true) {
		t.Error("another address was refused")
	}
	for range 5 {
		take(moncreneau, false) // someone at the same address, or behind the same proxy
	}
	clock.Advance(20 * time.Second)
	if !take(moncreneau, true) {
		t.Error("refused after Retry-After, because of requests that were not signed")
	}
}

func TestTheRateLimitForgetsClientsRatherThanGrow(t *testing.T) {
	l := newLimiter(RateLimit{3, time.Minute}, clockwork.NewFakeClock())
	address := netip.MustParseAddr("10.0.0.0")
	for range 3 * maxBuckets {
		address = address.Next()
		_ = l.take(t.Context(), &fasthttp.ResponseHeader{}, address, false)
	}
	if len(l.buckets) > maxBuckets {
		t.Errorf("%d buckets, want at most %d", len(l.buckets), maxBuckets)
	}
}
