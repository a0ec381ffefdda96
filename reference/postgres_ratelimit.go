package reference

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// sharedLimiter is the Limiter of all replicas on one database. It keeps one time for
// each bucket, when it will be full again: each request moves that on by the time that
// a token takes to come back, and none may move it further than a window from now.
type sharedLimiter struct {
	queue *postgresQueue
	limit RateLimit
}

func (q *postgresQueue) limiter(limit RateLimit) Limiter { return sharedLimiter{q, limit} }

func (l sharedLimiter) take(ctx context.Context, header *fasthttp.ResponseHeader, client netip.Addr, signed bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	perToken := l.limit.Window / time.Duration(l.limit.Requests)
	var untilFull time.Duration
	var allowed bool
	// Nobody waits for the disk on account of a counter: set_config is for this statement.
	err := l.queue.pool.QueryRow(ctx, `WITH charged AS (
			INSERT INTO webhook_budgets AS b (client, full_at)
			SELECT $1::text, now() + $2::interval WHERE set_config('synchronous_commit', 'off', true) = 'off'
			ON CONFLICT (client) DO UPDATE SET full_at = greatest(b.full_at, now()) + $2::interval
			WHERE greatest(b.full_at, now()) + $2::interval <= now() + $3::interval
			RETURNING full_at)
		SELECT full_at - now(), true FROM charged
		UNION ALL SELECT full_at - now(), false FROM webhook_budgets WHERE client = $1 AND NOT EXISTS (SELECT 1 FROM charged)`,
		client.String()+" signed "+strconv.FormatBool(signed), perToken, l.limit.Window).Scan(&untilFull, &allowed)
	if err != nil {
		return nil //nolint:nilerr // without the database nothing is accepted anyway; that answer is the right one
	}
	tokens := float64(l.limit.Requests) - untilFull.Seconds()/perToken.Seconds()
	return l.limit.announce(header, tokens, allowed)
}
