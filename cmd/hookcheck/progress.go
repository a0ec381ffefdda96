package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fatih/color"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// progress tells on standard error how far a certification is.
type progress struct {
	status *statusLine

	mu                  sync.Mutex
	total, done, failed int
	what                string
}

func newProgress(out io.Writer, total int, quiet bool) *progress {
	if quiet {
		out = io.Discard
	}
	p := &progress{total: total}
	p.status = newStatusLine(out, p.text)
	return p
}

func (p *progress) text(elapsed time.Duration) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.done {
	case 0:
		return timed(elapsed, p.what)
	case p.total:
		return timed(elapsed, fmt.Sprintf("%d judged, %d failed; removing what was started", p.done, p.failed))
	}
	return timed(elapsed, fmt.Sprintf("%d of %d judged, %d failed; waiting for %s", p.done, p.total, p.failed, p.what))
}

func timed(elapsed time.Duration, what string) string {
	return fmt.Sprintf("%5.1fs %s", elapsed.Seconds(), what)
}

// note says something that is to stay.
func (p *progress) note(what string) { p.status.say(timed(time.Since(p.status.start), what)) }

// step begins something that takes its time; a log has a line for each.
func (p *progress) step(what string) {
	p.mu.Lock()
	p.what = what
	p.mu.Unlock()
	if p.status.terminal == nil {
		p.note(what)
	}
}

func (p *progress) awaiting(requirement report.Requirement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = requirement.ID + " " + requirement.Title
}

func (p *progress) judged(result report.Requirement) {
	p.mu.Lock()
	p.done++
	failed := result.Status == report.Failed
	if failed && result.Required {
		p.failed++
	}
	p.mu.Unlock()
	switch line := timed(time.Since(p.status.start), result.ID+" "+result.Title); {
	case failed && result.Required:
		p.status.say(color.RedString("%s", line+": failed"))
	case failed:
		p.status.say(color.YellowString("%s", line+": not met, a "+result.Level))
	}
}
