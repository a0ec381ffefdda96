package reference

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"
)

// RateLimit is how many requests a client may make in a window. The zero value is no
// limit.
type RateLimit struct {
	Requests int
	Window   time.Duration
}

// limiter gives each client two token buckets, one for deliveries that moncreneau
// signed and one for everything else. A bucket holds a window's worth of requests
// and fills evenly. A nil limiter limits nothing.
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
	if limit.Requests == 0 {
		return nil
	}
	return &limiter{limit: limit, clock: clock, buckets: map[budget]*rate.Limiter{}}
}

// take charges a request to the client's budget, or returns errRateLimit. Either way
// it says how things stand, in the fields of the IETF's RateLimit draft 06.
func (l *limiter) take(header http.Header, client netip.Addr, signed bool) error {
	if l == nil {
		return nil
	}
	now := l.clock.Now()
	bucket := l.bucket(budget{client, signed}, now)
	allowed := bucket.AllowN(now, 1)
	tokens := max(0, bucket.TokensAt(now))

	perSecond := float64(bucket.Limit())
	header.Set("RateLimit-Limit", strconv.Itoa(l.limit.Requests))
	header.Set("RateLimit-Remaining", strconv.Itoa(int(tokens)))
	header.Set("RateLimit-Reset", ceilSeconds((float64(l.limit.Requests)-tokens)/perSecond))
	header.Set("RateLimit-Policy", strconv.Itoa(l.limit.Requests)+";w="+ceilSeconds(l.limit.Window.Seconds()))
	if !allowed {
		header.Set("Retry-After", ceilSeconds((1-tokens)/perSecond))
		return errRateLimit
	}
	return nil
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

func ceilSeconds(s float64) string { return strconv.Itoa(int(math.Ceil(s))) }
