package reference

import (
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func BenchmarkParseEvent(b *testing.B) {
	body := []byte(testBody("evt_1"))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := parseEvent(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	body := testBody("evt_1")
	header := [][]byte{[]byte(sign(testSecret, body))}
	s := newSecrets([]string{testSecret})
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := s.verify([]byte(body), header); err != nil {
			b.Fatal(err)
		}
	}
}

// All of the pipeline but the queue.
func BenchmarkReceiver(b *testing.B) {
	r := newReceiverFor(&countingQueue{})
	body := testBody("evt_1")
	var c fasthttp.RequestCtx
	c.Init(&fasthttp.Request{}, nil, nil)
	c.Request.Header.SetContentType("application/json")
	c.Request.Header.Set("X-Moncreneau-Signature", sign(testSecret, body))
	for b.Loop() {
		c.Request.SetBodyStream(strings.NewReader(body), len(body))
		r.Receive(&c)
		if status := c.Response.StatusCode(); status != fasthttp.StatusOK {
			b.Fatal(status)
		}
	}
}
