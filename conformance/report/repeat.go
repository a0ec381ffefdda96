package report

import (
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Delivery makes the delivery that a request recorded, signed with secret the
// way it was signed then, rightly or wrongly. dir is the report's folder.
func (q Request) Delivery(dir, secret string) (emitter.Delivery, error) {
	body, err := q.body(dir)
	if err != nil {
		return emitter.Delivery{}, err
	}
	d := emitter.Delivery{
		EventID: q.EventID, EventType: q.EventType, Method: q.Method,
		Header: http.Header(maps.Clone(q.Headers)), Body: body,
		Framing: emitter.Framing{Chunked: q.Chunked, Missing: q.MissingBytes},
	}
	if d.Header == nil {
		d.Header = http.Header{}
	}
	if ids := d.Header[emitter.HeaderDelivery]; len(ids) > 0 {
		d.ID = ids[0]
	}
	if q.Signing == nil {
		return d, nil
	}
	signed := body
	switch {
	case q.Signing.SignedFile != "":
		if signed, err = readBody(dir, q.Signing.SignedFile); err != nil {
			return emitter.Delivery{}, err
		}
		d.Signed = signed
	case q.Signing.Signed != "":
		signed = []byte(q.Signing.Signed)
		d.Signed = signed
	}
	headers, err := q.Signing.sign(secret, signed)
	if err != nil {
		return emitter.Delivery{}, err
	}
	maps.Copy(d.Header, headers)
	return d, nil
}

func (q Request) body(dir string) ([]byte, error) {
	if q.BodyFile == "" {
		if len(q.Body) != q.Bytes {
			return nil, fmt.Errorf("the report holds only the beginning of a body of %d bytes; certify with --report DIR, which keeps bodies whole", q.Bytes)
		}
		return []byte(q.Body), nil
	}
	body, err := readBody(dir, q.BodyFile)
	if err == nil && len(body) != q.Bytes {
		err = errors.New(q.BodyFile + " is not the body that was sent: another length")
	}
	return body, err
}
