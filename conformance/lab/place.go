package lab

import (
	"slices"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// place gives every experiment a bench. Where receivers can be started, benches
// are cheap and disturbances are kept apart; a receiver that is already
// running has one bench, on which the harmful experiments come last.
func (l *Lab) place(experiments []Experiment) {
	var together, troubled, alone []*scheduled
	// Where all that counts is a total, each count needs a receiver to itself;
	// where nothing counts, none does.
	totals := Available(l.cfg)&(Effects|PerEvent) == Effects
	for _, e := range experiments {
		s := &scheduled{experiment: e, done: make(chan struct{})}
		l.scheduled[e] = s
		p := e.plan()
		switch {
		case p.Setting == Alone, p.Counts && totals:
			alone = append(alone, s)
		case p.Setting == Troubled:
			troubled = append(troubled, s)
		default:
			together = append(together, s)
		}
	}
	if !l.target.Lifecycle() {
		b := l.newBench(l.cfg.Declare.RateLimit)
		b.atOnce = slices.Concat(together, troubled)
		b.inTurn = alone
		l.benches = []*bench{b}
		return
	}
	for _, group := range append(l.pack(together), troubled) {
		if len(group) > 0 {
			b := l.newBench(l.limitFor(false))
			b.atOnce = group
			l.benches = append(l.benches, b)
		}
	}
	for _, s := range alone {
		b := l.newBench(l.limitFor(s.experiment.plan().Tight))
		b.inTurn = []*scheduled{s}
		l.benches = append(l.benches, b)
	}
}

// The limits that instances are started with where the configuration can set them.
var (
	generous = config.RateLimit{Requests: 100_000, Window: time.Minute}
	tight    = config.RateLimit{Requests: 20, Window: 3 * time.Second}
)

func (l *Lab) limitFor(wantTight bool) config.RateLimit {
	switch {
	case l.cfg.Declare.RateLimit.None, !l.cfg.Receiver.RateLimitSettable():
		return l.cfg.Declare.RateLimit
	case wantTight:
		return tight
	}
	return generous
}

// pack spreads experiments over instances so that each spends less than one
// window's requests, because waiting for a window is far slower than starting
// another instance. An experiment that is larger by itself is paced.
func (l *Lab) pack(group []*scheduled) [][]*scheduled {
	limit := l.limitFor(false)
	if limit.None || limit == generous {
		return [][]*scheduled{group}
	}
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(a, b *scheduled) int {
		return b.experiment.plan().Requests - a.experiment.plan().Requests
	})
	type bin struct {
		free  int
		group []*scheduled
	}
	var bins []*bin
	for _, s := range group {
		need := s.experiment.plan().Requests
		at := slices.IndexFunc(bins, func(b *bin) bool { return b.free >= need })
		if at < 0 {
			at = len(bins)
			bins = append(bins, &bin{free: budget(limit.Requests)})
		}
		bins[at].free -= need
		bins[at].group = append(bins[at].group, s)
	}
	var out [][]*scheduled
	for _, b := range bins {
		out = append(out, b.group)
	}
	return out
}
