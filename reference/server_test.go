package reference

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/valyala/fasthttp"
)

// countingQueue takes everything and keeps only the last.
type countingQueue struct {
	Queue
	accepted int
	last     Event
	err      error
}

func (q *countingQueue) Accept(_ context.Context, event Event) (bool, error) {
	if q.err == nil {
		q.accepted++
		q.last = event
	}
	return false, q.err
}

func (q *countingQueue) Ping(context.Context) error { return q.err }

func (q *countingQueue) Stats(context.Context) (Stats, error) { return Stats{}, q.err }

func newReceiverFor(queue Queue) *Receiver {
	return newReceiver(Config{Secrets: []string{testSecret}, MaxBody: 1 << 20}, queue, newMetrics(), NewLog(io.Discard), clockwork.NewFakeClock())
}

func TestTheOtherPaths(t *testing.T) {
	queue := &countingQueue{}
	r := newReceiverFor(queue)
	url := "http://" + serving(t, newServer(r, routes(r.Receive, queue, r.metrics)))
	get := func(method, path string) (int, string, http.Header) {
		t.Helper()
		req, _ := http.NewRequest(method, url+path, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), resp.Header
	}
	if status, _, header := get("GET", WebhookPath); status != 405 || header.Get("Allow") != "POST" {
		t.Errorf("GET on the webhook: %d, Allow %q", status, header.Get("Allow"))
	}
	if status, body, _ := get("GET", "/metrics"); status != 200 || !strings.Contains(body, "webhooks_received_total 0") || !strings.Contains(body, "webhook_queue_depth 0") {
		t.Errorf("metrics: %d %s", status, body)
	}
	queue.err = errStopped
	if status, _, _ := get("GET", "/healthz"); status != 200 {
		t.Errorf("healthz while the queue is away: %d, want 200", status)
	}
	if status, _, _ := get("GET", "/readyz"); status != 503 {
		t.Errorf("readyz while the queue is away: %d, want 503", status)
	}
	if status, body, _ := get("GET", "/metrics"); status != 200 || !strings.Contains(body, "webhooks_received_total 0") {
		t.Errorf("metrics while the queue is away: %d %s", status, body)
	}
}

func TestADeliveryThatCannotBeStoredIsSentAgain(t *testing.T) {
	w := exchange(t, newReceiverFor(&countingQueue{err: errStopped}), delivery(testBody("evt_1")))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d %v, want 503 with Retry-After", w.Code, w.Header())
	}
}

func TestTheLogHoldsNoSecretAndNothingPersonal(t *testing.T) {
	var lines bytes.Buffer
	r := newReceiverFor(&countingQueue{})
	r.log = NewLog(&lines)
	exchange(t, r, delivery(testBody("evt_1")))
	unsigned := delivery(testBody("evt_1"))
	unsigned.Header.Set("X-Moncreneau-Signature", sign("other", testBody("evt_1")))
	exchange(t, r, unsigned)
	exchange(t, r, delivery(strings.Replace(testBody("evt_1"), `"name":"Aïssatou Ngoué"`, `"name":["Aïssatou Ngoué"]`, 1)))
	r.log.Info().Interface("event", testEvent(t, "evt_1")).Msg("an event as a whole")
	for _, private := range []string{"Ngoué", "622000000", testSecret, sign(testSecret, testBody("evt_1")), sign("other", testBody("evt_1"))} {
		if strings.Contains(lines.String(), private) {
			t.Errorf("the log holds %q:\n%s", private, lines.String())
		}
	}
	for _, field := range []string{`"eventId":"evt_1"`, `"eventType":"appointment.created"`, `"deliveryId":"dlv_1"`, `"timestamp":`, `"msg":"Webhook received"`, `"level":"INFO"`} {
		if !strings.Contains(lines.String(), field) {
			t.Errorf("the log has no %s:\n%s", field, lines.String())
		}
	}
}

// A thousand connections that never finish their request hold up nobody else. How
// quickly the others are answered is measured by make bench.
func TestSlowConnectionsDoNotKeepOthersOut(t *testing.T) {
	queue := &countingQueue{}
	r := newReceiverFor(queue)
	server := newServer(r, r.Receive)
	address := serving(t, server)
	for i := range 1000 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n", WebhookPath)
		if i%2 == 0 { // and half of them get as far as the body
			fmt.Fprint(conn, "\r\n{")
		}
	}
	body := testBody("evt_1")
	req, _ := http.NewRequest(http.MethodPost, "http://"+address+WebhookPath, strings.NewReader(body))
	req.Header = delivery(body).Header
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("answered %d", resp.StatusCode)
	}
	if server.ReadTimeout == 0 { // of the header, too
		t.Error("a slow connection is kept for ever")
	}
}

