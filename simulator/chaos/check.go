package chaos

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
)

// fieldError is what is wrong with one field of a scenario.
type fieldError struct {
	path string // "phases[0].faults[1].times"
	err  error
}

func wrongf(path, format string, args ...any) *fieldError {
	return &fieldError{path, fmt.Errorf(format, args...)}
}

// Check says what is wrong with a scenario that was not read by Parse.
func (s Scenario) Check() error {
	if wrong := s.check(); wrong != nil {
		return fmt.Errorf("scenario %s: %s: %w", s.Name, wrong.path, wrong.err)
	}
	return nil
}

func (s Scenario) check() *fieldError {
	if s.Name == "" {
		return wrongf("name", "is missing")
	}
	if len(s.Phases) == 0 {
		return wrongf("phases", "want at least one")
	}
	for i, p := range s.Phases {
		if wrong := p.check(fmt.Sprintf("phases[%d]", i)); wrong != nil {
			return wrong
		}
	}
	for i, wait := range s.Redeliver {
		if wait < 0 || time.Duration(wait) > longest {
			return wrongf(fmt.Sprintf("redeliver[%d]", i), "%s: want a wait of 0s to a year", wait)
		}
	}
	return s.Expect.check()
}

func (p Phase) check(path string) *fieldError {
	switch {
	case p.Events < 0:
		return wrongf(path+".events", "%d: want 1 or more", p.Events)
	case p.Lives < 0:
		return wrongf(path+".lives", "%d: want 1 or more", p.Lives)
	case p.Events == 0 && p.Lives == 0:
		return wrongf(path, "sends nothing: want events or lives")
	case p.Events > 0 && p.Lives > 0:
		return wrongf(path+".lives", "not together with events")
	case p.Lives > 0 && len(p.Types) > 0:
		return wrongf(path+".types", "a life has its own types: not together with lives")
	case p.Lives == 0 && p.Gap != (Range{}):
		return wrongf(path+".gap", "is between the events of a life: only together with lives")
	case p.Pause < 0:
		return wrongf(path+".pause", "%s: want 0s or more", p.Pause)
	case p.Gap.Min < 0:
		return wrongf(path+".gap", "%s: want 0s or more", p.Gap)
	case p.Burst && p.Rate != 0:
		return wrongf(path+".burst", "not together with rate")
	case !p.Burst && p.Rate <= 0:
		return wrongf(path, "want a rate, or burst: true")
	case !p.Burst && float64(p.units())/float64(p.Rate) > longest.Seconds():
		return wrongf(path+".rate", "%s: the phase would last longer than a year", p.Rate)
	case time.Duration(p.Pause) > longest:
		return wrongf(path+".pause", "%s: want at most a year", p.Pause)
	case p.Outage && p.Burst:
		return wrongf(path+".outage", "lasts as long as its phase, and a burst has no length: want a rate")
	}
	known := fixtures.Default().EventTypes()
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(p.Types)) {
		if !slices.Contains(known, name) {
			return wrongf(path+".types", "%s: want one of %s", name, strings.Join(known, ", "))
		}
		if !(p.Types[name] >= 0) { // not a number is neither
			return wrongf(path+".types", "%s: want a weight of 0 or more", name)
		}
		total += p.Types[name]
	}
	if len(p.Types) > 0 && (total == 0 || math.IsInf(total, 0)) {
		return wrongf(path+".types", "the weights add up to %g", total)
	}
	for i, f := range p.Faults {
		if wrong := f.check(fmt.Sprintf("%s.faults[%d]", path, i), p); wrong != nil {
			return wrong
		}
	}
	if held := p.held(); held > mostHeld {
		return wrongf(path, "up to %.3g events would wait in memory for their time; want at most %d: less rate, or shorter delays", held, mostHeld)
	}
	return p.Downstream.check(path + ".downstream")
}

// mostHeld is how many events a plan may hold in memory at once; each takes
// about a kilobyte.
const mostHeld = 5_000_000

