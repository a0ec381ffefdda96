package catalogue

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/simulator/effects"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

func answered(status int) emitter.Attempt { return emitter.Attempt{Status: status} }

var gone = emitter.Attempt{Err: fmt.Errorf("emit: %w", &lab.Lost{How: "ended with exit status 1"})}

func TestAJudgementPassesOnlyWhatWasSeenToHold(t *testing.T) {
	one := sent{"evt_1", "an event", []emitter.Attempt{answered(200)}}
	counts := func(n int) tally {
		return tally{Tally: lab.Tally{Observer: "sink", Of: map[string]int{"evt_1": n}, Total: n}, once: 1}
	}
	total := func(n int) tally { return tally{Tally: lab.Tally{Observer: "metrics", Total: n}, once: 1} }
	no := sent{"evt_2", "another", []emitter.Attempt{answered(400)}}
	anonymous := sent{"", "one without an id", []emitter.Attempt{answered(400)}}
	refusals := func(t tally, events ...sent) func(*Judgement) {
		return func(j *Judgement) { j.NothingRefusedProcessed(group{events, t}) }
	}
	for name, c := range map[string]struct {
		judge          func(*Judgement)
		passes, failed bool
	}{
		"what was refused had no effect, what was taken had": {refusals(counts(1), one, no), true, false},
		"what was refused had an effect":                     {refusals(counts(1), sent{"evt_1", "", no.attempts}), false, true},
		"nothing was refused":                                {refusals(counts(1), one), false, false},
		"what was refused has no id to be counted under":     {refusals(counts(0), anonymous), false, false},
		"no effects at all, by the sum":                      {refusals(total(0), one, no, anonymous), true, false},
		"more effects than were taken, by the sum":           {refusals(total(2), one, no), false, true},
		"effects, and nothing was taken, by the sum":         {refusals(total(1), no, anonymous), false, true},
		"as many effects as were taken, by the sum":          {refusals(total(1), one, no), false, false},
		"nothing was observed":                               {func(*Judgement) {}, false, false},
		"one thing held":                                     {func(j *Judgement) { j.Require(true, "", "") }, true, false},
		"one of two did not":                                 {func(j *Judgement) { j.Require(true, "", ""); j.Require(false, "", "") }, false, true},
		"one held and one could not be seen":                 {func(j *Judgement) { j.Require(true, "", ""); j.NotObserved("why") }, false, false},
		"the answer was right":                               {func(j *Judgement) { j.Answer(answered(202), acknowledged, "") }, true, false},
		"the answer was wrong":                               {func(j *Judgement) { j.Answer(answered(400), acknowledged, "") }, false, true},
		"there was no answer":                                {func(j *Judgement) { j.Answer(emitter.Attempt{Err: errors.New("EOF")}, noServerError, "") }, false, true},
		"it was throttled":                                   {func(j *Judgement) { j.Answer(answered(http.StatusTooManyRequests), refusedSignature, "") }, false, false},
		"the receiver was gone":                              {func(j *Judgement) { j.Answer(gone, acknowledged, "") }, false, false},
		"it was gone, whatever is claimed":                   {func(j *Judgement) { j.Require(true, "", "", answered(200), gone) }, false, false},
		"it was gone after one finding":                      {func(j *Judgement) { j.Answer(answered(500), acknowledged, ""); j.Answer(gone, acknowledged, "") }, false, true},
		"an event was processed once":                        {func(j *Judgement) { j.Processed(counts(1), one) }, true, false},
		"an event was processed twice":                       {func(j *Judgement) { j.Processed(counts(2), one) }, false, true},
		"an event was not processed":                         {func(j *Judgement) { j.Processed(counts(0), one) }, false, true},
		"a second effect of what may come again":             {func(j *Judgement) { j.AtLeastOnce(counts(2), one) }, true, false},
		"an event was lost":                                  {func(j *Judgement) { j.AtLeastOnce(counts(0), one) }, false, true},
		"an event had no effect, as it should":               {func(j *Judgement) { j.NeverProcessed(counts(0), one) }, true, false},
		"an event had an effect it should not":               {func(j *Judgement) { j.NeverProcessed(counts(1), one) }, false, true},
		"the sum is right":                                   {func(j *Judgement) { j.Processed(total(1), one) }, true, false},
		"the sum is too high":                                {func(j *Judgement) { j.Processed(total(2), one) }, false, true},
		"the sum is too low":                                 {func(j *Judgement) { j.Processed(total(0), one) }, false, true},
		"a sum too high, and nothing was lost":               {func(j *Judgement) { j.AtLeastOnce(total(2), one) }, true, false},
		"effects could not be counted":                       {func(j *Judgement) { j.Processed(tally{err: lab.ErrUnobserved}, one) }, false, false},
		"the receiver was gone before the count":             {func(j *Judgement) { j.NeverProcessed(tally{err: gone.Err}, one) }, false, false},
		"it did not come up again after a kill":              {func(j *Judgement) { j.survived(crash{restart: "exit status 1"}, []sent{one}, "") }, false, true},
		"nothing was acknowledged before a kill": {func(j *Judgement) {
			j.survived(crash{tally: counts(0)}, []sent{{"evt_1", "", []emitter.Attempt{answered(500)}}}, "")
		}, false, false},
		"what was acknowledged came after a kill": {func(j *Judgement) { j.survived(crash{tally: counts(1)}, []sent{one}, "") }, true, false},
		"what was acknowledged was lost by it":    {func(j *Judgement) { j.survived(crash{tally: counts(0)}, []sent{one}, "a trap") }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var j Judgement
			c.judge(&j)
			if j.Passed() != c.passes || (len(j.Findings) > 0) != c.failed {
				t.Errorf("passed %v, findings %v, unobserved %q", j.Passed(), j.Findings, j.Unobserved)
			}
			if !c.passes && !c.failed && j.Unobserved == "" && j.Observed > 0 {
				t.Error("it neither passed nor failed, and does not say why")
			}
		})
	}
}

