package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/fatih/color"
	"golang.org/x/term"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// progress tells on standard error how far a certification is: on a terminal
// in one line that changes, elsewhere in a line for each step.
type progress struct {
	out      io.Writer
	terminal bool
	width    int // of the terminal, in characters
	total    int
	start    time.Time

	mu     sync.Mutex
	done   int
	failed int
	what   string
	stop   chan struct{}
	ended  sync.WaitGroup
}

func newProgress(out io.Writer, total int, quiet bool) *progress {
	if quiet {
		out = io.Discard
	}
	file, isFile := out.(*os.File)
	p := &progress{out: out, total: total, start: time.Now(), stop: make(chan struct{})}
	every := 5 * time.Second
	if isFile && term.IsTerminal(int(file.Fd())) { //nolint:gosec // file descriptors are small
		p.terminal, every = true, 200*time.Millisecond
		p.width, _, _ = term.GetSize(int(file.Fd())) //nolint:gosec // see above; 0 does not cut
	}
	p.ended.Go(func() { p.refresh(every) })
	return p
}

// refresh keeps the seconds running while nothing else happens.
func (p *progress) refresh(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		case <-p.stop:
			return
		}
	}
}

func (p *progress) step(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
	if !p.terminal {
		fmt.Fprintf(p.out, "%5.1fs %s\n", time.Since(p.start).Seconds(), what)
	}
}

func (p *progress) awaiting(requirement report.Requirement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = requirement.ID + " " + requirement.Title
}

func (p *progress) judged(result report.Requirement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if result.Status != report.Failed {
		return
	}
	p.failed++
	line := fmt.Sprintf("%5.1fs %s %s", time.Since(p.start).Seconds(), result.ID, result.Title)
	if p.terminal {
		fmt.Fprintf(p.out, "\r\033[K%s\n", color.RedString(line))
		return
	}
	fmt.Fprintln(p.out, line+": failed")
}

func (p *progress) draw() {
	line := fmt.Sprintf("%5.1fs %s", time.Since(p.start).Seconds(), p.what)
	if p.done > 0 {
		line = fmt.Sprintf("%5.1fs %d of %d judged, %d failed; waiting for %s", time.Since(p.start).Seconds(), p.done, p.total, p.failed, p.what)
	}
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	if runes := []rune(line); p.width > 1 && len(runes) >= p.width {
		line = string(runes[:p.width-2]) + "…"
	}
	fmt.Fprintf(p.out, "\r\033[K%s", line)
}

func (p *progress) end() {
	close(p.stop)
	p.ended.Wait()
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
