package reference

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracing sends spans to an OpenTelemetry collector: one for each delivery whose
// signature was right, so that strangers cannot fill the collector, and one for each
// attempt at processing, linked to the delivery that was accepted.
//
// Everything about an event is one trace. Its id, and that of the accepted delivery's
// span, are made from the event's id. So a later attempt, also after a restart and in
// another replica, knows them without anything being stored; and a sampler that goes
// by the trace's id keeps all of an event or nothing.
//
// A nil tracing is one that is off: it changes nothing, and costs nothing.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      zerolog.Logger
}

// newTracing returns nil when no collector is configured. Where it is, with which
// headers, and what is sampled is told by OpenTelemetry's own environment variables,
// such as OTEL_EXPORTER_OTLP_ENDPOINT, which its library reads.
func newTracing(ctx context.Context, config Config, log zerolog.Logger) (*tracing, error) {
	if !config.Tracing {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	resources, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "moncreneau-receiver")), resource.WithFromEnv())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tracing: %w", err), exporter.Shutdown(ctx))
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(loggingExporter{exporter, log}),
		sdktrace.WithResource(resources),
		sdktrace.WithIDGenerator(eventIDs{}))
	return &tracing{provider, provider.Tracer("github.com/moncreneau/hookcheck/reference"), log}, nil
}

// tracing is whether a collector is configured.
func (e *environment) tracing() bool {
	all := e.url("OTEL_EXPORTER_OTLP_ENDPOINT")
	traces := e.url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	return all+traces != "" && e.text("OTEL_SDK_DISABLED", "false") != "true"
}

// close sends what is left, for a few seconds at most.
func (t *tracing) close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn().Str("error", err.Error()).Msg("Traces are lost")
	}
}

// loggingExporter tells the receiver's own log what OpenTelemetry would tell standard
// error.
type loggingExporter struct {
	sdktrace.SpanExporter
	log zerolog.Logger
}

func (e loggingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.log.Warn().Str("error", err.Error()).Int("spans", len(spans)).Msg("Traces are lost")
	}
	return nil
}

type requestKey struct{}

// request is what the span of a delivery has to know of its request.
type request struct {
	start  time.Time
	sender trace.SpanContext // from the header traceparent, if there is one
}

// requests notes the start of each request, for accepts.
func (t *tracing) requests(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	if t == nil {
		return next
	}
	return func(c *fasthttp.RequestCtx) {
		carrier := propagation.MapCarrier{}
		for _, name := range (propagation.TraceContext{}).Fields() {
			carrier.Set(name, string(c.Request.Header.Peek(name)))
		}
		sender := propagation.TraceContext{}.Extract(context.Background(), carrier)
		c.SetUserValue(requestKey{}, request{time.Now(), trace.SpanContextFromContext(sender)})
		next(c)
	}
}

// contextOf is a context with what was noted of a request, which may outlive it.
func contextOf(c *fasthttp.RequestCtx) context.Context {
	noted := c.UserValue(requestKey{})
	if noted == nil {
		return context.Background()
	}
	return context.WithValue(context.Background(), requestKey{}, noted)
}

// accepts traces deliveries, from the start of the request until the event is on disk.
func (t *tracing) accepts(queue Queue) Queue {
	if t == nil {
		return queue
	}
	return tracedQueue{queue, t}
}

type tracedQueue struct {
	Queue
	tracing *tracing
}

func (q tracedQueue) Accept(ctx context.Context, event Event) (duplicate bool, err error) {
	request, _ := ctx.Value(requestKey{}).(request)
	duplicate, err = q.Queue.Accept(ctx, event)
	// The span is made now, because only now it is known whether it is the one that
	// attempts are linked to. The sender's word decides nothing about this trace.
	ids := idsOf(event)
	if duplicate || err != nil {
		ids.span = trace.SpanID{}
	}
	options := []trace.SpanStartOption{
		trace.WithNewRoot(),
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(request.start),
		trace.WithAttributes(append(attributes(event), attribute.Bool("moncreneau.duplicate", duplicate))...),
	}
	if request.sender.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: request.sender}))
	}
	_, span := q.tracing.tracer.Start(ids.in(ctx), "POST "+WebhookPath, options...)
	end(span, err)
	return duplicate, err
}

// attempts traces attempts. What the handler calls with the attempt's context, and
// tells of it, is part of the same trace.
func (t *tracing) attempts(attempt func(context.Context, Event, int) error) func(context.Context, Event, int) error {
	if t == nil {
		return attempt
	}
	return func(ctx context.Context, event Event, count int) error {
		ids := idsOf(event)
		delivery := trace.NewSpanContext(trace.SpanContextConfig{TraceID: ids.trace, SpanID: ids.span, Remote: true})
		ctx, span := t.tracer.Start(spanIDs{trace: ids.trace}.in(ctx), "process "+event.Type,
			trace.WithNewRoot(),
			trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithLinks(trace.Link{SpanContext: delivery}),
			trace.WithAttributes(append(attributes(event), attribute.Int("moncreneau.attempt", count))...))
		err := attempt(ctx, event, count)
		end(span, err)
		return err
	}
}

// attributes hold nothing personal.
func attributes(event Event) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("moncreneau.event.id", clip(event.ID)),
		attribute.String("moncreneau.event.type", event.Type),
		attribute.String("moncreneau.delivery.id", event.DeliveryID),
	}
}

func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, strings.ToValidUTF8(err.Error(), "")) // else the whole batch is lost
	}
	span.End()
}

type spanIDsKey struct{}

// spanIDs are the ids of a span. A zero span is a random one.
type spanIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

// idsOf are the ids of the span of the delivery with which an event was accepted.
func idsOf(event Event) spanIDs {
	sum := sha256.Sum256([]byte(event.ID))
	return spanIDs{trace.TraceID(sum[:16]), trace.SpanID(sum[16:24])}
}

// in has the next span that is started with WithNewRoot take these ids.
func (ids spanIDs) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, spanIDsKey{}, ids)
}

// eventIDs hands out the ids that the context asks for.
type eventIDs struct{}

func (eventIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	ids, asked := ctx.Value(spanIDsKey{}).(spanIDs)
	if !asked {
		_, _ = rand.Read(ids.trace[:]) // never fails, says crypto/rand
	}
	if !ids.span.IsValid() {
		_, _ = rand.Read(ids.span[:])
	}
	return ids.trace, ids.span
}

func (eventIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	_, _ = rand.Read(id[:])
	return id
}
