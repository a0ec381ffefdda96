package observe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/observe"
)

func TestMetricsAreSummedOverTheirLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	processed := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "webhooks_processed_total"}, []string{"type"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "webhook_processing_seconds"}, []string{"type"})
	registry.MustRegister(processed, seconds)
	for i, label := range []string{"a", "b", "b"} {
		processed.WithLabelValues(label).Inc()
		seconds.WithLabelValues(label).Observe(float64(i))
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	m := observe.Metrics{Names: config.DefaultMetrics(), BaseURL: func() string { return server.URL }}
	s, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Processed != 3 || s.Processing != 3 || s.Failed != 0 {
		t.Errorf("got %+v", s)
	}
	if s.Present["webhooks_failed_total"] || !s.Present["webhooks_processed_total"] || s.Types["webhook_processing_seconds"] != "histogram" {
		t.Errorf("present: %+v", s)
	}
}

func TestMetricsThatCannotBeRead(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"answered 404":                   http.NotFound,
		"not in Prometheus' text format": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>{{{\n")) },
		"EOF": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		},
	} {
		server := httptest.NewServer(handler)
		m := observe.Metrics{Names: config.DefaultMetrics(), BaseURL: func() string { return server.URL }}
		if _, err := m.Read(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		server.Close()
	}
}

func TestLogsCountTheLinesThatSayProcessed(t *testing.T) {
	logs, err := observe.NewLogs(config.DefaultLogs())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`plain text`,
		`{"message":"Webhook received","eventId":"evt_1"}`,
		`{"msg":"webhook processed","eventId":"evt_1"}`,
		`{"message":"Webhook already processed, skipping","eventId":"evt_1"}`,
		`{"message":"moved to dead letter queue","eventId":"evt_2"}`,
		`["no","object"]`, `null`,
	} {
		logs.Line(line)
	}
	if n, _ := logs.Count(t.Context(), "evt_1"); n != 1 {
		t.Errorf("evt_1 processed %d times, want 1", n)
	}
	if n := logs.DeadLetters("evt_2"); n != 1 {
		t.Errorf("evt_2: %d dead letters, want 1", n)
	}
	if all, plain := logs.Lines(); len(all) != 7 || len(plain) != 3 {
		t.Errorf("%d lines, %d of them plain; want 7 and 3", len(all), len(plain))
	}
}

func TestTheTypeOfAnEventIsThatOfTheLineThatSaysProcessed(t *testing.T) {
	logs, err := observe.NewLogs(config.DefaultLogs())
	if err != nil {
		t.Fatal(err)
	}
	logs.Line(`{"message":"Webhook received","eventId":"evt_1","eventType":"what the header claims"}`)
	if got := logs.ProcessedAs("evt_1"); got != "" {
		t.Errorf("processed as %q before it was", got)
	}
	logs.Line(`{"message":"Webhook processed","eventId":"evt_1","eventType":"appointment.created"}`)
	if got := logs.ProcessedAs("evt_1"); got != "appointment.created" {
		t.Errorf("processed as %q", got)
	}
}

func TestCommandMustPrintANumber(t *testing.T) {
	printed, failure := "3\n", error(nil)
	c := observe.Command{Run: func(context.Context, string) (string, error) { return printed, failure }}
	if n, err := c.Count(t.Context(), "evt_1"); n != 3 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	printed = "three"
	if _, err := c.Count(t.Context(), "evt_1"); err == nil {
		t.Error("a word is taken for a count")
	}
	failure = errors.New("exit status 1")
	if _, err := c.Count(t.Context(), "evt_1"); err == nil {
		t.Error("a failing command is taken for a count")
	}
}
