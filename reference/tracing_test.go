package reference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// testCollector is an OpenTelemetry collector that keeps what it is sent.
type testCollector struct {
	mu    sync.Mutex
	spans []*otlp.Span
	paths []string
}

func (c *testCollector) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var export collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &export); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, req.URL.Path)
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// traced runs do with tracing on, and returns the spans that the collector got.
func traced(t *testing.T, do func(*tracing)) []*otlp.Span {
	t.Helper()
	c := &testCollector{}
	server := httptest.NewServer(c)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	tracing, err := newTracing(t.Context(), Config{Tracing: true}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	do(tracing)
	tracing.close(t.Context())
	for _, path := range c.paths {
		if path != "/v1/traces" {
			t.Errorf("spans were sent to %s", path)
		}
	}
	return c.spans
}

func TestTracesTieAttemptsToTheDelivery(t *testing.T) {
	const sender = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	event := Event{ID: "evt_1", Type: TypeCreated, DeliveryID: "dlv_1"}
	spans := traced(t, func(tracing *tracing) {
		receiver := newTestReceiver(t, Config{})
		receiver.queue = tracing.accepts(receiver.queue)
		server := newServer(receiver, tracing.requests(receiver.Receive))
		for range 2 { // the second is a duplicate
			req := delivery(testBody(event.ID))
			req.Header.Set("Traceparent", sender)
			exchangeWith(t, server, req)
		}
		unsigned := delivery(testBody("evt_2"))
		unsigned.Header.Del("X-Moncreneau-Signature")
		exchangeWith(t, server, unsigned)

		failing := tracing.attempts(func(context.Context, Event, int) error { return errors.New("the API is away") })
		working := tracing.attempts(func(context.Context, Event, int) error { return nil })
		_ = failing(t.Context(), event, 1)
		_ = working(t.Context(), event, 2)
	})
	if len(spans) != 4 {
		t.Fatalf("%d spans, expected two deliveries and two attempts, and nothing of the unsigned request", len(spans))
	}
	accepted, duplicate, failed, processed := spans[0], spans[1], spans[2], spans[3]
	ids := map[string]bool{}
	for _, span := range spans {
		if string(span.TraceId) != string(accepted.TraceId) {
			t.Errorf("%s is in another trace than the delivery", span.Name)
		}
		ids[string(span.SpanId)] = true
		if span.EndTimeUnixNano < span.StartTimeUnixNano {
			t.Errorf("%s ends before it starts", span.Name)
		}
		if strings.Contains(span.String(), "Ngoué") {
			t.Errorf("%s holds personal data", span.Name)
		}
	}
	if len(ids) != 4 {
		t.Errorf("%d different ids of 4 spans", len(ids))
	}
	for _, attempt := range []*otlp.Span{failed, processed} {
		if len(attempt.Links) != 1 || string(attempt.Links[0].SpanId) != string(accepted.SpanId) {
			t.Errorf("%s is linked to %v, expected the delivery", attempt.Name, attempt.Links)
		}
	}
	for _, delivery := range []*otlp.Span{accepted, duplicate} {
		if len(delivery.Links) != 1 || len(delivery.ParentSpanId) != 0 {
			t.Errorf("the sender's trace is to be linked, not obeyed: %v", delivery)
		}
	}
	if failed.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || failed.Status.GetMessage() != "the API is away" {
		t.Errorf("the failed attempt has the status %v", failed.Status)
	}
	if processed.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("the attempt that succeeded has the status %v", processed.Status)
	}
}

