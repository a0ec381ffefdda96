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

// statusLine says how far something is, in its last line on a terminal.
type statusLine struct {
	out      io.Writer
	terminal *os.File // nil elsewhere
	start    time.Time
	text     func(elapsed time.Duration) string

	writing sync.Mutex
	stop    chan struct{}
	shown   sync.WaitGroup
}

// newStatusLine shows text's text on w until end is called; what is over sooner
// than a period shows nothing.
func newStatusLine(w io.Writer, text func(elapsed time.Duration) string) *statusLine {
	s := &statusLine{out: w, start: time.Now(), text: text, stop: make(chan struct{})}
	period := statusInLog
	if file, isFile := w.(*os.File); isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" { //nolint:gosec // file descriptors are small
		s.terminal, period = file, statusOnTerminal
	}
	s.shown.Go(func() { s.refresh(period) })
	return s
}

// startStatusLine is newStatusLine for those who have nothing else to say.
func startStatusLine(w io.Writer, text func(elapsed time.Duration) string) (end func()) {
	return newStatusLine(w, func(elapsed time.Duration) string { return text(elapsed.Round(time.Second)) }).end
}

func (s *statusLine) refresh(period time.Duration) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.draw()
		case <-s.stop:
			return
		}
	}
}

func (s *statusLine) draw() {
	text := s.text(time.Since(s.start))
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.terminal == nil {
		_, _ = fmt.Fprintln(s.out, text)
		return
	}
	width, _, _ := term.GetSize(int(s.terminal.Fd())) //nolint:gosec // see above; 0 does not cut
	if runes := []rune(text); width > 1 && len(runes) >= width {
		text = string(runes[:width-2]) + "…"
	}
	_, _ = fmt.Fprint(s.out, "\r\x1b[K"+text)
}

// say writes a line that stays, above the one that changes.
func (s *statusLine) say(line string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.terminal != nil {
		line = "\r\x1b[K" + line
	}
	_, _ = fmt.Fprintln(s.out, line)
}

// end takes the line away.
func (s *statusLine) end() {
	close(s.stop)
	s.shown.Wait()
	if s.terminal != nil {
		_, _ = fmt.Fprint(s.out, "\r\x1b[K")
	}
}
