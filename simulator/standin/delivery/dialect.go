package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Dialect says which of moncreneau's two accounts of its webhooks to follow: its
// documentation and its client libraries do not agree.
type Dialect string

// The dialects. The zero value is Docs.
const (
	// Docs is the documentation: X-Moncreneau-Signature: sha256=<hex>,
	// appointment.created, data.object.
	Docs Dialect = "docs"
	// SDK is what the libraries' READMEs and verifiers expect:
	// X-Webhook-Signature: <hex>, APPOINTMENT_CREATED, the appointment in data.
	// What is signed is the body as sent, in both.
	SDK Dialect = "sdk"
)

// ParseDialect checks the name of a dialect.
func ParseDialect(name string) (Dialect, error) {
	switch d := Dialect(name); d {
	case Docs, SDK:
		return d, nil
	}
	return "", fmt.Errorf("dialect %q: want docs or sdk", name)
}

// headerSDKSignature is the header that the libraries' READMEs read.
const headerSDKSignature = "X-Webhook-Signature"

// event is ev as the dialect writes it.
func (dialect Dialect) event(ev fixtures.Event) (fixtures.Event, error) {
	if dialect != SDK {
		return ev, nil
	}
	var body struct {
		ID      json.RawMessage `json:"id"`
		Type    string          `json:"type"`
		Created json.RawMessage `json:"created"`
		Data    json.RawMessage `json:"data"`
	}
	var data struct {
		Object json.RawMessage `json:"object"`
	}
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		return ev, fmt.Errorf("deliver: dialect sdk: %w", err)
	}
	if err := json.Unmarshal(body.Data, &data); err != nil {
		return ev, fmt.Errorf("deliver: dialect sdk: %w", err)
	}
	ev.Type = strings.ToUpper(strings.Replace(ev.Type, ".", "_", 1))
	body.Type, body.Data = ev.Type, data.Object
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return ev, fmt.Errorf("deliver: dialect sdk: %w", err)
	}
	ev.Body = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return ev, nil
}

// header renames the signature of d, right or wrong, as the dialect has it.
func (dialect Dialect) header(d *emitter.Delivery) {
	if dialect != SDK {
		return
	}
	values, ok := d.Header[emitter.HeaderSignature]
	if !ok {
		return
	}
	delete(d.Header, emitter.HeaderSignature)
	for _, value := range values {
		d.Header[headerSDKSignature] = append(d.Header[headerSDKSignature], strings.TrimPrefix(value, "sha256="))
	}
}
