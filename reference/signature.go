package reference

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"sync"
)

const signaturePrefix = "sha256="

// secrets are what a delivery may be signed with: one, or two while the secret is being
// changed. Each is a pool of HMACs, since to key one costs as much as to sign an event.
// The key is the secret as written, whsec_ included.
type secrets []*sync.Pool

func newSecrets(texts []string) secrets {
	var s secrets
	for _, text := range texts {
		s = append(s, &sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(text)) }})
	}
	return s
}

// verify holds the raw body to the values of X-Moncreneau-Signature, of which there
// must be exactly one: `sha256=` and 64 lower-case hex digits.
func (s secrets) verify(body []byte, header [][]byte) error {
	if len(header) != 1 || len(header[0]) != len(signaturePrefix)+2*sha256.Size {
		return errSignature
	}
	matched := 0
	for _, pool := range s {
		mac := pool.Get().(hash.Hash)
		mac.Reset()
		mac.Write(body)
		expected := make([]byte, 0, len(signaturePrefix)+2*sha256.Size)
		expected = append(expected, signaturePrefix...)
		expected = hex.AppendEncode(expected, mac.Sum(nil))
		pool.Put(mac)
		// Constant time, and every secret is tried, so that the time taken tells
		// neither how much was right nor which secret it was.
		matched |= subtle.ConstantTimeCompare(header[0], expected)
	}
	if matched == 0 {
		return errSignature
	}
	return nil
}
