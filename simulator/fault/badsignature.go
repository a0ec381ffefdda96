package fault

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/fixtures"
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

// Apply signs d anew, wrongly, or changes its body under its signature.
func (f BadSignature) Apply(d *emitter.Delivery, secret string) {
	d.Header.Del(emitter.HeaderSignature)
	forgery, known := f.Kind.forgery()
	if !known {
		return
	}
	signatures, body := forgery.Forge(secret, d.Body)
	if !bytes.Equal(body, d.Body) {
		d.Signed = d.Body // the signature is that of the body as it was
	}
	d.Body = body
	if len(signatures) > 0 {
		d.Header[emitter.HeaderSignature] = signatures
	}
}

// BadSignatureKinds lists every kind of fixtures.Forgeries, in that order.
func BadSignatureKinds() []BadSignatureKind {
	var kinds []BadSignatureKind
	for _, forgery := range fixtures.Forgeries() {
		kinds = append(kinds, BadSignatureKind(forgery.Kind))
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
	if forgery, known := k.forgery(); known {
		return forgery.Title
	}
	return "no signature header"
}

func (k BadSignatureKind) forgery() (fixtures.Forgery, bool) {
	all := fixtures.Forgeries()
	i := slices.IndexFunc(all, func(f fixtures.Forgery) bool { return f.Kind == string(k) })
	if i < 0 {
		return fixtures.Forgery{}, false
	}
	return all[i], true
}

func join(kinds []BadSignatureKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
