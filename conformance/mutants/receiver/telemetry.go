package main

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newLogger writes JSON with the guide's names.
func newLogger(s settings, out io.Writer) *slog.Logger {
	if s.mutant == "plain-text-logs" {
		return slog.New(slog.NewTextHandler(out, nil))
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
			if s.mutant == "logs-without-timestamp" {
				return slog.Attr{}
			}
		case slog.MessageKey:
			a.Key = "message"
		case "event":
			ev, ok := a.Value.Any().(event)
			if !ok {
				return a
			}
			return slog.Group("", eventFields(ev, s)...)
		}
		return a
	}}))
}

// eventFields are the names by which a line says which event it is about.
func eventFields(ev event, s settings) []any {
	var fields []any
	if s.mutant != "logs-without-event-id" {
		fields = append(fields, "eventId", ev.ID)
	}
	if s.mutant != "logs-without-event-type" {
		fields = append(fields, "eventType", ev.Type)
	}
	if s.mutant != "logs-without-delivery-id" {
		fields = append(fields, "deliveryId", ev.DeliveryID)
	}
	if s.mutant == "leaks-secret-in-log" {
		fields = append(fields, "key", s.secret)
	}
	return fields
}

// metrics has the guide's four.
type metrics struct {
	mutant     string
	registry   *prometheus.Registry
	receivedN  prometheus.Counter
	processedN prometheus.Counter
	failedN    prometheus.Counter
	seconds    prometheus.Histogram
}

func newMetrics(mutant string) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		mutant:     mutant,
		registry:   prometheus.NewRegistry(),
		receivedN:  counter("webhooks_received_total", "New events."),
		processedN: counter("webhooks_processed_total", "Events processed."),
		failedN:    counter("webhooks_failed_total", "Events given up."),
		seconds:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "webhook_processing_seconds", Help: "Time of an attempt."}),
	}
	for name, collector := range map[string]prometheus.Collector{
		"received": m.receivedN, "processed": m.processedN, "failed": m.failedN, "seconds": m.seconds,
	} {
		if mutant != "metrics-without-"+name {
			m.registry.MustRegister(collector)
		}
	}
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) received() {
	if m.mutant != "metrics-received-stands-still" {
		m.receivedN.Inc()
	}
}

func (m *metrics) processed() {
	if m.mutant != "metrics-processed-stands-still" {
		m.processedN.Inc()
	}
}

func (m *metrics) failed() {
	if m.mutant != "metrics-failed-stands-still" {
		m.failedN.Inc()
	}
}

func (m *metrics) took(d time.Duration) {
	if m.mutant != "metrics-seconds-stand-still" {
		m.seconds.Observe(d.Seconds())
	}
}
