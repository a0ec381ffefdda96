package report

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// redacted stands where a secret stood.
const redacted = "[secret]"

// Redact replaces the secret in text, as it is written and in the forms in
// which programs quote, escape and encode it.
func (r *Recorder) Redact(text string) string {
	if r.Secret == "" {
		return text
	}
	for _, form := range forms(r.Secret) {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return text
}

// RedactError is err with the secret replaced in what it says.
func (r *Recorder) RedactError(err error) error {
	return &redactedError{r.Redact(err.Error()), err}
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// forms are the ways in which a secret may be written, itself first.
func forms(secret string) []string {
	out := []string{secret}
	inJSON, _ := json.Marshal(secret) // a string always has a form
	for _, form := range []string{
		inside(string(inJSON)),
		inside(strconv.Quote(secret)),
		inside(strconv.QuoteToASCII(secret)),
		html.EscapeString(secret),
		url.QueryEscape(secret),
		url.PathEscape(secret),
		base64.RawStdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)),
		hex.EncodeToString([]byte(secret)),
		strings.ToUpper(hex.EncodeToString([]byte(secret))),
		// Some libraries take the prefix off before they use it.
		strings.TrimPrefix(secret, "whsec_"),
	} {
		if len(form) >= telling {
			out = append(out, form)
		}
	}
	return out
}

// inside takes the quotes off.
func inside(quoted string) string { return quoted[1 : len(quoted)-1] }

// telling is how long an encoded form must be, in bytes, not to occur in
// innocent text.
const telling = 12
