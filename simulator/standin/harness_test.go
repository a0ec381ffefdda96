package standin_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/moncreneau/hookcheck/simulator/standin"
)

// patience bounds every wait of these tests. Nothing takes nearly as long.
const patience = 30 * time.Second

// sim is a running stand-in. Whatever is asked of it is held to the OpenAPI
// document: a response that the document does not allow fails the test.
type sim struct {
	t    *testing.T
	url  string
	spec *spec
}

// spec is the OpenAPI document, and which of its operations have succeeded.
type spec struct {
	doc    *openapi3.T
	router routers.Router

	mu        sync.Mutex
	succeeded map[string]bool // by operationId
}

func loadSpec(t *testing.T) *spec {
	t.Helper()
	content, err := os.ReadFile("api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &spec{doc: doc, router: router, succeeded: map[string]bool{}}
}

// start runs a stand-in until the test ends.
func start(t *testing.T, o standin.Options) *sim {
	t.Helper()
	s, stop := startUntilStopped(t, o)
	t.Cleanup(stop)
	return s
}

// startUntilStopped runs a stand-in until stop is called.
func startUntilStopped(t *testing.T, o standin.Options) (s *sim, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server, err := standin.New(ctx, o)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	s = &sim{t: t, url: "http://" + listener.Addr().String(), spec: loadSpec(t)}
	return s, func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end with its context")
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

// answer is a response, read to its end.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// into reads the JSON of the body.
func (a answer) into(value any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, value); err != nil {
		a.t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// code is the code of an error.
func (a answer) code() string {
	var body struct {
		Error struct{ Code string }
	}
	_ = json.Unmarshal(a.body, &body)
	return body.Error.Code
}

// want fails the test unless the status is as wanted.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

const testKey = "mk_test_stand_in"

// call makes a request with an API key. header holds "Name: value" pairs; a
// name alone takes the header away.
func (s *sim) call(method, path, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", testKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, ok := strings.Cut(h, ": ")
		switch {
		case !ok:
			req.Header.Del(name)
		case name == "Host":
			req.Host = value
		default:
			req.Header.Set(name, value)
		}
	}
	return s.send(req, []byte(body))
}

func (s *sim) send(req *http.Request, body []byte) answer {
	s.t.Helper()
	client := http.Client{Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{t: s.t, status: res.StatusCode, header: res.Header, body: content}
	s.spec.hold(s.t, req, body, a)
	return a
}

// hold fails the test when the document does not describe the exchange. A
// request that succeeded has to be one that the document allows, too.
func (p *spec) hold(t *testing.T, req *http.Request, body []byte, a answer) {
	t.Helper()
	described := req.Clone(req.Context())
	described.Body = io.NopCloser(bytes.NewReader(body))
	if !strings.HasPrefix(described.URL.Path, "/api/") && !strings.HasPrefix(described.URL.Path, "/_hookcheck/") {
		described.URL.Path = "/api/v1" + described.URL.Path // served at the root as well
	}
	route, params, err := p.router.FindRoute(described)
	if err != nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s answers %d and is not in the document: %v", req.Method, req.URL.Path, a.status, err)
		}
		return
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	input := &openapi3filter.RequestValidationInput{Request: described, PathParams: params, Route: route, Options: options}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(req.Context(), input); err != nil {
			t.Errorf("%s %s succeeds against the document: %v", req.Method, req.URL, err)
		}
		p.mu.Lock()
		p.succeeded[route.Operation.OperationID] = true
		p.mu.Unlock()
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: a.status, Header: a.header, Options: options}
	response.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(req.Context(), response); err != nil {
		t.Errorf("%s %s answers against the document: %v\n%s", req.Method, req.URL, err, a.body)
	}
}

// receiver is an endpoint that records what it gets.
type receiver struct {
	t      *testing.T
	url    string
	secret string
	got    chan received
}

type received struct {
	header http.Header
	body   []byte
}

// listen starts a receiver that answers with handler, or 200 when that is nil.
func listen(t *testing.T, handler http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{t: t, got: make(chan received, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if handler != nil {
			handler(w, req)
		}
		r.got <- received{req.Header, body}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/webhooks/moncreneau"
	return r
}

// register has the stand-in send every event to r, and returns the webhook's id.
func (r *receiver) register(s *sim) string {
	r.t.Helper()
	var made struct{ ID, Secret string }
	body, _ := json.Marshal(map[string]any{"url": r.url, "events": []string{
		"appointment.created", "appointment.updated", "appointment.cancelled", "appointment.validated", "appointment.completed"}})
	s.call("POST", "/api/v1/staff/webhooks", string(body)).want(http.StatusCreated).into(&made)
	r.secret = made.Secret
	return made.ID
}

// next is the next delivery.
func (r *receiver) next() received {
	r.t.Helper()
	select {
	case got := <-r.got:
		return got
	case <-time.After(patience):
		r.t.Fatal("no delivery comes")
		return received{}
	}
}

// signature is that of the body, by the guide's rule and not by our own code.
func (r *receiver) signature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
