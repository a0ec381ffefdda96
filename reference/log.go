package reference

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

func init() {
	zerolog.TimestampFieldName = "timestamp" // the guide's name
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.MessageFieldName = "msg"
	zerolog.LevelInfoValue, zerolog.LevelWarnValue, zerolog.LevelErrorValue = "INFO", "WARN", "ERROR"
}

// NewLog writes one JSON object a line: the guide's names for the time and an event's
// fields, and those of log/slog for level and msg. Two lines an event are a noticeable
// part of the receiver's time, of which zerolog takes a third of what log/slog does.
func NewLog(w io.Writer) zerolog.Logger {
	return zerolog.New(w).Level(zerolog.InfoLevel).With().Timestamp().Logger()
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
