package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How often a status line is shown: on a terminal a line that changes, elsewhere (a
// log) a new line now and then.
const (
	statusOnTerminal = 200 * time.Millisecond
	statusInLog      = 5 * time.Second
)

// startStatusLine shows line's text on w until the function that it returns is
// called; what is over sooner than a period shows nothing.
func startStatusLine(w io.Writer, line func(elapsed time.Duration) string) (stop func()) {
	file, isFile := w.(*os.File)
	onTerminal := isFile && term.IsTerminal(int(file.Fd())) //nolint:gosec // file descriptors are small
	period := statusInLog
	if onTerminal {
		period = statusOnTerminal
	}
	done := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		start := time.Now()
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				text := line(time.Since(start).Round(time.Second))
				if onTerminal {
					_, _ = fmt.Fprintf(w, "\r\x1b[K%s", text)
				} else {
					_, _ = fmt.Fprintln(w, text)
				}
			case <-done:
				if onTerminal {
					_, _ = fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	})
	return func() { close(done); shown.Wait() }
}
