package main

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/moncreneau/hookcheck/fixtures"
)

const (
	largestBody = 1 << 20  // bytes that are looked at
	mostDrained = 16 << 20 // bytes that are read, so that the sender hears why
)

// judge decides whether a delivery is to be accepted: where it comes from, its
// signature, the rate, and only then what it says.
func (r *receiver) judge(w http.ResponseWriter, req *http.Request) (event, *refusal) {
	if !r.allowed(req) {
		return event{}, &refusal{status: http.StatusForbidden, reason: "the address is not allowed"}
	}
	body, tooLong, err := r.readBody(w, req)
	ev := event{DeliveryID: req.Header.Get("X-Moncreneau-Delivery"), Type: req.Header.Get("X-Moncreneau-Event")}
	switch {
	case err != nil:
		return ev, &refusal{status: http.StatusBadRequest, reason: "the body ended early"}
	case tooLong:
		return ev, &refusal{status: http.StatusRequestEntityTooLarge, reason: "the body is too long"}
	}
	if r.mutant == "validates-before-verifying" {
		if refused := r.validate(body, &ev); refused != nil {
			return ev, refused
		}
	}
	if !r.verify(req, body) {
		ev = read(body, ev)
		return ev, r.wrongSignature(body)
	}
	if wait := r.limiter.take(); wait > 0 {
		ev = read(body, ev)
		if r.mutant != "throttles-without-a-word" {
			w.Header().Set("Retry-After", strconv.Itoa(wait))
		}
		return ev, &refusal{status: http.StatusTooManyRequests, reason: "too many requests"}
	}
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if kind != "application/json" && r.mutant != "accepts-any-content-type" {
		return ev, &refusal{status: http.StatusUnsupportedMediaType, reason: "the content type is not application/json"}
	}
	header := ev.Type
	if refused := r.validate(body, &ev); refused != nil {
		return ev, refused
	}
	if r.mutant == "dispatches-on-header" {
		ev.Type = header
	}
	return ev, nil
}

func (r *receiver) readBody(w http.ResponseWriter, req *http.Request) (body []byte, tooLong bool, err error) {
	limit := largestBody
	if r.mutant == "reads-without-limit" {
		limit = mostDrained
	}
	body, err = io.ReadAll(io.LimitReader(req.Body, int64(limit)+1))
	if len(body) <= limit {
		return body, false, err
	}
	_, err = io.Copy(io.Discard, http.MaxBytesReader(w, req.Body, mostDrained))
	var more *http.MaxBytesError
	if errors.As(err, &more) {
		err = nil
	}
	return nil, true, err
}

func (r *receiver) wrongSignature(body []byte) *refusal {
	refused := &refusal{status: http.StatusUnauthorized, reason: "invalid signature"}
	switch r.mutant {
	case "answers-403-for-a-signature":
		refused.status = http.StatusForbidden
	case "leaks-expected-signature":
		refused.leak = "expected " + signed{r.secret, nil, body}.digits()
	case "leaks-secret-in-error":
		refused.leak = "the secret is " + r.secret
	}
	return refused
}

// validate holds body to the contract, and reads it into ev.
func (r *receiver) validate(body []byte, ev *event) *refusal {
	*ev = read(body, *ev)
	violations := fixtures.Default().Validate(body)
	if r.mutant == "refuses-fields-that-are-new" && hasNewFields(body) {
		return &refusal{status: http.StatusBadRequest, reason: "unknown field"}
	}
	if ignores, ok := ignoredRules[r.mutant]; ok {
		violations = slices.DeleteFunc(violations, func(v fixtures.Violation) bool { return ignores(v.Rule) })
	}
	if len(violations) == 0 {
		return nil
	}
	refused := &refusal{status: http.StatusBadRequest, reason: violations[0].Error()}
	switch first := violations[0].Rule; {
	case r.mutant == "answers-422-for-a-payload":
		refused.status = http.StatusUnprocessableEntity
	case r.mutant == "5xx-on-bad-json" && first.Kind == fixtures.KindTruncated:
		refused.status = http.StatusInternalServerError
	case r.mutant == "stack-trace-in-error" && first.Scope == fixtures.ScopeBytes:
		refused.leak = string(debug.Stack())
	case r.mutant == "dies-of-deep-json" && first.Kind == fixtures.KindTooDeep:
		os.Exit(2)
	}
	return refused
}

// ignoredRules are the mutants that do not hold a payload to some rules.
var ignoredRules = map[string]func(fixtures.Rule) bool{
	"accepts-what-is-not-json": func(r fixtures.Rule) bool {
		return r.Scope == fixtures.ScopeBytes && r.Kind != fixtures.KindTooDeep
	},
	"accepts-missing-fields":  ofEnvelope(fixtures.KindMissing, fixtures.KindNull),
	"accepts-wrong-types":     ofEnvelope(fixtures.KindWrongType),
	"accepts-empty-values":    ofEnvelope(fixtures.KindTooShort, fixtures.KindBadFormat),
	"accepts-missing-created": func(r fixtures.Rule) bool { return r.Path == "created" && r.Level == fixtures.Should },
	"acks-unknown-types":      ofUnknownType,
	"processes-unknown-types": ofUnknownType,
	"accepts-any-appointment": func(r fixtures.Rule) bool { return r.Scope == fixtures.ScopeObject },
	"accepts-deep-nesting":    func(r fixtures.Rule) bool { return r.Kind == fixtures.KindTooDeep },
}

func ofUnknownType(r fixtures.Rule) bool { return r.ID == "envelope.type.unknown-value" }

// ofEnvelope are the rules of these kinds that bind every receiver.
func ofEnvelope(kinds ...fixtures.Kind) func(fixtures.Rule) bool {
	return func(r fixtures.Rule) bool {
		return r.Scope == fixtures.ScopeEnvelope && r.Level == fixtures.Must && slices.Contains(kinds, r.Kind)
	}
}

// read takes what it can from a body that need not be valid.
func read(body []byte, ev event) event {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return ev
	}
	var id, eventType string
	if json.Unmarshal(fields["id"], &id) == nil {
		ev.ID, ev.Key = id, id
	}
	if json.Unmarshal(fields["type"], &eventType) == nil {
		ev.Type = eventType
	}
	ev.Data = fields["data"]
	return ev
}

func hasNewFields(body []byte) bool {
	var known struct {
		ID      json.RawMessage `json:"id"`
		Type    json.RawMessage `json:"type"`
		Created json.RawMessage `json:"created"`
		Data    json.RawMessage `json:"data"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&known)
	return err != nil && strings.Contains(err.Error(), "unknown field")
}