func TestTracingIsOffUnlessACollectorIsConfigured(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		on   bool
		err  string
	}{
		{name: "by default it is off"},
		{name: "a collector turns it on", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, on: true},
		{name: "a collector for traces alone turns it on", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, on: true},
		{name: "OTEL_SDK_DISABLED turns it off", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}},
		{name: "a collector without a scheme is an error", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, err: "OTEL_EXPORTER_OTLP_ENDPOINT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := ConfigFromEnv(func(name string) (string, bool) {
				if name == "MONCRENEAU_WEBHOOK_SECRET" {
					return testSecret, true
				}
				value, ok := test.env[name]
				return value, ok
			})
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("the error is %v, expected %q", err, test.err)
			}
			if err == nil && config.Tracing != test.on {
				t.Errorf("tracing is %v, expected %v", config.Tracing, test.on)
			}
		})
	}
}

func TestTracingThatIsOffAddsNothing(t *testing.T) {
	var off *tracing
	receiver := newTestReceiver(t, Config{})
	requests := fasthttp.RequestHandler(receiver.Receive)
	if reflect.ValueOf(off.requests(requests)).Pointer() != reflect.ValueOf(requests).Pointer() || off.accepts(receiver.queue) != receiver.queue {
		t.Error("something was put around the receiver or its queue")
	}
	off.close(t.Context())
}

func TestWhatTheHandlerCallsIsPartOfTheTrace(t *testing.T) {
	var traceparent string
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		traceparent = req.Header.Get("Traceparent")
	}))
	defer api.Close()
	handler, err := NewHandler(t.Context(), Config{DownstreamURL: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	event := restoreEvent([]byte(testBody("evt_1")), "dlv_1")
	if err := handler.Handle(t.Context(), event); err != nil || traceparent != "" {
		t.Fatalf("without tracing: traceparent %q, error %v", traceparent, err)
	}
	spans := traced(t, func(tracing *tracing) {
		if err := tracing.attempts(func(ctx context.Context, event Event, _ int) error {
			return handler.Handle(ctx, event)
		})(t.Context(), event, 1); err != nil {
			t.Error(err)
		}
	})
	if expected := fmt.Sprintf("00-%x-%x-01", spans[0].TraceId, spans[0].SpanId); traceparent != expected {
		t.Errorf("traceparent is %q, expected %q", traceparent, expected)
	}
}

func TestACollectorThatIsAwayIsLoggedAndHoldsNothingUp(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	var log strings.Builder
	tracing, err := newTracing(t.Context(), Config{Tracing: true}, NewLog(&log))
	if err != nil {
		t.Fatal(err)
	}
	attempt := tracing.attempts(func(context.Context, Event, int) error { return nil })
	if err := attempt(t.Context(), Event{ID: "evt_1"}, 1); err != nil {
		t.Error(err)
	}
	tracing.close(t.Context())
	if !strings.Contains(log.String(), "Traces are lost") {
		t.Errorf("the log is %q", log.String())
	}
}

func TestServeTracesADeliveryAndItsAttempt(t *testing.T) {
	c := &testCollector{}
	server := httptest.NewServer(c)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("MONCRENEAU_WEBHOOK_SECRET", testSecret)
	t.Setenv("PORT", "0")
	t.Setenv("DATA_DIR", t.TempDir())
	config, err := ConfigFromEnv(os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	listening, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- Serve(ctx, config, NewLog(&addressWatch{listening: listening})) }()
	var url string
	select {
	case address := <-listening:
		url = "http://" + address
	case err := <-done:
		t.Fatal(err)
	}
	body := testBody("evt_1")
	req, _ := http.NewRequest(http.MethodPost, url+WebhookPath, strings.NewReader(body))
	req.Header = delivery(body).Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	waitForMetric(t, url, "webhooks_processed_total 1")
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(c.spans) != 2 || string(c.spans[0].TraceId) != string(c.spans[1].TraceId) {
		t.Errorf("%d spans, expected the delivery and the attempt in one trace: %v", len(c.spans), c.spans)
	}
}

// waitForMetric waits, ten seconds at most, until the metrics have a line.
func waitForMetric(t *testing.T, url, line string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if strings.Contains(string(text), line+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the metrics have no line %q", line)
		}
	}
}
