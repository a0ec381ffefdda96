package reference

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// NewLog writes one JSON object a line, with the guide's names of fields.
func NewLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return attr
			}
			switch attr.Key {
			case slog.TimeKey:
				attr.Key = "timestamp"
			case slog.MessageKey:
				attr.Key = "message"
			case slog.LevelKey:
				attr.Value = slog.StringValue(strings.ToLower(attr.Value.String()))
			}
			return attr
		},
	}))
}

// LogWriter writes what has come together since its last write, in a goroutine of its
// own, so that nobody waits for the other end of standard output. It loses at most
// what was logged in the last moment before a crash.
type LogWriter struct {
	out  io.Writer
	wake chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	pending bytes.Buffer
}

// NewLogWriter returns a LogWriter that has to be closed.
func NewLogWriter(out io.Writer) *LogWriter {
	w := &LogWriter{out: out, wake: make(chan struct{}, 1)}
	w.done.Go(w.run)
	return w
}

// Write keeps the line for the next write.
func (w *LogWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return w.pending.Write(line)
}

func (w *LogWriter) run() {
	var lines bytes.Buffer
	for range w.wake {
		w.mu.Lock()
		lines, w.pending = w.pending, lines
		w.mu.Unlock()
		_, _ = lines.WriteTo(w.out) // there is nowhere to complain
		lines.Reset()
	}
}

// Close writes what is left.
func (w *LogWriter) Close() {
	close(w.wake)
	w.done.Wait()
	_, _ = w.pending.WriteTo(w.out)
}
