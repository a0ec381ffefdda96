package report

import (
	"errors"
	"net/http"
	"time"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

// sample is a report with every status, level and kind of finding, the same
// in every test. Bodies are the files that belong to it.
func sample() (r Report, bodies map[string][]byte) {
	recorder := Recorder{URL: "http://127.0.0.1:8080/webhooks/moncreneau", Secret: runSecret, Bodies: map[string][]byte{}}
	requirement := func(id, item, level, status string, required bool) Requirement {
		return Requirement{
			ID: id, Item: item, Level: level, Profile: "wire", Status: status, Required: required,
			Title: "What " + id + " asks for", Why: "Why " + id + " matters.", Mend: "How to mend " + id + ".",
			Guide: "Verify the HMAC signature", Observations: 3,
		}
	}
	event := fixtures.Event{ID: "evt_1", Type: "appointment.created", Body: []byte(
		`{"id":"evt_1","type":"appointment.created","created":"2026-01-21T14:30:00Z","data":{"object":{"name":"Aïssatou Ngoué"}}}`)}
	answered := func(status int, body string) emitter.Attempt {
		d := emitter.NewDelivery(event, runSecret, "dlv_1")
		fault.BadSignature{Kind: "body-newline"}.Apply(&d, runSecret)
		return emitter.Attempt{
			Delivery: d, Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body),
			Timing: emitter.Timing{Total: 7 * time.Millisecond},
		}
	}

	passed := requirement("SIG-01", "signature", "MUST", Passed, true)
	recorder.Witness(&passed, answered(200, `{"received":true}`))
	failed := requirement("SIG-02", "signature", "MUST", Failed, true)
	for _, what := range []string{"body changed", "body cut", "body indented", "body escaped"} {
		recorder.Find(&failed, Finding{
			Expected: "401 (or 403): the signature is not right", Actual: "200 after 7ms, for a " + what,
			Diagnosis: "known trap: the signature is not verified", Accepts: Answers{"401", "403"},
		}, []emitter.Attempt{answered(200, `{"received":true}`)})
	}
	advised := requirement("SIG-03", "signature", "SHOULD", Failed, false)
	recorder.Find(&advised, Finding{Expected: "401", Actual: hostile, Accepts: Answers{"401"}},
		[]emitter.Attempt{answered(403, hostile+" "+runSecret)})
	strict := requirement("IDEM-01", "idempotency", "SHOULD", Failed, true)
	recorder.Find(&strict, Finding{Expected: "exactly one effect, by the sink", Actual: "2 effects"}, []emitter.Attempt{
		answered(200, ""),
		{Delivery: answered(0, "").Delivery, Err: errors.New("emit: send: EOF"), Timing: emitter.Timing{Total: 5 * time.Second}},
	})
	waived := requirement("RATE-02", "rate-limit", "MUST", Failed, true)
	recorder.Find(&waived, Finding{Expected: "Retry-After", Actual: "neither"}, nil)
	waived.Waive("the gateway in front sets the headers")
	needless := requirement("RATE-03", "rate-limit", "MUST", Passed, true)
	needless.Waive("it was slow once")
	unseen := requirement("ACK-01", "acknowledgement", "MUST", NotObserved, true)
	unseen.Reason, unseen.Observations = "it takes the effect sink (observe.sink, and {{.EffectURL}} in receiver.env)", 0
	unneeded := requirement("MET-01", "metrics", "MUST", NotObserved, false)
	unneeded.Reason, unneeded.Observations = "it takes the metrics (observe.metrics), not "+hostile, 0
	inapplicable := requirement("TLS-01", "https", "MUST", NotApplicable, false)
	inapplicable.Reason, inapplicable.Observations = "the receiver is not at an https URL", 0

	r = Report{
		Version: Version, Tool: Tool{"hookcheck", "1.2.3"}, Seed: 42,
		Started: time.Date(2026, 1, 21, 14, 30, 0, 0, time.UTC), DurationSeconds: 9.8,
		LongestWait: LongestWait{Seconds: 8, For: "the last of 3 attempts"},
		Machine:     &Machine{Processors: 2, Load: 31.25},
		Profile:     "lifecycle", Strict: true, Partial: "without security",
		Reproduce:    "hookcheck certify --strict --skip security --seed=42",
		Receiver:     Receiver{"acme-webhooks", "1.4", "image acme/webhooks:1.4@sha256:0123"},
		Requirements: []Requirement{passed, failed, advised, strict, waived, needless, unseen, unneeded, inapplicable},
	}
	r.Decide()
	return r, recorder.Bodies
}

// hostile is what a receiver may answer to get at whoever reads the report: a
// terminal, a browser, a Markdown renderer, an XML parser.
const hostile = "\x1b[2J\x1b]0;owned\a\r\u202e\u009b31m\x00<script>alert(1)</script>]]> ``` | **bold** [link](https://evil.example) @everyone\nconformant"

// unjudged is a report of a run in which the receiver did not come up.
func unjudged() Report {
	r := Report{
		Version: Version, Tool: Tool{"hookcheck", "1.2.3"}, Seed: 42, Profile: "wire",
		Receiver: Receiver{Name: "acme-webhooks", Target: "exec python3 receiver.py"},
		Requirements: []Requirement{{
			ID: "SIG-01", Item: "signature", Level: "MUST", Profile: "wire", Title: "What SIG-01 asks for",
			Status: NotObserved, Required: true, Reason: "the run ended before it was judged",
		}},
	}
	r.Decide()
	r.Reason = "start receiver: it exited with status 1; its last output:\n  | Traceback: \x1b[31mno module\x1b[0m"
	return r
}
