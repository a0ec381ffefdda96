// Package target runs receivers: as containers, as processes, or not at all
// where the receiver is somebody else's running server.
package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// Target is a receiver that instances can be had of.
type Target interface {
	// Describe says what is certified, for people: "image acme/webhooks:1.4@sha256:…".
	Describe() string
	// Lifecycle reports whether instances can be started, stopped and killed.
	Lifecycle() bool
	// SinkAddress is where the effect sink has to listen for the receiver to
	// reach it, and the host name by which the receiver does.
	SinkAddress() (listen, host string)
	// Start brings up an instance and waits until it is ready.
	Start(ctx context.Context, settings Settings) (Instance, error)
	// Close removes what the target made: images, connections.
	Close(ctx context.Context) error
}

// Settings are what one instance is started with.
type Settings struct {
	// Vars are known to the templates of the configuration. Port and DataDir
	// are filled in by the target.
	Vars config.Vars
	// Log takes each line of the receiver's standard output, without its end.
	// It is called from one goroutine at a time.
	Log func(line string)
}

// Instance is one running receiver with its own data.
type Instance interface {
	// BaseURL is http://host:port. It may change with Restart.
	BaseURL() string
	// Kill ends the receiver with SIGKILL and waits until it is gone.
	Kill(ctx context.Context) error
	// Terminate sends SIGTERM and waits until the receiver is gone; after the
	// grace it is killed and ErrGrace is returned.
	Terminate(ctx context.Context, grace time.Duration) error
	// Restart starts the receiver again on the same data, after Kill or
	// Terminate, and waits until it is ready.
	Restart(ctx context.Context) error
	// Exited tells how the receiver ended if it has ended by itself, and "" while it runs.
	Exited() string
	// LastOutput are the last lines that it wrote, none where they are not seen.
	LastOutput() []string
	// Run runs a command where the receiver runs and returns its standard output.
	Run(ctx context.Context, args []string) (string, error)
	// Remove ends the receiver and deletes its data.
	Remove(ctx context.Context) error
}

// ErrGrace is returned by Terminate when SIGTERM did not end the receiver.
var ErrGrace = errors.New("did not stop after SIGTERM")

// ErrNoLifecycle is returned for what needs power over the receiver's process.
var ErrNoLifecycle = errors.New("hookcheck did not start this receiver and cannot stop it")

// StartError is a receiver that did not come up, with the last lines it wrote.
type StartError struct {
	Problem string
	Output  []string
}

func (e *StartError) Error() string {
	text := e.Problem
	if len(e.Output) > 0 {
		text += "; its last output:"
		for _, line := range e.Output {
			text += "\n  | " + line
		}
	}
	return text
}

// New is the target that cfg describes. Progress takes the output of a build.
func New(ctx context.Context, cfg config.Config, progress io.Writer) (Target, error) {
	switch kind := cfg.Receiver.Kind(); kind {
	case "url":
		return newURL(cfg)
	case "exec":
		return newProcess(cfg)
	case "image", "dockerfile":
		return newContainer(ctx, cfg, progress)
	default:
		return nil, fmt.Errorf("target: no receiver is configured")
	}
}
