package report

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // recognised among wrong signatures
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// digest is a way to make characters of a key and bytes: in Go and, for curl
// lines, in a shell.
type digest struct {
	name   string
	hash   func() hash.Hash
	encode func([]byte) string
	shell  string // options of openssl dgst, then what makes text of its output
	filter string
}

const hexFilter = `sed 's/^.*= *//'`

// digests are those of the documented signature and of the wrong ones that
// hookcheck sends, the documented one first.
func digests() []digest {
	return []digest{
		{"hmac-sha256", sha256.New, hex.EncodeToString, "-sha256", hexFilter},
		{"hmac-sha1", sha1.New, hex.EncodeToString, "-sha1", hexFilter},
		{"hmac-sha512", sha512.New, hex.EncodeToString, "-sha512", hexFilter},
		{"hmac-sha256-base64", sha256.New, base64.StdEncoding.EncodeToString, "-sha256 -binary", "openssl base64 -A"},
	}
}

func (d digest) of(key string, signed []byte) string {
	mac := hmac.New(d.hash, []byte(key))
	mac.Write(signed)
	return d.encode(mac.Sum(nil))
}

const (
	wholeSecret      = "secret"
	unprefixedSecret = "secret-without-whsec"
)

// key is what the secret is made into before it signs.
func key(name, secret string) string {
	if name == unprefixedSecret {
		return strings.TrimPrefix(secret, "whsec_")
	}
	return secret
}

// recognise finds out which headers follow from the secret and what is signed,
// and how; nil if none does. What is not recognised stays as it was sent, which
// is right for signatures that were made to be wrong for everybody.
func recognise(header http.Header, secret string, signed []byte) *Signing {
	if secret == "" {
		return nil
	}
	for _, keyName := range []string{wholeSecret, unprefixedSecret} {
		for _, d := range digests() {
			s := Signing{Digest: d.name, Key: keyName, Headers: map[string][]string{}}
			made := d.of(key(keyName, secret), signed)
			for name, values := range header {
				if templates, found := abstract(values, made); found {
					s.Headers[name] = templates
				}
			}
			if len(s.Headers) > 0 {
				return &s
			}
		}
	}
	return nil
}

// recognisable is how many characters of a digest do not agree by accident.
const recognisable = 16

// abstract puts placeholders where values hold the digest or its beginning.
func abstract(values []string, digest string) (templates []string, found bool) {
	for _, value := range values {
		template := value
		for n := len(digest); n >= recognisable; n-- {
			if before, after, ok := strings.Cut(value, digest[:n]); ok {
				template, found = before+placeholder(digest, n, after), true
				break
			}
		}
		templates = append(templates, template)
	}
	return templates, found
}

// placeholder is what stands for the digest's first n characters, before the
// rest of the value.
func placeholder(digest string, n int, rest string) string {
	switch {
	case n == len(digest):
		return "{{digest}}" + rest
	case n == len(digest)-1 && strings.HasPrefix(rest, otherLast(digest)):
		return "{{digest:off}}" + rest[1:]
	}
	return fmt.Sprintf("{{digest:%d}}%s", n, rest)
}

// otherLast is 0 for a digest that ends in anything else, and 1 for one that does.
func otherLast(digest string) string {
	if strings.HasSuffix(digest, "0") {
		return "1"
	}
	return "0"
}

var placeholders = regexp.MustCompile(`\{\{digest(?::(off|[0-9]{1,3}))?\}\}`)

// fill is the opposite of abstract.
func fill(template, digest string) string {
	return placeholders.ReplaceAllStringFunc(template, func(match string) string {
		switch part := placeholders.FindStringSubmatch(match)[1]; part {
		case "":
			return digest
		case "off":
			return digest[:len(digest)-1] + otherLast(digest)
		default:
			n, _ := strconv.Atoi(part) // by the expression
			return digest[:min(n, len(digest))]
		}
	})
}

// sign makes the headers anew.
func (s Signing) sign(secret string, signed []byte) (map[string][]string, error) {
	for _, d := range digests() {
		if d.name != s.Digest {
			continue
		}
		made := d.of(key(s.Key, secret), signed)
		out := map[string][]string{}
		for name, templates := range s.Headers {
			for _, template := range templates {
				out[name] = append(out[name], fill(template, made))
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("signing.digest: %q is unknown", s.Digest)
}
