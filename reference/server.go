package reference

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/errgroup"
)

// WebhookPath is where deliveries are received.
const WebhookPath = "/webhooks/moncreneau"

// Serve runs the receiver until ctx ends. Then it stops taking requests, answers those
// it has, lets running attempts end, and returns. What is still in the queue is
// processed after the next start.
func Serve(ctx context.Context, config Config, log *slog.Logger) (err error) {
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

	receiver := tracing.requests(newReceiver(config, tracing.accepts(queue), metrics, log, clock))
	listener, err := listen(ctx, config, clock)
	if err != nil {
		return err
	}
	log.Info("Listening", "address", listener.Addr().String(), "path", WebhookPath)
	server := newServer(routes(receiver, queue, metrics), log)

	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		log.Info("Shutting down")
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.ShutdownTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
		}
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
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        handler,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   20 * time.Second,
		IdleTimeout:    60 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func routes(receiver http.Handler, queue Queue, metrics *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+WebhookPath, receiver)
	mux.Handle("GET /metrics", metrics.handler(queue))
	// Alive: the process answers. A restart would not help a queue that is away.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"status":"ok"}`)
	})
	// Ready: deliveries can be accepted.
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		if err := queue.Ping(req.Context()); err != nil {
			answer(w, http.StatusServiceUnavailable, `{"status":"the queue cannot be reached"}`)
			return
		}
		answer(w, http.StatusOK, `{"status":"ok"}`)
	})
	return mux
}
