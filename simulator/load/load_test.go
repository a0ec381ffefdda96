package load_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/load"
)

const secret = "whsec_test_0123456789abcdef0123456789abcdef"

// collect runs o and returns its exchanges.
func collect(ctx context.Context, o load.Options) ([]load.Exchange, error) {
	var all []load.Exchange
	o.Secret = secret
	o.Record = func(batch []load.Exchange) error {
		all = append(all, batch...)
		return nil
	}
	err := load.Run(ctx, o)
	return all, err
}

func TestEveryEventIsUniqueSignedAndRecorded(t *testing.T) {
	var mu sync.Mutex
	bodies := map[string]string{} // by delivery id
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := hmac.New(sha256.New, []byte(secret))
		h.Write(body)
		if r.Header.Get(emitter.HeaderSignature) != "sha256="+hex.EncodeToString(h.Sum(nil)) || r.Method != http.MethodPost ||
			r.Header.Get("Content-Type") != "application/json" || r.URL.RequestURI() != "/hook?x=1" {
			w.WriteHeader(http.StatusBadRequest)
		}
		mu.Lock()
		defer mu.Unlock()
		bodies[r.Header.Get(emitter.HeaderDelivery)] = string(body)
	}))
	defer server.Close()
	all, err := collect(t.Context(), load.Options{
		URL: server.URL + "/hook?x=1", Seed: 9, Count: 2000, Connections: 7, Threads: 3, Types: []string{"appointment.created"},
	})
	if err != nil || len(all) != 2000 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.SortFunc(all, func(a, b load.Exchange) int { return int(a.Number) - int(b.Number) })
	events := fixtures.NewGenerator(9)
	for i, x := range all {
		want := events.Event("appointment.created")
		if x.Number != uint64(i) || x.Status != 200 || x.Err != nil || x.EventID != want.ID || x.End < x.Start || x.Start < x.Due {
			t.Fatalf("exchange %d: %+v, want event %s", i, x, want.ID)
		}
		if got := bodies[emitter.DeliveryID(9, x.Number)]; got != string(want.Body) {
			t.Fatalf("event %d: received %q, want %q", i, got, want.Body)
		}
	}
}

func TestEventsAreSentAtTheirTimesHoweverSlowTheAnswers(t *testing.T) {
	// 20 events at 1000/s while no answer comes: an open loop has sent them all.
	release := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(20)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		<-release
	}))
	defer server.Close()
	go func() { arrived.Wait(); close(release) }()
	all, err := collect(t.Context(), load.Options{URL: server.URL, Count: 20, Rate: 1000, Connections: 20, Threads: 2})
	if err != nil || len(all) != 20 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}
	for _, x := range all {
		if want := time.Duration(x.Number) * time.Millisecond; x.Due != want || x.Start < x.Due || x.Status != 200 {
			t.Errorf("%+v, want it due at %s", x, want)
		}
	}
}

func TestAnswersOfEveryKind(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		fails  string
	}{
		"in small pieces":                {"HTTP/1.1 200 OK\r\nX-Pieces: 1\r\nContent-Length: 2\r\n\r\nok", 200, ""},
		"with a length":                  {"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok", 202, ""},
		"without a body":                 {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
		"chunked, with a trailer":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n", 200, ""},
		"until the connection closes":    {"HTTP/1.0 200 OK\r\n\r\nok", 200, ""},
		"after an interim response":      {"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n", 429, ""},
		"cut off":                        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 0, "closed before"},
		"none at all":                    {"", 0, "closed before"},
		"not HTTP":                       {"hello, who is there?\r\n\r\n", 0, "no HTTP/1.1 response"},
		"a length that is no number":     {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, "no HTTP/1.1 response"},
		"a chunk size that is no number": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 0, "no HTTP/1.1 response"},
		"without end":                    {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 2<<20), 0, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						keep := c.fails == "" && strings.HasPrefix(c.answer, "HTTP/1.1")
						for first := true; first || keep; first = false {
							if n, _ := conn.Read(make([]byte, 64<<10)); n == 0 {
								return
							}
							size := len(c.answer)
							if strings.Contains(c.answer, "X-Pieces") {
								size = 1
							}
							for piece := range slices.Chunk([]byte(c.answer), max(size, 1)) {
								_, _ = conn.Write(piece)
							}
						}
					}()
				}
			}()
			all, err := collect(t.Context(), load.Options{URL: "http://" + listener.Addr().String(), Count: 3, Connections: 2, Threads: 1})
			if err != nil || len(all) != 3 {
				t.Fatalf("%d exchanges, %v", len(all), err)
			}
			for _, x := range all {
				if x.Status != c.status || (c.fails == "") != (x.Err == nil) || x.Err != nil && !strings.Contains(x.Err.Error(), c.fails) {
					t.Errorf("status %d, error %v; want %d, %q", x.Status, x.Err, c.status, c.fails)
				}
			}
		})
	}
}

func TestExchangeWithoutAnAnswerEndsAtTheTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	all, err := collect(t.Context(), load.Options{URL: server.URL, Count: 2, Connections: 2, Threads: 1, Timeout: 50 * time.Millisecond})
	if err != nil || len(all) != 2 || all[0].Err == nil || all[0].End-all[0].Start < 50*time.Millisecond {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestEndOfTheContextRecordsWhatIsUnderWay(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var arrived sync.WaitGroup
	arrived.Add(4)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Done()
		<-r.Context().Done()
	}))
	defer server.Close()
	go func() { arrived.Wait(); interrupt() }()
	all, err := collect(ctx, load.Options{URL: server.URL, Count: 100, Connections: 4, Threads: 2})
	if err != nil || len(all) != 4 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}
	for _, x := range all {
		if !errors.Is(x.Err, load.ErrInterrupted) {
			t.Errorf("%+v", x)
		}
	}
}

func TestWrongOptionsAndAnEndpointThatIsNotThere(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for want, o := range map[string]load.Options{
		"want http://host":      {URL: "https://example.com", Count: 1},
		"a count or a duration": {URL: closed.URL},
		"0 or more":             {URL: closed.URL, Count: 1, Rate: -1},
		"connection refused":    {URL: closed.URL, Count: 1},
		"first path segment":    {URL: "127.0.0.1:8080", Count: 1},
	} {
		if _, err := collect(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestErrorOfRecordEndsTheRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	full := errors.New("disk full")
	err := load.Run(t.Context(), load.Options{URL: server.URL, Secret: secret, Duration: time.Hour, Record: func([]load.Exchange) error { return full }})
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

func ExampleRun() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	acknowledged := 0
	err := load.Run(context.Background(), load.Options{
		URL: server.URL, Secret: "whsec_example", Count: 1000,
		Record: func(batch []load.Exchange) error {
			for _, x := range batch {
				if x.Status == http.StatusOK {
					acknowledged++
				}
			}
			return nil
		},
	})
	fmt.Println(acknowledged, err)
	// Output: 1000 <nil>
}
