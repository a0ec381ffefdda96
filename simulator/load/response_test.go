package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzParseAnswer holds the parser to net/http's: where both find a complete
// response of a known length, they must agree on its status and its end.
func FuzzParseAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length:3\r\n\r\nabcHTTP",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed)[:len(seed)-1], false)
	}
	f.Fuzz(func(t *testing.T, in []byte, closed bool) {
		a, err := parseAnswer(in, closed)
		if err != nil || !a.complete {
			return
		}
		if bytes.Count(in, []byte("\n")) != bytes.Count(in, []byte("\r\n")) {
			return // net/http also takes a bare line feed for the end of a line
		}
		if a.length > len(in) || a.status < 200 || a.status > 999 {
			t.Fatalf("%+v of %d bytes", a, len(in))
		}
		source := bytes.NewReader(in)
		reader := bufio.NewReader(source)
		var res *http.Response
		for {
			res, err = http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
			if err != nil {
				return // net/http is stricter
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode < 200 && len(body) > 0 {
				return
			}
			if res.StatusCode >= 200 {
				break
			}
		}
		if res.StatusCode != a.status {
			t.Fatalf("status %d, net/http says %d", a.status, res.StatusCode)
		}
		if rest := source.Len() + reader.Buffered(); !a.toClose && len(in)-rest != a.length && res.ContentLength >= 0 {
			t.Fatalf("length %d, net/http says %d", a.length, len(in)-rest)
		}
	})
}
