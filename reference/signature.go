package reference

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

const signaturePrefix = "sha256="

// secrets are the keys that a delivery may be signed with: one, or two while the
// secret is being changed. A key is the secret as written, whsec_ included.
type secrets [][]byte

func newSecrets(texts []string) secrets {
	var s secrets
	for _, text := range texts {
		s = append(s, []byte(text))
	}
	return s
}

// verify holds the raw body to the values of X-Moncreneau-Signature, of which there
// must be exactly one: `sha256=` and 64 lower-case hex digits.
func (s secrets) verify(body []byte, header []string) error {
	if len(header) != 1 || len(header[0]) != len(signaturePrefix)+2*sha256.Size {
		return errSignature
	}
	claimed := []byte(header[0])
	matched := 0
	for _, secret := range s {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		expected := make([]byte, 0, len(signaturePrefix)+2*sha256.Size)
		expected = append(expected, signaturePrefix...)
		expected = hex.AppendEncode(expected, mac.Sum(nil))
		// Constant time, and every secret is tried, so that the time taken tells
		// neither how much was right nor which secret it was.
		matched |= subtle.ConstantTimeCompare(claimed, expected)
	}
	if matched == 0 {
		return errSignature
	}
	return nil
}
