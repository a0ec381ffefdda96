package reference

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"
)

// exchange sends a receiver a request over a connection of its own, half of which ends
// with the request, and returns the answer.
func exchange(t *testing.T, r *Receiver, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	return exchangeWith(t, newServer(r, r.Receive), req)
}

func exchangeWith(t *testing.T, server *fasthttp.Server, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	var out bytes.Buffer
	_ = req.Write(&out) // fails for a body that is shorter than announced
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(converse(t, server, out.Bytes()))), req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	w := httptest.NewRecorder()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		t.Fatal(err)
	}
	return w
}

// converse sends a server bytes that need not be HTTP, and returns all that it answers.
func converse(t *testing.T, server *fasthttp.Server, request []byte) []byte {
	t.Helper()
	listener := listenLocally(t)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer listener.Close() // or it would wait for a connection that could not be made
	serving.Go(func() {
		if conn, err := listener.Accept(); err == nil {
			_ = server.ServeConn(conn)
		}
	})
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(request) // the server may answer before it has read all
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return answer
}

// serving runs a server until the test ends, and returns its address.
func serving(t *testing.T, server *fasthttp.Server) string {
	t.Helper()
	listener := listenLocally(t)
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		_ = listener.Close() // if it had not begun to serve
		running.Wait()
	})
	return listener.Addr().String()
}

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}
