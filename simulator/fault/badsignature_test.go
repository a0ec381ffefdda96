package fault_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

const secret = "whsec_test_0123456789abcdef0123456789abcdef"

// verifies is the guide's rule, written apart from the code that signs.
func verifies(d emitter.Delivery) bool {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(d.Body)
	values := d.Header.Values(emitter.HeaderSignature)
	return len(values) > 0 && values[0] == "sha256="+hex.EncodeToString(h.Sum(nil))
}

func delivery() emitter.Delivery {
	event := fixtures.NewGenerator(1).Event("appointment.created")
	return emitter.NewDelivery(event, secret, "dlv_1")
}

func TestGenuineDeliveryVerifies(t *testing.T) {
	if !verifies(delivery()) {
		t.Error("the verifier of this test refuses a genuine delivery, so it can judge no fault")
	}
}

func TestEveryBadSignatureIsRefusedByTheGuidesRule(t *testing.T) {
	seen := map[string]fault.BadSignatureKind{}
	for _, kind := range fault.BadSignatureKinds() {
		t.Run(string(kind), func(t *testing.T) {
			d, original := delivery(), delivery()
			fault.BadSignature{Kind: kind}.Apply(&d, secret)
			if verifies(d) {
				t.Errorf("%s still verifies", kind)
			}
			sameBody := bytes.Equal(d.Body, original.Body)
			sameSignature := d.Header.Get(emitter.HeaderSignature) == original.Header.Get(emitter.HeaderSignature)
			if sameBody == sameSignature {
				t.Errorf("body same: %t, signature same: %t; want one of them changed, not both", sameBody, sameSignature)
			}
			wire := fmt.Sprintf("%q %s", d.Header.Values(emitter.HeaderSignature), d.Body)
			if other, dup := seen[wire]; dup {
				t.Errorf("%s and %s look the same", kind, other)
			}
			seen[wire] = kind
			if kind.Title() == "" {
				t.Error("no title")
			}
		})
	}
}

func TestBadSignatureLeavesTheGeneratorsBodyAlone(t *testing.T) {
	event := fixtures.NewGenerator(1).Event("appointment.created")
	before := bytes.Clone(event.Body)
	for _, kind := range fault.BadSignatureKinds() {
		d := emitter.NewDelivery(event, secret, "dlv_1")
		fault.BadSignature{Kind: kind}.Apply(&d, secret)
	}
	if !bytes.Equal(event.Body, before) {
		t.Error("a fault wrote into the event's own bytes")
	}
}

func TestUnknownKindIsAnErrorThatListsTheKnown(t *testing.T) {
	if _, err := fault.ParseBadSignatureKind("nope"); err == nil {
		t.Error("no error")
	}
	if kind, err := fault.ParseBadSignatureKind("odd-length"); err != nil || kind != "odd-length" {
		t.Errorf("odd-length: %q, %v", kind, err)
	}
}
