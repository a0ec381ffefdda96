package emitter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

const secret = "whsec_test_0123456789abcdef0123456789abcdef"

func delivery() emitter.Delivery {
	event := fixtures.NewGenerator(1).Event("appointment.created")
	return emitter.NewDelivery(event, secret, emitter.DeliveryID(1, 1))
}

// wire answers one connection with answer and returns what was read from it.
func wire(t *testing.T, answer string) (url string, received func() string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		var seen bytes.Buffer
		buffer := make([]byte, 64<<10)
		for !strings.Contains(seen.String(), "}}}") && !strings.Contains(seen.String(), "0\r\n\r\n") {
			n, err := conn.Read(buffer)
			if err != nil {
				break
			}
			seen.Write(buffer[:n])
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
		got <- seen.String()
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return "http://" + listener.Addr().String() + "/hook", func() string { return <-got }
}

func TestWhatGoesOnTheWire(t *testing.T) {
	const ok = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
	for name, c := range map[string]struct {
		alter func(d *emitter.Delivery)
		want  func(d emitter.Delivery) string
	}{
		"a genuine delivery carries the three headers and exactly its body": {
			alter: func(*emitter.Delivery) {},
			want: func(d emitter.Delivery) string {
				return "X-Moncreneau-Signature: " + fixtures.Sign(secret, d.Body) + "\r\n\r\n" + string(d.Body)
			},
		},
		"a header keeps its spelling": {
			alter: func(d *emitter.Delivery) { d.Header["x-mOnCreneau-Odd"] = []string{"1"} },
			want:  func(emitter.Delivery) string { return "\r\nx-mOnCreneau-Odd: 1\r\n" },
		},
		"two values are two header lines": {
			alter: func(d *emitter.Delivery) { d.Header[emitter.HeaderSignature] = []string{"a", "b"} },
			want: func(emitter.Delivery) string {
				return "X-Moncreneau-Signature: a\r\nX-Moncreneau-Signature: b\r\n"
			},
		},
		"an empty value is sent as one": {
			alter: func(d *emitter.Delivery) { d.Header[emitter.HeaderSignature] = []string{""} },
			want:  func(emitter.Delivery) string { return "X-Moncreneau-Signature: \r\n" },
		},
		"chunked announces no length": {
			alter: func(d *emitter.Delivery) { d.Framing.Chunked = true },
			want:  func(emitter.Delivery) string { return "Transfer-Encoding: chunked\r\n" },
		},
		"missing bytes are announced": {
			alter: func(d *emitter.Delivery) { d.Framing.Missing = 7 },
			want: func(d emitter.Delivery) string {
				return fmt.Sprintf("Content-Length: %d\r\n", len(d.Body)+7)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := delivery()
			c.alter(&d)
			url, received := wire(t, ok)
			a := (&emitter.Emitter{URL: url}).Send(t.Context(), d)
			if got, want := received(), c.want(d); !strings.Contains(got, want) {
				t.Errorf("got on the wire:\n%s\nwant in it:\n%s", got, want)
			}
			if !a.Acknowledged() {
				t.Errorf("answered 204, but not acknowledged: %+v", a)
			}
		})
	}
}

func TestBytesBeyondTheAnnouncedLengthAreNoPartOfTheBody(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{
		"http": httptest.NewServer, "https": httptest.NewTLSServer,
	} {
		t.Run(name, func(t *testing.T) {
			d := delivery()
			d.Framing.Beyond = 3
			var got []byte
			server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, _ = io.ReadAll(r.Body)
				// What follows is on the connection, and is no request.
				conn, rest, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				stray := make([]byte, 3)
				if _, err := io.ReadFull(rest, stray); err != nil || !bytes.HasSuffix(d.Body, stray) {
					t.Errorf("behind the body: %q, %v", stray, err)
				}
				fmt.Fprint(rest, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
				rest.Flush()
			}))
			a := (&emitter.Emitter{URL: server.URL, Client: server.Client()}).Send(t.Context(), d)
			server.Close() // got is written before the connection is taken over, which this waits for
			if a.Status != http.StatusUnauthorized {
				t.Errorf("status %d, error %v", a.Status, a.Err)
			}
			if !bytes.Equal(got, d.Body[:len(d.Body)-3]) {
				t.Errorf("the body was %q", got)
			}
			if tm := a.Timing; tm.Connect <= 0 || tm.FirstByte < tm.Connect || tm.Total < tm.FirstByte {
				t.Errorf("timings out of order: %+v", tm)
			}
		})
	}
}

