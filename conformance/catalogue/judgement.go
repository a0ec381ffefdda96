package catalogue

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Judgement collects what a check finds. It passes only if something was
// observed and nothing was found.
type Judgement struct {
	// Findings are all the ways in which the requirement does not hold.
	Findings []Finding
	// Observed is how many things were judged.
	Observed int
	// Evidence is what a pass rests on: the first few exchanges.
	Evidence []emitter.Attempt
	// Unobserved says why nothing, or not enough, could be judged.
	Unobserved string
}

// Finding is one way in which a requirement does not hold.
type Finding struct {
	// Expected and Actual are the two sides of it.
	Expected, Actual string
	// Diagnosis names the known trap that the receiver seems to have fallen into.
	Diagnosis string
	// Accepts are the answers to the decisive attempt that would have been
	// right; none where the finding is not about an answer.
	Accepts report.Answers
	// Attempts are the exchanges that show it, the decisive one last.
	Attempts []emitter.Attempt
}

// keptEvidence bounds how many exchanges a pass is documented with.
const keptEvidence = 2

// Passed reports whether the requirement was seen to hold.
func (j *Judgement) Passed() bool {
	return len(j.Findings) == 0 && j.Unobserved == "" && j.Observed > 0
}

// Require notes one observation, and a finding unless ok.
//
// Attempts that a receiver was no longer there to answer are no observation,
// whatever is said of them: that the receiver is gone is one finding, VAL-17's.
func (j *Judgement) Require(ok bool, expected, actual string, attempts ...emitter.Attempt) {
	for _, a := range attempts {
		if j.lost(a.Err) {
			return
		}
	}
	j.Observed++
	if !ok {
		j.Findings = append(j.Findings, Finding{Expected: expected, Actual: actual, Attempts: attempts})
		return
	}
	if len(j.Evidence) < keptEvidence && len(attempts) > 0 {
		j.Evidence = append(j.Evidence, attempts[len(attempts)-1])
	}
}

// NotObserved says why the requirement cannot be judged. What was found before stays.
func (j *Judgement) NotObserved(format string, args ...any) {
	if j.Unobserved == "" {
		j.Unobserved = fmt.Sprintf(format, args...)
	}
}

// lost reports whether err is the loss of the receiver, and notes it if so.
func (j *Judgement) lost(err error) bool {
	var lost *lab.Lost
	if !errors.As(err, &lost) {
		return false
	}
	switch {
	case lost.Untrusted:
		j.NotObserved("%v: see TLS-01 and TLS-02", lost)
	default:
		j.NotObserved("%v before this could be judged: see VAL-17", lost)
	}
	return true
}

// Diagnose names a trap on every finding that has none yet.
func (j *Judgement) Diagnose(trap string) {
	for i := range j.Findings {
		if j.Findings[i].Diagnosis == "" {
			j.Findings[i].Diagnosis = trap
		}
	}
}

// outcome is a set of acceptable answers.
type outcome struct {
	text    string
	accepts report.Answers
}

func (o outcome) ok(status int) bool { return o.accepts.Accept(status) }

// The answers that the guide leaves a receiver free to choose from.
var (
	acknowledged     = outcome{"an acknowledgement (2xx)", report.Answers{"2xx"}}
	refusedSignature = outcome{"401 (or 403): the signature is not right", report.Answers{"401", "403"}}
	refusedPayload   = outcome{"400 (or 422): the payload is not valid", report.Answers{"400", "422"}}
	refused          = outcome{"a refusal (4xx)", report.Answers{"4xx"}}
	noServerError    = outcome{"an answer below 500", report.Answers{"1xx", "2xx", "3xx", "4xx"}}
)

func exactly(status int, meaning string) outcome {
	return outcome{fmt.Sprintf("%d: %s", status, meaning), report.Answers{strconv.Itoa(status)}}
}

// Answer requires an attempt to be answered as wanted; what says what was sent.
func (j *Judgement) Answer(a emitter.Attempt, want outcome, what string) {
	if a.Status == 429 && !want.ok(429) {
		j.NotObserved("%s was answered 429 although the declared rate limit was kept: see RATE-01", what)
		return
	}
	before := len(j.Findings)
	j.Require(want.ok(a.Status), want.text, fmt.Sprintf("%s, for %s", describe(a), what), a)
	for i := range j.Findings[before:] {
		j.Findings[before+i].Accepts = want.accepts
	}
}

