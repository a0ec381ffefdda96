package reference

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// metrics are Prometheus metrics. The first four have the guide's names.
type metrics struct {
	registry   *prometheus.Registry
	received   prometheus.Counter
	processed  prometheus.Counter
	failed     prometheus.Counter
	processing prometheus.Histogram

	duplicates      prometheus.Counter
	refusals        *prometheus.CounterVec
	attempts        prometheus.Counter
	attemptFailures prometheus.Counter
	acknowledgement prometheus.Histogram
}

func newMetrics() *metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	in := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return in.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		registry:  registry,
		received:  counter("webhooks_received_total", "Deliveries acknowledged, duplicates included."),
		processed: counter("webhooks_processed_total", "Events processed, each counted once."),
		failed:    counter("webhooks_failed_total", "Events given up after the last attempt: dead letters."),
		processing: in.NewHistogram(prometheus.HistogramOpts{
			Name: "webhook_processing_seconds", Help: "How long an attempt at processing took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}),
		duplicates:      counter("webhook_duplicates_total", "Deliveries of events that had been accepted before."),
		attempts:        counter("webhook_attempts_total", "Attempts at processing an event."),
		attemptFailures: counter("webhook_attempt_failures_total", "Attempts at processing that failed."),
		refusals: in.NewCounterVec(prometheus.CounterOpts{
			Name: "webhook_refusals_total", Help: "Deliveries refused, by the code in the answer.",
		}, []string{"reason"}),
		acknowledgement: in.NewHistogram(prometheus.HistogramOpts{
			Name: "webhook_acknowledgement_seconds", Help: "From the first look at a request until its event was on disk.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}),
	}
	// All reasons are there from the start: Prometheus sees no rise in a series that
	// begins at 1.
	for _, code := range refusalCodes {
		m.refusals.WithLabelValues(code)
	}
	return m
}

func (m *metrics) acknowledged(duplicate bool, took time.Duration) {
	m.received.Inc()
	if duplicate {
		m.duplicates.Inc()
	}
	m.acknowledgement.Observe(took.Seconds())
}

func (m *metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

func (m *metrics) attempted(err error, took time.Duration) {
	m.attempts.Inc()
	m.processing.Observe(took.Seconds())
	if err != nil {
		m.attemptFailures.Inc()
		return
	}
	m.processed.Inc()
}

func (m *metrics) dead() { m.failed.Inc() }

// handler serves the metrics, and asks the queue for its state each time. While the
// queue is away the rest is still served.
func (m *metrics) handler(queue Queue) fasthttp.RequestHandler {
	m.registry.MustRegister(queueCollector{queue})
	return fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
}

type queueCollector struct{ queue Queue }

var (
	depthDesc  = prometheus.NewDesc("webhook_queue_depth", "Events accepted and not yet processed.", nil, nil)
	oldestDesc = prometheus.NewDesc("webhook_queue_oldest_seconds", "How long the oldest of them has been waiting.", nil, nil)
	deadDesc   = prometheus.NewDesc("webhook_dead_letters", "Dead letters that are kept.", nil, nil)
)

func (c queueCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- depthDesc
	descs <- oldestDesc
	descs <- deadDesc
}

func (c queueCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stats, err := c.queue.Stats(ctx)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(depthDesc, err)
		return
	}
	metrics <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(stats.Depth))
	metrics <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, stats.OldestAge.Seconds())
	metrics <- prometheus.MustNewConstMetric(deadDesc, prometheus.GaugeValue, float64(stats.DeadLetters))
}
