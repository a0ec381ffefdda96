package reference

import (
	"bufio"
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
	return exchangeWith(t, newServer(r, r.Receive, r.log), req)
}

func exchangeWith(t *testing.T, server *fasthttp.Server, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	listener := listenLocally(t)
	defer listener.Close()
	var serving sync.WaitGroup
	defer serving.Wait()
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
	out := bufio.NewWriter(conn)
	_ = req.Write(out) // fails for a body that is shorter than announced
	_ = out.Flush()
	_ = conn.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
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
