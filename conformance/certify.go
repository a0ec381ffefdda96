package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// Progress tells how far a certification is. Each function may be nil.
type Progress struct {
	// Preparing is called before each step that can take long.
	Preparing func(what string)
	// Awaiting is called before the evidence for a requirement is waited for.
	Awaiting func(requirement report.Requirement)
	// Judged is called for each requirement, in the order of the catalogue.
	Judged func(result report.Requirement)
}

// Total is how many requirements a certification with cfg will report, or an
// *UsageError if it cannot be done.
func Total(cfg Config) (int, error) {
	s, err := newSession(cfg)
	if err != nil {
		return 0, err
	}
	return len(s.results), nil
}

// Certify runs the specs under Ginkgo and returns the report, whatever the
// verdict. An *UsageError means that nothing was started; any other error is
// returned beside a report without verdict.
//
// Ginkgo runs once in a process, and so does Certify.
func Certify(ctx context.Context, cfg Config, progress Progress) (report.Report, error) {
	s, err := newSession(cfg)
	if err != nil {
		return report.Report{}, err
	}
	s.interrupted = func() bool { return ctx.Err() != nil }
	s.hooks = hooks{preparing: progress.Preparing, awaiting: progress.Awaiting, judged: progress.Judged}

	// Ginkgo's own report would tell the same a second time, in other words.
	defer func(out io.Writer) { formatter.ColorableStdOut = out }(formatter.ColorableStdOut)
	formatter.ColorableStdOut = io.Discard

	register(s)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.Timeout = runTimeout
	outcome := &suiteOutcome{}
	ginkgo.RunSpecs(outcome, "hookcheck", suite, reporter)

	unfinished := s.finish() // after a second Ctrl-C, Ginkgo has not waited for it
	result := s.report()
	switch {
	case s.failure != nil && ctx.Err() != nil:
		return result, fmt.Errorf("certify: %w", errors.Join(ErrInterrupted, unfinished))
	case s.failure != nil:
		return result, fmt.Errorf("certify: %w", s.failure)
	case unfinished != nil:
		return result, fmt.Errorf("certify: finish: %w", unfinished)
	}
	return result, nil
}

// ErrInterrupted ends a certification that was interrupted before the receiver
// was ready. Whatever had been started by then has been removed.
var ErrInterrupted = errors.New("interrupted; what was started has been removed")

// runTimeout bounds a run as a whole: one under a slow rate limit that cannot
// be set takes minutes, none takes this long.
const runTimeout = time.Hour

// suiteOutcome takes Ginkgo's verdict, which is not used: ours is computed from
// the typed results, where what was skipped can be told from what has passed.
type suiteOutcome struct{}

func (*suiteOutcome) Fail() {}