func TestBytesBeyondAWholeBodyFollowARequestWithoutOne(t *testing.T) {
	d := delivery()
	d.Framing.Beyond = len(d.Body) + 1
	url, received := wire(t, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
	a := (&emitter.Emitter{URL: url}).Send(t.Context(), d)
	if got, want := received(), "Content-Length: 0\r\n"; !strings.Contains(got, want) || !strings.HasSuffix(got, "\r\n\r\n"+string(d.Body)) {
		t.Errorf("got on the wire:\n%s\nwant in it:\n%s, and the body at its end", got, want)
	}
	if a.Status != http.StatusBadRequest {
		t.Errorf("status %d, error %v", a.Status, a.Err)
	}
}

func TestAttemptRecordsTheAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 100<<10))
	}))
	defer server.Close()
	a := (&emitter.Emitter{URL: server.URL}).Send(t.Context(), delivery())
	if a.Err != nil || a.Status != 429 || a.Header.Get("Retry-After") != "7" || len(a.Body) != 64<<10 {
		t.Errorf("status %d, header %v, %d bytes, error %v", a.Status, a.Header, len(a.Body), a.Err)
	}
	if a.Acknowledged() {
		t.Error("429 is no acknowledgement")
	}
	if tm := a.Timing; tm.Connect <= 0 || tm.FirstByte < tm.Connect || tm.Total < tm.FirstByte {
		t.Errorf("timings out of order: %+v", tm)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	followed := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed <- struct{}{}
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	// http.DefaultClient would follow.
	a := (&emitter.Emitter{URL: server.URL, Client: http.DefaultClient}).Send(t.Context(), delivery())
	if a.Status != http.StatusTemporaryRedirect || len(followed) != 0 {
		t.Errorf("status %d, followed %d times", a.Status, len(followed))
	}
}

func TestFailuresAreInTheAttempt(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cutOff, _ := wire(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
	silent, _ := wire(t, "")
	for name, c := range map[string]struct {
		url    string
		status int
		want   string
	}{
		"connection refused":                 {closed.URL, 0, "connection refused"},
		"not a URL":                          {"://", 0, "build the request"},
		"no answer at all":                   {silent, 0, "emit: send"},
		"an answer that ends before its end": {cutOff, 200, "read the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			a := (&emitter.Emitter{URL: c.url}).Send(t.Context(), delivery())
			if a.Err == nil || !strings.Contains(a.Err.Error(), c.want) || a.Status != c.status || a.Acknowledged() {
				t.Errorf("status %d, error %v, want %d and %q in it", a.Status, a.Err, c.status, c.want)
			}
		})
	}
}

func TestSendEndsAtItsTimeoutAndWithItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)

	a := (&emitter.Emitter{URL: server.URL, Timeout: 20 * time.Millisecond}).Send(t.Context(), delivery())
	if !errors.Is(a.Err, context.DeadlineExceeded) || a.Timing.Total < 20*time.Millisecond {
		t.Errorf("after the timeout: error %v, total %s", a.Err, a.Timing.Total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := (&emitter.Emitter{URL: server.URL}).Send(ctx, delivery()); !errors.Is(a.Err, context.Canceled) {
		t.Errorf("with a cancelled context: error %v", a.Err)
	}
}

func TestDeliveryIDsDifferAndRepeat(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(10) {
		for n := range uint64(1000) {
			id := emitter.DeliveryID(seed, n)
			if seen[id] || id != emitter.DeliveryID(seed, n) {
				t.Fatalf("id %s of seed %d, n %d is not the only one", id, seed, n)
			}
			seen[id] = true
		}
	}
}

func ExampleEmitter_Send() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println("received", r.Header.Get(emitter.HeaderEvent))
	}))
	defer receiver.Close()

	event := fixtures.NewGenerator(1).Event("appointment.created")
	e := emitter.Emitter{URL: receiver.URL, Client: emitter.NewClient()}
	attempt := e.Send(context.Background(), emitter.NewDelivery(event, "whsec_example", "dlv_1"))
	fmt.Println("acknowledged:", attempt.Acknowledged())
	// Output:
	// received appointment.created
	// acknowledged: true
}
