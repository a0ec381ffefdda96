package fault

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// BadSignatureKind names a way in which a signature is wrong.
type BadSignatureKind string

// BadSignature makes a delivery that every receiver must refuse: its signature
// does not belong to its body and the secret, or is not written as the guide
// says (sha256= and 64 hexadecimal digits, one header).
type BadSignature struct {
	// Kind is one of BadSignatureKinds; anything else leaves the header out.
	Kind BadSignatureKind
}

// Name is bad-signature/ and the kind.
func (f BadSignature) Name() string { return "bad-signature/" + string(f.Kind) }

// Apply signs d anew, wrongly. A kind that tampers with the body leaves the
// signature of the body as it was.
func (f BadSignature) Apply(d *emitter.Delivery, secret string) {
	for _, k := range badSignatures {
		if k.kind != f.Kind {
			continue
		}
		if k.sign != nil {
			k.setSignature(d, secret)
		} else {
			d.Body = k.tamper(d.Body)
		}
		return
	}
	d.Header.Del(emitter.HeaderSignature)
}

// BadSignatureKinds lists every kind, in a fixed order.
func BadSignatureKinds() []BadSignatureKind {
	kinds := make([]BadSignatureKind, len(badSignatures))
	for i, k := range badSignatures {
		kinds[i] = k.kind
	}
	return kinds
}

// ParseBadSignatureKind checks that name is one of BadSignatureKinds.
func ParseBadSignatureKind(name string) (BadSignatureKind, error) {
	if kinds := BadSignatureKinds(); !slices.Contains(kinds, BadSignatureKind(name)) {
		return "", fmt.Errorf("bad-signature kind %q: want one of %s", name, join(kinds))
	}
	return BadSignatureKind(name), nil
}

// Title says in a sentence what is wrong with the signature.
func (k BadSignatureKind) Title() string {
	for _, row := range badSignatures {
		if row.kind == k {
			return row.title
		}
	}
	return "no signature header"
}

func join(kinds []BadSignatureKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
