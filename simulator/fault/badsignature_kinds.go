package fault

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // a wrong algorithm is the point
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// badSignature is one kind: either sign gives the header's values for a body
// that stays as it is, or tamper gives another body under the signature that is
// already there.
type badSignature struct {
	kind   BadSignatureKind
	title  string
	sign   func(secret string, body []byte) []string
	tamper func(body []byte) []byte
}

func (k badSignature) setSignature(d *emitter.Delivery, secret string) {
	d.Header.Del(emitter.HeaderSignature)
	if values := k.sign(secret, d.Body); len(values) > 0 {
		d.Header[emitter.HeaderSignature] = values
	}
}

// genuine is the right signature's hexadecimal digits.
func genuine(secret string, body []byte) string {
	return strings.TrimPrefix(fixtures.Sign(secret, body), "sha256=")
}

var badSignatures = []badSignature{
	{kind: "missing", title: "no signature header",
		sign: func(string, []byte) []string { return nil }},
	{kind: "empty", title: "an empty signature header",
		sign: func(string, []byte) []string { return []string{""} }},
	{kind: "prefix-only", title: "sha256= and nothing behind it",
		sign: func(string, []byte) []string { return []string{"sha256="} }},
	{kind: "unprefixed", title: "the right digits without sha256= before them",
		sign: one(genuine)},
	{kind: "wrong-prefix", title: "the right digits behind sha512=",
		sign: one(func(s string, b []byte) string { return "sha512=" + genuine(s, b) })},
	{kind: "other-algorithm", title: "an HMAC-SHA1, labelled as one",
		sign: one(func(s string, b []byte) string { return "sha1=" + mac(sha1.New, s, b) })},
	{kind: "longer-algorithm", title: "an HMAC-SHA512 behind sha256=",
		sign: one(func(s string, b []byte) string { return "sha256=" + mac(sha512.New, s, b) })},
	{kind: "no-key", title: "a plain SHA-256 of the body, which anybody can compute",
		sign: one(func(_ string, b []byte) string {
			sum := sha256.Sum256(b)
			return "sha256=" + hex.EncodeToString(sum[:])
		})},
	{kind: "empty-key", title: "an HMAC with an empty secret",
		sign: one(func(_ string, b []byte) string { return fixtures.Sign("", b) })},
	{kind: "other-secret", title: "an HMAC with another secret",
		sign: one(func(s string, b []byte) string { return fixtures.Sign(s+"0", b) })},
	{kind: "other-body", title: "the signature of another body",
		sign: one(func(s string, b []byte) string { return fixtures.Sign(s, append([]byte(" "), b...)) })},
	{kind: "empty-body", title: "the signature of an empty body",
		sign: one(func(s string, _ []byte) string { return fixtures.Sign(s, nil) })},
	{kind: "non-hex", title: "64 characters that are no hexadecimal digits",
		sign: one(func(string, []byte) string { return "sha256=" + strings.Repeat("z", 64) })},
	{kind: "base64", title: "the right HMAC in base64",
		sign: one(func(s string, b []byte) string {
			raw, _ := hex.DecodeString(genuine(s, b)) // digits of our own making
			return "sha256=" + base64.StdEncoding.EncodeToString(raw)
		})},
	{kind: "odd-length", title: "the right digits without the last one",
		sign: one(func(s string, b []byte) string { return "sha256=" + genuine(s, b)[:63] })},
	{kind: "truncated", title: "the first half of the right digits",
		sign: one(func(s string, b []byte) string { return "sha256=" + genuine(s, b)[:32] })},
	{kind: "one-digit-off", title: "the right digits but for the last one",
		sign: one(func(s string, b []byte) string { return "sha256=" + lastDigitChanged(genuine(s, b)) })},
	{kind: "junk-after", title: "the right digits with zz behind them",
		sign: one(func(s string, b []byte) string { return "sha256=" + genuine(s, b) + "zz" })},
	{kind: "second-value-after", title: "the right digits with =junk behind them",
		sign: one(func(s string, b []byte) string { return "sha256=" + genuine(s, b) + "=junk" })},
	{kind: "two-headers", title: "two signature headers, both wrong",
		sign: func(s string, b []byte) []string {
			return []string{fixtures.Sign(s+"0", b), "sha256=" + strings.Repeat("0", 64)}
		}},

	{kind: "body-byte", title: "one byte of the body changed after signing", tamper: changeByte},
	{kind: "body-newline", title: "a line feed added to the body after signing",
		tamper: func(b []byte) []byte { return append(bytes.Clone(b), '\n') }},
	{kind: "body-space", title: "a space put into the JSON after signing; it means the same",
		tamper: func(b []byte) []byte {
			if i := bytes.IndexByte(b, '{'); i >= 0 {
				return bytes.Join([][]byte{b[:i+1], b[i+1:]}, []byte(" "))
			}
			return append([]byte(" "), b...)
		}},
	{kind: "body-reserialised", title: "the JSON indented after signing; it means the same", tamper: indent},
	{kind: "body-escaped", title: "a letter of the JSON written as \\u00xx after signing; it means the same", tamper: escape},
	{kind: "body-truncated", title: "the last byte of the body cut off after signing",
		tamper: func(b []byte) []byte { return bytes.Clone(b[:max(len(b)-1, 0)]) }},
	{kind: "body-removed", title: "the body taken away after signing",
		tamper: func([]byte) []byte { return []byte{} }},
}

func one(sign func(string, []byte) string) func(string, []byte) []string {
	return func(secret string, body []byte) []string { return []string{sign(secret, body)} }
}

func mac(algorithm func() hash.Hash, secret string, body []byte) string {
	h := hmac.New(algorithm, []byte(secret))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func lastDigitChanged(digits string) string {
	last := byte('0')
	if digits[len(digits)-1] == '0' {
		last = '1'
	}
	return digits[:len(digits)-1] + string(last)
}

// changeByte changes the last decimal digit, or failing that the middle byte,
// so that most often the JSON stays valid and says something else. The new digit
// is never 0: 12 must not become 02.
func changeByte(body []byte) []byte {
	if len(body) == 0 {
		return []byte{'0'}
	}
	body = bytes.Clone(body)
	if i := bytes.LastIndexAny(body, "0123456789"); i >= 0 {
		body[i] = '1' + (body[i]-'0')%9
		return body
	}
	body[len(body)/2] ^= 1
	return body
}

func indent(body []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil { // already broken by another fault
		return append([]byte(" "), body...)
	}
	return out.Bytes()
}

// escape writes a letter of the event's type as a JSON escape.
func escape(body []byte) []byte {
	if out := bytes.Replace(body, []byte(`"appointment.`), []byte(`"\u0061ppointment.`), 1); !bytes.Equal(out, body) {
		return out
	}
	return append([]byte(" "), body...) // no event any more, after another fault
}
