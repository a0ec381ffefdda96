package reference

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"github.com/jonboulle/clockwork"
)

// Receiver answers deliveries. Its ServeHTTP is the pipeline, read it top to bottom.
type Receiver struct {
	secrets   secrets
	allowlist allowlist
	limiter   Limiter
	maxBody   int64
	queue     Queue
	metrics   *metrics
	log       *slog.Logger
	clock     clockwork.Clock
}

func newReceiver(config Config, queue Queue, metrics *metrics, log *slog.Logger, clock clockwork.Clock) *Receiver {
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

// ServeHTTP acknowledges a delivery with 200 once its event is on disk, and answers
// a duplicate in the same way, so that the sender stops. It never waits for the
// event to be processed.
//
// The order of the checks matters. What costs nothing comes first. The signature
// comes before the body is understood: a stranger learns nothing of what a valid
// event looks like, and no parser sees a byte that moncreneau did not sign. The rate
// limit comes after it, because only then is it known whose budget a request is
// charged to: a stranger cannot use up moncreneau's. The event's id is looked at
// last, so that a refused delivery never uses it up.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := r.clock.Now()
	deliveryID := clip(req.Header.Get("X-Moncreneau-Delivery"))

	client, err := r.allowlist.admit(req) // 403
	if err != nil {
		r.refuse(w, deliveryID, err)
		return
	}
	body, err := readBody(w, req, r.maxBody) // 413
	if err != nil {
		r.refuse(w, deliveryID, err)
		return
	}
	unsigned := r.secrets.verify(body, req.Header["X-Moncreneau-Signature"]) // 401
	if err := r.limiter.take(req.Context(), w.Header(), client, unsigned == nil); err != nil {
		r.refuse(w, deliveryID, err) // 429
		return
	}
	if unsigned != nil {
		r.refuse(w, deliveryID, unsigned)
		return
	}
	event, err := understand(req, body) // 415, 400
	if err != nil {
		r.refuse(w, deliveryID, err)
		return
	}
	event.DeliveryID = deliveryID
	duplicate, err := r.queue.Accept(req.Context(), event) // durable when it returns
	if err != nil {
		r.log.LogAttrs(req.Context(), slog.LevelError, "Webhook could not be stored",
			append(event.attrs(), slog.String("error", err.Error()))...)
		r.refuse(w, deliveryID, errUnavailable)
		return
	}
	r.metrics.acknowledged(duplicate, r.clock.Since(start))
	if duplicate {
		r.log.LogAttrs(req.Context(), slog.LevelInfo, "Webhook is a duplicate", event.attrs()...)
		answer(w, http.StatusOK, `{"status":"duplicate"}`)
		return
	}
	r.log.LogAttrs(req.Context(), slog.LevelInfo, "Webhook received", event.attrs()...)
	answer(w, http.StatusOK, `{"status":"accepted"}`)
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
	errForbidden     = &refusal{http.StatusForbidden, "address_not_allowed", "this address is not on the allowlist"}
	errSignature     = &refusal{http.StatusUnauthorized, "invalid_signature", "the signature is missing or does not match the body"}
	errRateLimit     = &refusal{http.StatusTooManyRequests, "rate_limit_exceeded", "too many requests, try again later"}
	errTooLarge      = &refusal{http.StatusRequestEntityTooLarge, "body_too_large", "the body is too large"}
	errIncomplete    = &refusal{http.StatusBadRequest, "incomplete_body", "the body could not be read"}
	errMediaType     = &refusal{http.StatusUnsupportedMediaType, "unsupported_media_type", "expected Content-Type: application/json"}
	errTypesDisagree = &refusal{http.StatusBadRequest, "event_type_mismatch", "X-Moncreneau-Event and the body's type disagree"}
	errUnavailable   = &refusal{http.StatusServiceUnavailable, "unavailable", "the event could not be stored, send it again later"}
)

// refusalCodes are all that webhook_refusals_total may name.
var refusalCodes = []string{
	errForbidden.code, errSignature.code, errRateLimit.code, errTooLarge.code, errIncomplete.code,
	errMediaType.code, errTypesDisagree.code, errUnavailable.code, codeInvalidPayload,
}

const codeInvalidPayload = "invalid_payload"

func (r *Receiver) refuse(w http.ResponseWriter, deliveryID string, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{http.StatusBadRequest, codeInvalidPayload, err.Error()}
	}
	r.metrics.refused(why.code)
	r.log.Warn("Webhook refused", "deliveryId", deliveryID, "status", why.status, "reason", why.code)
	if why == errUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	answer(w, why.status, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, why.code, why.message))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a sender that has gone sends again
}

// understand makes an event of a body whose signature was right.
func understand(req *http.Request, body []byte) (Event, error) {
	if header := req.Header.Get("Content-Type"); header != "application/json" {
		if mediaType, _, err := mime.ParseMediaType(header); err != nil || mediaType != "application/json" {
			return Event{}, errMediaType
		}
	}
	event, err := parseEvent(body)
	if err != nil {
		return Event{}, err
	}
	// The header is not signed. The body's type counts, and a header that says
	// something else was changed on the way.
	if header := req.Header.Get("X-Moncreneau-Event"); header != "" && header != event.Type {
		return Event{}, errTypesDisagree
	}
	return event, nil
}

// readBody reads the raw bytes, which is what the signature is over. What is too long
// is read to a bound and thrown away, so that the sender gets to hear why.
func readBody(w http.ResponseWriter, req *http.Request, most int64) ([]byte, error) {
	if req.ContentLength >= 0 && req.ContentLength <= most {
		body := make([]byte, req.ContentLength)
		if _, err := io.ReadFull(req.Body, body); err != nil {
			return nil, errIncomplete
		}
		return body, nil
	}
	if req.ContentLength < 0 {
		body, err := io.ReadAll(io.LimitReader(req.Body, most+1))
		if err != nil {
			return nil, errIncomplete
		}
		if int64(len(body)) <= most {
			return body, nil
		}
	}
	const drain = 8 << 20
	_, _ = io.CopyN(io.Discard, req.Body, drain)
	w.Header().Set("Connection", "close")
	return nil, errTooLarge
}

// clip bounds an unsigned header before it is logged or kept, and makes it text.
func clip(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
