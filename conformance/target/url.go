package target

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// urlTarget is a receiver that runs already.
type urlTarget struct {
	base string
	name string // the URL without its password
}

func newURL(cfg config.Config) (Target, error) {
	u, err := url.Parse(cfg.Receiver.URL)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return &urlTarget{base: u.Scheme + "://" + u.Host, name: u.Redacted()}, nil
}

func (t *urlTarget) Describe() string { return "url " + t.name }
func (t *urlTarget) Lifecycle() bool  { return false }

func (t *urlTarget) SinkAddress() (listen, host string) { return "127.0.0.1:0", "127.0.0.1" }

func (t *urlTarget) Start(ctx context.Context, _ Settings) (Instance, error) {
	if err := awaitPort(ctx, t.base, reachTimeout, func() string { return "" }); err != nil {
		return nil, &StartError{Problem: fmt.Sprintf("no answer from %s: %v", t.base, err)}
	}
	return urlInstance{base: t.base}, nil
}

// reachTimeout bounds how long a server that should be running may take to be reached.
const reachTimeout = 5 * time.Second

func (t *urlTarget) Close(context.Context) error { return nil }

type urlInstance struct{ base string }

func (i urlInstance) BaseURL() string                                { return i.base }
func (i urlInstance) Kill(context.Context) error                     { return ErrNoLifecycle }
func (i urlInstance) Terminate(context.Context, time.Duration) error { return ErrNoLifecycle }
func (i urlInstance) Restart(context.Context) error                  { return ErrNoLifecycle }
func (i urlInstance) Exited() string                                 { return "" }
func (i urlInstance) LastOutput() []string                           { return nil }
func (i urlInstance) Remove(context.Context) error                   { return nil }

func (i urlInstance) Run(context.Context, []string) (string, error) { return "", ErrNoLifecycle }
