// Package emitter sends events the way moncreneau does: one POST for each
// attempt, signed over exactly the bytes that are sent, with everything the
// exchange showed kept on record.
package emitter

import (
	"encoding/binary"
	"encoding/hex"
	"net/http"

	"github.com/moncreneau/hookcheck/fixtures"
)

// The headers of a delivery, as moncreneau's guide writes them.
const (
	HeaderEvent     = "X-Moncreneau-Event"
	HeaderDelivery  = "X-Moncreneau-Delivery"
	HeaderSignature = "X-Moncreneau-Signature"
)

// Delivery is one attempt as it goes on the wire, before it is sent. A fault
// may alter any of it; nothing is derived or corrected when it is sent.
type Delivery struct {
	// ID is new for every attempt; a genuine delivery says it in X-Moncreneau-Delivery.
	ID string
	// EventID and EventType say what the attempt carries, for the record. They
	// stay what they were when a fault takes them out of the body or the headers.
	EventID, EventType string
	// Method is the HTTP method; empty means POST.
	Method string
	// Header is written key by key as it stands, in its own spelling. A "Host"
	// key replaces the host of the URL; lengths and framing come from Framing.
	Header http.Header
	// Body is what is sent, byte by byte.
	Body []byte
	// Signed is what the signature was made of, where that is not Body, so that
	// a record of the attempt can say how to make it again. It is never sent.
	Signed []byte
	// Framing is how the body is announced; the zero value is a true Content-Length.
	Framing Framing
}

// Framing says how the length of the body is announced.
type Framing struct {
	// Chunked announces no length: Transfer-Encoding: chunked.
	Chunked bool
	// Missing is how many bytes Content-Length promises beyond those of the
	// body. They are never sent: the connection stays open until the receiver
	// answers or the attempt's timeout.
	Missing int
	// Beyond is how many bytes of the body go out after those that
	// Content-Length promises: the receiver gets a body that is cut off, and on
	// the same connection bytes that are no request.
	Beyond int
}

// NewDelivery is the genuine delivery of ev: its body signed with secret, under deliveryID.
func NewDelivery(ev fixtures.Event, secret, deliveryID string) Delivery {
	return Delivery{
		ID:        deliveryID,
		EventID:   ev.ID,
		EventType: ev.Type,
		Method:    http.MethodPost,
		Header: http.Header{
			"Content-Type":  {"application/json"},
			"User-Agent":    {"hookcheck"},
			HeaderEvent:     {ev.Type},
			HeaderDelivery:  {deliveryID},
			HeaderSignature: {fixtures.Sign(secret, ev.Body)},
		},
		Body: ev.Body,
	}
}

// Clone returns a copy of d that shares nothing with it.
func (d Delivery) Clone() Delivery {
	d.Header = d.Header.Clone()
	d.Body = append([]byte(nil), d.Body...)
	return d
}

// DeliveryID is the n-th delivery id of seed, always the same for the same two
// numbers and different for different ones: dlv_ and 32 hexadecimal digits.
func DeliveryID(seed, n uint64) string { return string(AppendDeliveryID(nil, seed, n)) }

// AppendDeliveryID appends DeliveryID to dst, for those who make many.
func AppendDeliveryID(dst []byte, seed, n uint64) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], mix(seed))
	binary.BigEndian.PutUint64(id[8:], mix(n^mix(seed)))
	return hex.AppendEncode(append(dst, "dlv_"...), id[:])
}

// mix is the finalizer of SplitMix64, a bijection that scatters close numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