// describe says what came back, in a few words.
func describe(a emitter.Attempt) string {
	if a.Status != 0 {
		text := fmt.Sprintf("%d", a.Status)
		if to := a.Header.Get("Location"); to != "" {
			text += fmt.Sprintf(" to %.100s", to)
		}
		if a.Err != nil {
			text += fmt.Sprintf(" and then %s", shorten(a.Err))
		}
		return text + fmt.Sprintf(" after %v", a.Timing.Total.Round(time.Millisecond))
	}
	var timeout net.Error
	if errors.As(a.Err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer within %v", a.Timing.Total.Round(time.Millisecond))
	}
	return fmt.Sprintf("no answer: %.200s", shorten(a.Err))
}

// shorten drops who reports an error; it is always the emitter.
func shorten(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "emit: "), "send: ")
}

// cutOff reports whether the receiver closed the connection over a request
// before it had read all of it, which is one way to refuse what is too large.
func cutOff(a emitter.Attempt) bool {
	return a.Status == 0 && (errors.Is(a.Err, syscall.ECONNRESET) || errors.Is(a.Err, syscall.EPIPE))
}

// Processed requires each event to have been processed exactly once, unless
// the tally's observer cannot tell them apart; then the sum is judged.
func (j *Judgement) Processed(t tally, events ...sent) { j.count(t, 1, events...) }

// NeverProcessed requires that the events had no effect.
func (j *Judgement) NeverProcessed(t tally, events ...sent) { j.count(t, 0, events...) }

// NothingRefusedProcessed requires that those of the events that were refused
// had no effect. What was acknowledged may have one; whether it should have been
// acknowledged is for other requirements.
func (j *Judgement) NothingRefusedProcessed(groups ...group) {
	for _, g := range groups {
		refused := slices.DeleteFunc(slices.Clone(g.events), func(s sent) bool { return s.final().Acknowledged() })
		taken := len(g.events) - len(refused)
		switch t := g.tally; {
		case len(refused) == 0:
		case t.err != nil || t.Of != nil:
			j.NeverProcessed(t, slices.DeleteFunc(refused, func(s sent) bool { return s.id == "" })...)
		case t.Total == 0 || t.Total > taken:
			j.Require(t.Total == 0, fmt.Sprintf("no effect of %d events that were refused, by the %s", len(refused), t.Observer),
				fmt.Sprintf("%s, where %d events were acknowledged", inEffects(t.Total), taken), last(refused)...)
		default: // a total does not tell whether it is just those that were taken
		}
	}
	if j.Observed == 0 {
		j.NotObserved("nothing was refused whose effects can be told from those of what was acknowledged")
	}
}

// sent is an event with the attempts that carried it.
type sent struct {
	id       string
	what     string
	attempts []emitter.Attempt
}

func (j *Judgement) count(t tally, want int, events ...sent) {
	if t.err != nil {
		if !j.lost(t.err) {
			j.NotObserved("%v", t.err)
		}
		return
	}
	expected := inEffects(want)
	if want == 1 {
		expected = "exactly one effect"
	}
	if t.Of == nil {
		j.Require(t.Total == t.once, fmt.Sprintf("%d events processed in this experiment, by the %s", t.once, t.Observer),
			fmt.Sprintf("%d", t.Total), last(events)...)
		return
	}
	for _, ev := range events {
		j.Require(t.Of[ev.id] == want, expected+", by the "+t.Observer,
			fmt.Sprintf("%s of %s, %s", inEffects(t.Of[ev.id]), ev.id, ev.what), ev.attempts...)
	}
}

// inEffects is a number of effects in words.
func inEffects(n int) string {
	switch n {
	case 0:
		return "no effect"
	case 1:
		return "1 effect"
	}
	return fmt.Sprintf("%d effects", n)
}

// AtLeastOnce requires that no event was lost; a second effect is not judged.
func (j *Judgement) AtLeastOnce(t tally, events ...sent) {
	if t.err != nil {
		if !j.lost(t.err) {
			j.NotObserved("%v", t.err)
		}
		return
	}
	if t.Of == nil {
		j.Require(t.Total >= t.once, fmt.Sprintf("at least %d events processed within %v (patience) in this experiment, by the %s", t.once, t.patience, t.Observer),
			fmt.Sprintf("%d", t.Total), last(events)...)
		return
	}
	for _, ev := range events {
		j.Require(t.Of[ev.id] >= 1, fmt.Sprintf("an effect within %v (patience), by the %s", t.patience, t.Observer), fmt.Sprintf("none of %s, %s", ev.id, ev.what), ev.attempts...)
	}
}

func last(events []sent) []emitter.Attempt {
	if len(events) == 0 {
		return nil
	}
	return events[len(events)-1].attempts
}
