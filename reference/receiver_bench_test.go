package reference

import (
	"net/http/httptest"
	"testing"
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
	header := []string{sign(testSecret, body)}
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
	for b.Loop() {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, delivery(body))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
