package reference

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"
)

// WebhookPath is where deliveries are received.
const WebhookPath = "/webhooks/moncreneau"

// Serve runs the receiver until ctx ends. Then it stops taking requests, answers those
// it has, lets running attempts end, and returns. What is still in the queue is
// processed after the next start.
func Serve(ctx context.Context, config Config, log zerolog.Logger) (err error) {
	handler, err := NewHandler(ctx, config)
	if err != nil {
		return fmt.Errorf("handler: %w", err)
	}
	if closer, ok := handler.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	clock := clockwork.NewRealClock()
	metrics := newMetrics()
	tracing, err := newTracing(ctx, config, log)
	if err != nil {
		return err
	}
	defer tracing.close(ctx)
	worker := newWorker(config, handler, metrics, log, clock)
	worker.Attempt = tracing.attempts(worker.Attempt)
	queue, err := openQueue(ctx, config, worker, log, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()

	receiver := newReceiver(config, tracing.accepts(queue), metrics, log, clock)
	listener, err := listen(ctx, config, clock)
	if err != nil {
		return err
	}
	log.Info().Stringer("address", listener.Addr()).Str("path", WebhookPath).Msg("Listening")
	server := newServer(receiver, routes(tracing.requests(receiver.Receive), queue, metrics))

	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		log.Info().Msg("Shutting down")
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.ShutdownTimeout)
		defer cancel()
		if err := server.ShutdownWithContext(ctx); err != nil {
			return fmt.Errorf("shut down: %w", err)
		}
		_ = listener.Close() // if it had not begun to serve
		return nil
	})
	group.Go(func() error { return queue.Process(running) })
	return group.Wait()
}

func listen(ctx context.Context, config Config, clock clockwork.Clock) (net.Listener, error) {
	var secure *tls.Config
	if config.TLSCertFile != "" {
		certificate, err := loadCertificate(config.TLSCertFile, config.TLSKeyFile, clock)
		if err != nil {
			return nil, err
		}
		secure = certificate.config()
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(config.Host, strconv.Itoa(config.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	return listener, nil
}

// newServer bounds how long a client may take, so that slow ones hold nothing but
// their own connection.
func newServer(receiver *Receiver, handler fasthttp.RequestHandler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler: func(c *fasthttp.RequestCtx) {
			// fasthttp would let the whole process end.
			defer func() {
				if v := recover(); v != nil {
					receiver.log.Error().Str("panic", fmt.Sprintf("%T", v)).Msg("A request could not be answered")
					answer(c, fasthttp.StatusInternalServerError, `{"status":"internal error"}`)
				}
			}()
			handler(c)
		},
		ErrorHandler:                 receiver.unreadable,
		StreamRequestBody:            true, // or what is too large is not read, and its sender is not told why
		DisablePreParseMultipartForm: true,
		ReadTimeout:                  10 * time.Second,
		WriteTimeout:                 20 * time.Second,
		IdleTimeout:                  60 * time.Second,
		ReadBufferSize:               16 << 10, // and so much a header may take
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
		Logger:                       &receiver.log, // of broken connections, and below what is logged
	}
}

// unreadable answers what is not a request, or ends too early.
func (r *Receiver) unreadable(c *fasthttp.RequestCtx, err error) {
	var header *fasthttp.ErrSmallBuffer
	if errors.As(err, &header) {
		r.refuse(c, "", errLongHeader)
		return
	}
	r.refuse(c, "", errIncomplete)
}

// patience is how long an answer may wait for a database: a little less than the 5 s
// that moncreneau waits.
const patience = 4 * time.Second

// route is what one path answers to.
type route struct {
	method string
	handle fasthttp.RequestHandler
}

func routes(receive fasthttp.RequestHandler, queue Queue, metrics *metrics) fasthttp.RequestHandler {
	table := map[string]route{
		WebhookPath: {fasthttp.MethodPost, receive},
		"/metrics":  {fasthttp.MethodGet, metrics.handler(queue)},
		// Alive: the process answers. A restart would not help a queue that is away.
		"/healthz": {fasthttp.MethodGet, func(c *fasthttp.RequestCtx) {
			answer(c, fasthttp.StatusOK, `{"status":"ok"}`)
		}},
		// Ready: deliveries can be accepted.
		"/readyz": {fasthttp.MethodGet, func(c *fasthttp.RequestCtx) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := queue.Ping(ctx); err != nil {
				answer(c, fasthttp.StatusServiceUnavailable, `{"status":"the queue cannot be reached"}`)
				return
			}
			answer(c, fasthttp.StatusOK, `{"status":"ok"}`)
		}},
	}
	return func(c *fasthttp.RequestCtx) {
		route, found := table[string(c.URI().PathOriginal())]
		switch {
		case !found:
			answer(c, fasthttp.StatusNotFound, `{"status":"not found"}`)
		case string(c.Method()) == route.method, c.IsHead() && route.method == fasthttp.MethodGet:
			route.handle(c)
		default:
			c.Response.Header.Set("Allow", route.method)
			answer(c, fasthttp.StatusMethodNotAllowed, `{"status":"method not allowed"}`)
		}
	}
}