// held is how many events of the phase may at most be in memory at once: those
// that begin while the first one waits for the last of its attempts.
func (p Phase) held() float64 {
	waits := 6 * p.Gap.Max // a life has at most six events
	for _, f := range p.Faults {
		waits += f.After.Max * time.Duration(max(f.Times, 1))
		switch f.Name {
		case "delay":
			waits += f.By.Max
		case "reorder":
			waits += p.Rate.until(int(f.Within))
		}
	}
	all := float64(p.units())
	if p.Outage || p.Burst && waits > 0 {
		return all
	}
	return min(all, float64(p.Rate)*waits.Seconds())
}

func (d *Downstream) check(path string) *fieldError {
	switch {
	case d == nil:
		return nil
	case d.Fail < 0:
		return wrongf(path+".fail", "%d: want 0 or more", d.Fail)
	case d.Reset < 0:
		return wrongf(path+".reset", "%d: want 0 or more", d.Reset)
	case d.Hang && d.Fail == 0:
		return wrongf(path+".hang", "is how calls fail: only together with fail")
	case d.Status != 0 && (d.Status < 300 || d.Status > 599):
		return wrongf(path+".status", "%d: want a failing status, 300 to 599", d.Status)
	case d.Delay.Min < 0:
		return wrongf(path+".delay", "%s: want 0s or more", d.Delay)
	}
	return nil
}

func (e Expectations) check() *fieldError {
	switch {
	case e == (Expectations{Within: e.Within}):
		return wrongf("expect", "want at least one expectation: a run that judges nothing is no success")
	case !slices.Contains([]string{"", Once, AtLeastOnce, AtMostOnce}, e.Processed):
		return wrongf("expect.processed", "%q: want %s, %s or %s", e.Processed, Once, AtLeastOnce, AtMostOnce)
	case !slices.Contains([]string{"", Refused, NeverProcessed}, e.Broken):
		return wrongf("expect.broken", "%q: want %s or %s", e.Broken, Refused, NeverProcessed)
	case min(e.P50, e.P99, e.Max, e.Within) < 0:
		return wrongf("expect", "durations want to be 0s or more")
	}
	return nil
}

// check says what is wrong with a fault in phase p.
func (f Fault) check(path string, p Phase) *fieldError {
	kind, known := faultKinds[f.Name]
	switch {
	case f.Name == "":
		return wrongf(path, "fault is missing: which one is it")
	case !known:
		return wrongf(path+".fault", "%q: want one of %s", f.Name, strings.Join(slices.Sorted(maps.Keys(faultKinds)), ", "))
	case f.Probability == 0 && len(f.At) == 0:
		return wrongf(path, "how often: want probability or at")
	case f.Probability != 0 && len(f.At) > 0:
		return wrongf(path+".at", "not together with probability")
	}
	for i, n := range f.At {
		if n < 1 || (p.Events > 0 && n > p.Events) {
			return wrongf(fmt.Sprintf("%s.at[%d]", path, i), "%d: the phase has events 1 to %d", n, p.Events)
		}
	}
	for _, setting := range f.settings() {
		if setting.set && !slices.Contains(kind.settings, setting.name) {
			return wrongf(path+"."+setting.name, "the fault %s takes no such setting", f.Name)
		}
	}
	if f.Name == "reorder" && p.Burst {
		return wrongf(path+".fault", "a burst has no order: want a rate")
	}
	if err := kind.check(f); err != nil {
		var at *fieldError
		if errors.As(err, &at) {
			return wrongf(path+"."+at.path, "%w", at.err)
		}
		return wrongf(path, "%w", err)
	}
	return nil
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }

type setting struct {
	name string
	set  bool
}

func (f Fault) settings() []setting {
	return []setting{
		{"times", f.Times != 0},
		{"after", f.After != Range{}},
		{"concurrent", f.Concurrent},
		{"by", f.By != Range{}},
		{"within", f.Within != 0},
		{"kind", f.Kind != ""},
		{"rule", f.Rule != ""},
		{"condition", f.Condition != ""},
	}
}