func TestDiagnosesStandOnFindingsWithoutOne(t *testing.T) {
	var j Judgement
	j.Require(false, "", "")
	j.Diagnose("first")
	j.Require(false, "", "")
	j.Diagnose("second")
	if j.Findings[0].Diagnosis != "first" || j.Findings[1].Diagnosis != "second" {
		t.Errorf("got %+v", j.Findings)
	}
}

func TestWhatCameBackIsDescribedInAFewWords(t *testing.T) {
	for want, a := range map[string]emitter.Attempt{
		"204 after 12ms":                       {Status: 204, Timing: emitter.Timing{Total: 12 * time.Millisecond}},
		"302 to https://elsewhere/ after 0s":   {Status: 302, Header: http.Header{"Location": {"https://elsewhere/"}}},
		"no answer: EOF":                       {Err: errors.New("emit: send: EOF")},
		"no answer within 7s":                  {Err: &timeoutError{}, Timing: emitter.Timing{Total: 7 * time.Second}},
		"200 and then unexpected EOF after 0s": {Status: 200, Err: errors.New("emit: unexpected EOF")},
	} {
		if got := describe(a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "too late" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }

func TestAConnectionClosedOverALongBodyIsARefusal(t *testing.T) {
	for _, err := range []error{syscall.ECONNRESET, syscall.EPIPE} {
		if !cutOff(emitter.Attempt{Err: fmt.Errorf("emit: send: write: %w", err)}) {
			t.Errorf("%v is not", err)
		}
	}
	for name, a := range map[string]emitter.Attempt{"an answer": answered(500), "silence": {Err: &timeoutError{}}, "an end after reading": {Err: errors.New("EOF")}} {
		if cutOff(a) {
			t.Errorf("%s is taken for one", name)
		}
	}
}

// callsWith are calls that fail, each a wait after the end of the one before.
func callsWith(waits ...time.Duration) []effects.Call {
	at := time.Date(2026, 1, 21, 14, 30, 0, 0, time.UTC)
	calls := []effects.Call{{Start: at, End: at.Add(30 * time.Millisecond)}}
	for _, wait := range waits {
		start := calls[len(calls)-1].End.Add(wait)
		calls = append(calls, effects.Call{Start: start, End: start.Add(30 * time.Millisecond)})
	}
	return calls
}

func TestWaitsAreHeldToTheDeclaredOnesWithTolerance(t *testing.T) {
	declared := config.Retries{Attempts: 3, Backoff: 2 * time.Second, Factor: 2}
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		waits          []time.Duration
		passes, failed bool
	}{
		"as declared":                           {[]time.Duration{2000 * ms, 4000 * ms}, true, false},
		"as early as is tolerated":              {[]time.Duration{1500 * ms, 3000 * ms}, true, false},
		"the first too early":                   {[]time.Duration{1499 * ms, 4000 * ms}, false, true},
		"the second too early":                  {[]time.Duration{2000 * ms, 2999 * ms}, false, true},
		"constant":                              {[]time.Duration{2000 * ms, 2000 * ms}, false, true},
		"at once":                               {[]time.Duration{0, 0}, false, true},
		"as late as is tolerated":               {[]time.Duration{6000 * ms, 10000 * ms}, true, false},
		"the first too late":                    {[]time.Duration{6001 * ms, 4000 * ms}, false, true},
		"the second too late":                   {[]time.Duration{2000 * ms, 10001 * ms}, false, true},
		"an attempt too few":                    {[]time.Duration{2000 * ms}, false, false},
		"an attempt too many is another's case": {[]time.Duration{2000 * ms, 4000 * ms, 0}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var j Judgement
			judgeWaits(retried{calls: callsWith(c.waits...)}, declared, &j)
			if j.Passed() != c.passes || (len(j.Findings) > 0) != c.failed {
				t.Errorf("passed %v, findings %v, unobserved %q", j.Passed(), j.Findings, j.Unobserved)
			}
		})
	}
}

