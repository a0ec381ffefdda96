package reference

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"
)

// RateLimit is how many requests a client may make in a window. The zero value is no
// limit.
type RateLimit struct {
	Requests int
	Window   time.Duration
}

// Limiter charges a request to the budget of its client, or returns errRateLimit. Each
// client has two token buckets, one for deliveries that moncreneau signed and one for
// everything else. A bucket holds a window's worth of requests and fills evenly. There
// are two: in this process, and in PostgreSQL for all replicas together.
type Limiter interface {
	take(ctx context.Context, header *fasthttp.ResponseHeader, client netip.Addr, signed bool) error
}

// unlimited is the Limiter of RATE_LIMIT=none.
type unlimited struct{}

func (unlimited) take(context.Context, *fasthttp.ResponseHeader, netip.Addr, bool) error { return nil }

// announce says how things stand, in the fields of the IETF's RateLimit draft 06.
func (r RateLimit) announce(header *fasthttp.ResponseHeader, tokens float64, allowed bool) error {
	tokens = max(0, tokens)
	perSecond := float64(r.Requests) / r.Window.Seconds()
	header.Set("RateLimit-Limit", strconv.Itoa(r.Requests))
	header.Set("RateLimit-Remaining", strconv.Itoa(int(tokens)))
	header.Set("RateLimit-Reset", ceilSeconds((float64(r.Requests)-tokens)/perSecond))
	header.Set("RateLimit-Policy", strconv.Itoa(r.Requests)+";w="+ceilSeconds(r.Window.Seconds()))
	if !allowed {
		header.Set("Retry-After", ceilSeconds(max(0, 1-tokens)/perSecond))
		return errRateLimit
	}
	return nil
}

func ceilSeconds(s float64) string { return strconv.Itoa(int(math.Ceil(s))) }

// limiter is the Limiter of one process.
type limiter struct {
	limit RateLimit
	clock clockwork.Clock

	mu      sync.Mutex
	buckets map[budget]*rate.Limiter
}

type budget struct {
	client netip.Addr
	signed bool
}

// maxBuckets bounds the memory that a flood from many addresses can take. When there
// are more, the full ones are forgotten: they are as good as new.
const maxBuckets = 10_000

func newLimiter(limit RateLimit, clock clockwork.Clock) *limiter {
	return &limiter{limit: limit, clock: clock, buckets: map[budget]*rate.Limiter{}}
}

func (l *limiter) take(_ context.Context, header *fasthttp.ResponseHeader, client netip.Addr, signed bool) error {
	now := l.clock.Now()
	bucket := l.bucket(budget{client, signed}, now)
	allowed := bucket.AllowN(now, 1)
	return l.limit.announce(header, bucket.TokensAt(now), allowed)
}

func (l *limiter) bucket(of budget, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, known := l.buckets[of]
	if !known {
		if len(l.buckets) >= maxBuckets {
			l.forgetFull(now)
		}
		perSecond := rate.Limit(float64(l.limit.Requests) / l.limit.Window.Seconds())
		bucket = rate.NewLimiter(perSecond, l.limit.Requests)
		l.buckets[of] = bucket
	}
	return bucket
}

func (l *limiter) forgetFull(now time.Time) {
	for of, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.limit.Requests) {
			delete(l.buckets, of)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets) // thousands of clients at once: start over rather than grow
	}
}
