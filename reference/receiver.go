package reference

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
)

// Receiver answers deliveries. Its Receive is the pipeline, read it top to bottom.
type Receiver struct {
	secrets   secrets
	allowlist allowlist
	limiter   Limiter
	maxBody   int
	queue     Queue
	metrics   *metrics
	log       zerolog.Logger
	clock     clockwork.Clock
}

func newReceiver(config Config, queue Queue, metrics *metrics, log zerolog.Logger, clock clockwork.Clock) *Receiver {
	var limiter Limiter = unlimited{}
	if config.RateLimit.Requests > 0 {
		limiter = queue.limiter(config.RateLimit)
	}
	return &Receiver{
		secrets:   newSecrets(config.Secrets),
		allowlist: allowlist{config.Allowlist, config.TrustedProxies},
		limiter:   limiter,
		maxBody:   config.MaxBody,
		queue:     queue,
		metrics:   metrics,
		log:       log,
		clock:     clock,
	}
}

// Receive acknowledges a delivery with 200 once its event is on disk, and answers
// a duplicate in the same way, so that the sender stops. It never waits for the
// event to be processed.
//
// The order of the checks matters. What costs nothing comes first. The signature
// comes before the body is understood: a stranger learns nothing of what a valid
// event looks like, and no parser sees a byte that moncreneau did not sign. The rate
// limit comes after it, because only then is it known whose budget a request is
// charged to: a stranger cannot use up moncreneau's. The event's id is looked at
// last, so that a refused delivery never uses it up.
//
// The request and all that it holds is used again by fasthttp afterwards: what is kept,
// such as the body, is a copy.
func (r *Receiver) Receive(c *fasthttp.RequestCtx) {
	start, ctx := r.clock.Now(), contextOf(c)
	deliveryID := clip(string(c.Request.Header.Peek("X-Moncreneau-Delivery")))

	client, err := r.allowlist.admit(c) // 403
	if err != nil {
		r.refuse(c, deliveryID, err)
		return
	}
	body, err := readBody(c, r.maxBody) // 413
	if err != nil {
		r.refuse(c, deliveryID, err)
		return
	}
	unsigned := r.secrets.verify(body, c.Request.Header.PeekAll("X-Moncreneau-Signature")) // 401
	if err := r.limiter.take(ctx, &c.Response.Header, client, unsigned == nil); err != nil {
		r.refuse(c, deliveryID, err) // 429
		return
	}
	if unsigned != nil {
		r.refuse(c, deliveryID, unsigned)
		return
	}
	event, err := understand(&c.Request.Header, body) // 415, 400
	if err != nil {
		r.refuse(c, deliveryID, err)
		return
	}
	event.DeliveryID = deliveryID
	duplicate, err := r.queue.Accept(ctx, event) // durable when it returns
	if err != nil {
		event.in(r.log.Error()).Str("error", err.Error()).Msg("Webhook could not be stored")
		r.refuse(c, deliveryID, errUnavailable)
		return
	}
	r.metrics.acknowledged(duplicate, r.clock.Since(start))
	if duplicate {
		event.in(r.log.Info()).Msg("Webhook is a duplicate")
		answer(c, fasthttp.StatusOK, `{"status":"duplicate"}`)
		return
	}
	event.in(r.log.Info()).Msg("Webhook received")
	answer(c, fasthttp.StatusOK, `{"status":"accepted"}`)
}

// refusal is why a delivery is not taken. Its text goes to the sender, so it never
// holds a secret, a signature or anything personal.
type refusal struct {
	status  int
	code    string // stable, in the answer's body and in webhook_refusals_total
	message string
}

func (r *refusal) Error() string { return r.message }

var (
	errForbidden     = &refusal{fasthttp.StatusForbidden, "address_not_allowed", "this address is not on the allowlist"}
	errSignature     = &refusal{fasthttp.StatusUnauthorized, "invalid_signature", "the signature is missing or does not match the body"}
	errRateLimit     = &refusal{fasthttp.StatusTooManyRequests, "rate_limit_exceeded", "too many requests, try again later"}
	errTooLarge      = &refusal{fasthttp.StatusRequestEntityTooLarge, "body_too_large", "the body is too large"}
	errIncomplete    = &refusal{fasthttp.StatusBadRequest, "incomplete_body", "the request could not be read to its end"}
	errLongHeader    = &refusal{fasthttp.StatusRequestHeaderFieldsTooLarge, "header_too_large", "the header is too large"}
	errMediaType     = &refusal{fasthttp.StatusUnsupportedMediaType, "unsupported_media_type", "expected Content-Type: application/json"}
	errTypesDisagree = &refusal{fasthttp.StatusBadRequest, "event_type_mismatch", "X-Moncreneau-Event and the body's type disagree"}
	errUnavailable   = &refusal{fasthttp.StatusServiceUnavailable, "unavailable", "the event could not be stored, send it again later"}
)

// refusalCodes are all that webhook_refusals_total may name.
var refusalCodes = []string{
	errForbidden.code, errSignature.code, errRateLimit.code, errTooLarge.code, errIncomplete.code, errLongHeader.code,
	errMediaType.code, errTypesDisagree.code, errUnavailable.code, codeInvalidPayload,
}

const codeInvalidPayload = "invalid_payload"

func (r *Receiver) refuse(c *fasthttp.RequestCtx, deliveryID string, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{fasthttp.StatusBadRequest, codeInvalidPayload, err.Error()}
	}
	r.metrics.refused(why.code)
	r.log.Warn().Str("deliveryId", deliveryID).Int("status", why.status).Str("reason", why.code).Msg("Webhook refused")
	if why == errUnavailable {
		c.Response.Header.Set("Retry-After", "5")
	}
	answer(c, why.status, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, why.code, why.message))
}

func answer(c *fasthttp.RequestCtx, status int, body string) {
	c.SetStatusCode(status)
	c.SetContentType("application/json")
	c.SetBodyString(body)
}

// understand makes an event of a body whose signature was right.
func understand(header *fasthttp.RequestHeader, body []byte) (Event, error) {
	if contentType := string(header.ContentType()); contentType != "application/json" {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
			return Event{}, errMediaType
		}
	}
	event, err := parseEvent(body)
	if err != nil {
		return Event{}, err
	}
	// The header is not signed. The body's type counts, and a header that says
	// something else was changed on the way.
	if claimed := string(header.Peek("X-Moncreneau-Event")); claimed != "" && claimed != event.Type {
		return Event{}, errTypesDisagree
	}
	return event, nil
}

// readBody reads the raw bytes, which is what the signature is over. What is too long
// is read to a bound and thrown away, so that the sender gets to hear why.
func readBody(c *fasthttp.RequestCtx, most int) ([]byte, error) {
	sent, length := c.RequestBodyStream(), c.Request.Header.ContentLength()
	if sent == nil {
		return nil, nil // there is none
	}
	if length >= 0 && length <= most {
		body := make([]byte, length)
		if _, err := io.ReadFull(sent, body); err != nil {
			return nil, errIncomplete
		}
		return body, nil
	}
	if length < 0 { // in chunks
		body, err := io.ReadAll(io.LimitReader(sent, int64(most)+1))
		if err != nil {
			return nil, errIncomplete
		}
		if len(body) <= most {
			return body, nil
		}
	}
	const drain = 8 << 20
	_, _ = io.CopyN(io.Discard, sent, drain)
	c.SetConnectionClose()
	return nil, errTooLarge
}

// clip bounds an unsigned header before it is logged or kept, and makes it text.
func clip(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