func TestAGoodEventMustNotWaitForThoseThatFail(t *testing.T) {
	begin := time.Date(2026, 1, 21, 14, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		acked, effect  time.Duration // after the beginning; the last try of those that fail is after 6 s
		tried          int
		passes, failed bool
	}{
		"it did not wait":                      {time.Second, 2 * time.Second, 3, true, false},
		"it waited for the last try":           {time.Second, 7 * time.Second, 3, false, true},
		"it had no effect":                     {time.Second, 0, 3, false, true},
		"it came after the last try":           {7 * time.Second, 8 * time.Second, 3, false, false},
		"those that fail were not tried again": {time.Second, 2 * time.Second, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := poisoned{last: begin.Add(6 * time.Second), tried: c.tried, goodCalls: [][]effects.Call{nil}}
			p.good = []sent{{id: "evt_1", attempts: []emitter.Attempt{{Status: 200, Start: begin, Timing: emitter.Timing{Total: c.acked}}}}}
			if c.effect > 0 {
				p.goodCalls[0] = []effects.Call{{Start: begin.Add(c.effect), Outcome: effects.Done}}
			}
			var j Judgement
			judgeHeldUp(p, &j)
			if j.Passed() != c.passes || (len(j.Findings) > 0) != c.failed {
				t.Errorf("passed %v, findings %v, unobserved %q", j.Passed(), j.Findings, j.Unobserved)
			}
		})
	}
}

func TestAWaitBeginsWithTheEndOfAFailedCall(t *testing.T) {
	calls := callsWith(2 * time.Second)
	calls[0].End = time.Time{} // still hanging when the next one came
	if got := gaps(calls); len(got) != 1 || got[0] != 2030*time.Millisecond {
		t.Errorf("got %v", got)
	}
}

func TestStackTracesAreRecognisedAndOrdinaryTextIsNot(t *testing.T) {
	for _, text := range []string{
		"Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>",
		"TypeError: x\n    at Server.handle (/app/server.js:10:5)",
		"goroutine 12 [running]:\nmain.main()",
		"java.lang.NullPointerException\n\tat gn.acme.Hook.receive(Hook.java:42)",
		"#0 /var/www/hook.php(12): receive()",
	} {
		if !stackTrace.MatchString(text) {
			t.Errorf("not recognised: %q", text)
		}
	}
	for _, text := range []string{`{"error":"invalid signature"}`, "Bad Request", "look at the guide (page:3)", strings.Repeat("x", 100)} {
		if stackTrace.MatchString(text) {
			t.Errorf("taken for a stack trace: %q", text)
		}
	}
}