// The sender of what is too large, or of what makes a bug show, gets to hear of it.
func TestEveryoneIsAnswered(t *testing.T) {
	r := newReceiverFor(&countingQueue{})
	long := delivery(testBody("evt_1"))
	long.Header.Set("X-Long", strings.Repeat("a", 20<<10))
	for name, test := range map[string]struct {
		req    *http.Request
		handle fasthttp.RequestHandler
		status int
	}{
		"a body of megabytes": {delivery(strings.Repeat("a", 5<<20)), r.Receive, 413},
		"a header of 20 KiB":  {long, r.Receive, 431},
		"a panic":             {delivery(testBody("evt_1")), func(*fasthttp.RequestCtx) { panic(testSecret) }, 500},
	} {
		if w := exchangeWith(t, newServer(r, test.handle), test.req); w.Code != test.status {
			t.Errorf("%s: answered %d %s, want %d", name, w.Code, w.Body, test.status)
		}
	}
}

// What two servers could read differently is refused, though it is signed.
func TestARequestThatIsNotHTTPHasNoEffect(t *testing.T) {
	body := testBody("evt_1")
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	post := "POST " + WebhookPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Moncreneau-Signature: " + sign(testSecret, body) + "\r\n"
	chunks := fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"two lengths":              {post + length + "Content-Length: 5\r\n\r\n" + body, 400},
		"a length with a sign":     {post + "Content-Length: +" + length[len("Content-Length: "):] + "\r\n" + body, 400},
		"an unknown coding":        {post + "Transfer-Encoding: xchunked\r\n" + chunks, 400},
		"chunks within chunks":     {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + chunks, 400},
		"chunks without an end":    {post + "Transfer-Encoding: chunked\r\n" + strings.TrimSuffix(chunks, "0\r\n\r\n"), 400},
		"a space before the colon": {post + "X-A : b\r\n" + length + "\r\n" + body, 400},
		"lines without a return":   {strings.ReplaceAll(post+length+"\r\n", "\r\n", "\n") + body, 400},
		"two hosts":                {post + "Host: y\r\n" + length + "\r\n" + body, 400},
		"another path to the same": {strings.Replace(post, "/webhooks/", "/a/../webhooks%2f", 1) + length + "\r\n" + body, 404},
	} {
		queue := &countingQueue{}
		r := newReceiverFor(queue)
		answer := converse(t, newServer(r, routes(r.Receive, queue, r.metrics)), []byte(test.request))
		if !strings.HasPrefix(string(answer), fmt.Sprintf("HTTP/1.1 %d ", test.status)) || queue.accepted != 0 {
			t.Errorf("%s: %d events accepted, answered %.80q, want %d", name, queue.accepted, answer, test.status)
		}
	}
}

// serveConfig is what Serve needs: a free port, and a directory of its own.
func serveConfig(t *testing.T) Config {
	t.Helper()
	env := map[string]string{"MONCRENEAU_WEBHOOK_SECRET": testSecret, "PORT": "0", "DATA_DIR": t.TempDir()}
	config, err := ConfigFromEnv(func(name string) (string, bool) { return env[name], true })
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestServeEndsThoughItHadHardlyBegun(t *testing.T) {
	config := serveConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	listening := &addressWatch{listening: make(chan string, 1)}
	go func() { <-listening.listening; cancel() }() // before or after it serves
	if err := Serve(ctx, config, NewLog(listening)); err != nil {
		t.Error(err)
	}
}

func TestServeEndsWellAndLosesNothing(t *testing.T) {
	config := serveConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan string, 1)
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, config, NewLog(&addressWatch{listening: listening})) }()
	body := testBody("evt_1")
	req, _ := http.NewRequest(http.MethodPost, "http://"+<-listening+WebhookPath, strings.NewReader(body))
	req.Header = delivery(body).Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	store, err := OpenStore(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var kept int
	if err := store.(*sqliteStore).db.QueryRow("SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM processed)").Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d events kept, %v; want 1", kept, err)
	}
}

// addressWatch reads the log for the address.
type addressWatch struct{ listening chan string }

func (w *addressWatch) Write(line []byte) (int, error) {
	if _, rest, found := strings.Cut(string(line), `"address":"`); found {
		address, _, _ := strings.Cut(rest, `"`)
		w.listening <- address
	}
	return len(line), nil
}
