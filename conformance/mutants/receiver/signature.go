package main

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // a defect
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"
)

// signatureHeader is X-Moncreneau-Signature in Go's canonical form.
const signatureHeader = "X-Moncreneau-Signature"

// verify reports whether the request was signed with the secret.
func (r *receiver) verify(req *http.Request, body []byte) bool {
	values := req.Header.Values(signatureHeader)
	switch r.mutant {
	case "wrong-header-name":
		values = req.Header.Values("X-Webhook-Signature")
	case "case-sensitive-header":
		if !headSays(req, signatureHeader+":") {
			values = nil
		}
	case "hmac-over-reserialised-json":
		body = rewrite(body, node)
	case "hmac-over-python-json":
		body = rewrite(body, python)
	}
	s := signed{r.secret, values, body}
	if instead, ok := acceptsInstead[r.mutant]; ok {
		return instead(s)
	}
	if also, ok := acceptsToo[r.mutant]; ok && also(s) {
		return true
	}
	return s.genuine()
}

// signed is what there is to verify.
type signed struct {
	secret string
	values []string // of the signature header
	body   []byte
}

func (s signed) genuine() bool {
	return len(s.values) == 1 && hmac.Equal([]byte(s.values[0]), []byte("sha256="+s.digits()))
}

// value is the header's first value, without its prefix if it has that.
func (s signed) value() (value string, prefixed bool) {
	if len(s.values) != 1 {
		return "", false
	}
	return strings.CutPrefix(s.values[0], "sha256=")
}

// digits are those of the right signature.
func (s signed) digits() string { return digest(sha256.New, s.secret, s.body) }

func digest(algorithm func() hash.Hash, key string, body []byte) string {
	mac := hmac.New(algorithm, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// acceptsToo are the mutants that verify correctly, and let something else pass as well.
var acceptsToo = map[string]func(signed) bool{
	"accepts-missing-signature": func(s signed) bool { return len(s.values) == 0 },
	"accepts-empty-signature": func(s signed) bool {
		value, _ := s.value()
		return len(s.values) == 1 && value == ""
	},
	"accepts-unprefixed-signature": func(s signed) bool {
		value, prefixed := s.value()
		return !prefixed && value == s.digits()
	},
	"accepts-any-prefix": func(s signed) bool {
		value, prefixed := s.value()
		_, value, named := strings.Cut(value, "=")
		return !prefixed && named && value == s.digits()
	},
	"accepts-sha1": func(s signed) bool {
		value, _ := s.value()
		return value == "sha1="+digest(sha1.New, s.secret, s.body)
	},
	"accepts-sha512-digest": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && value == digest(sha512.New, s.secret, s.body)
	},
	"accepts-what-is-not-hex": func(s signed) bool {
		value, prefixed := s.value()
		_, err := hex.DecodeString(value)
		var wrong hex.InvalidByteError
		return prefixed && errors.As(err, &wrong) && !strings.HasPrefix(value, s.digits())
	},
	"accepts-base64": func(s signed) bool {
		value, prefixed := s.value()
		raw, err := base64.StdEncoding.DecodeString(value)
		return prefixed && err == nil && hex.EncodeToString(raw) == s.digits()
	},
	"accepts-odd-length": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && len(value)%2 == 1 && strings.HasPrefix(s.digits(), value)
	},
	"compares-as-far-as-it-goes": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && len(value) > 0 && len(value)%2 == 0 && strings.HasPrefix(s.digits(), value)
	},
	"accepts-empty-key": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && value == digest(sha256.New, "", s.body)
	},
	"accepts-two-headers": func(s signed) bool { return len(s.values) > 1 },
	"accepts-one-good-header-of-two": func(s signed) bool {
		for _, value := range s.values {
			if value == "sha256="+s.digits() {
				return true
			}
		}
		return false
	},
	"compares-all-but-the-last-digit": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && len(value) == 64 && value[:63] == s.digits()[:63]
	},
	"ignores-white-space-in-json": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && value == digest(sha256.New, s.secret, rewrite(s.body, node))
	},
	"ignores-line-feed-at-the-end": func(s signed) bool {
		s.body = []byte(strings.TrimRight(string(s.body), "\n"))
		return s.genuine()
	},
	"accepts-junk-after-signature": func(s signed) bool {
		value, prefixed := s.value()
		return prefixed && strings.HasPrefix(value, s.digits())
	},
}

// acceptsInstead are the mutants that take something for the signature that it is not.
var acceptsInstead = map[string]func(signed) bool{
	"compares-bare-hex": func(s signed) bool { return len(s.values) == 1 && s.values[0] == s.digits() },
	"strips-secret-prefix": func(s signed) bool {
		s.secret = strings.TrimPrefix(s.secret, "whsec_")
		return s.genuine()
	},
	"accepts-any-signature": func(s signed) bool {
		value, prefixed := s.value()
		_, err := hex.DecodeString(value)
		return prefixed && err == nil && len(value) == 64
	},
}
