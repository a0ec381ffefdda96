package catalogue

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

const securitySection = "Allow only known addresses, and protect the endpoint"

type methods struct {
	attempts []sent
	tally    tally
}

var methodTrial = lab.Define(lab.Plan{Name: "other methods", Counts: true, Requests: 5},
	func(ctx context.Context, r *lab.Run) (m methods, err error) {
		if err := baseline(ctx, r); err != nil {
			return m, err
		}
		m.attempts = each([]string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}, func(method string) sent {
			ev := r.Event(created)
			d := r.Deliver(ev)
			d.Method = method
			return sent{ev.ID, "a genuine event sent with " + method, []emitter.Attempt{r.Send(ctx, d)}}
		})
		m.tally, err = settle(ctx, r, nil, m.attempts)
		return m, err
	})

// talk is what the receiver says when it refuses.
type talk struct {
	attempts []sent
	// expected are the signatures that would have been right, by event id.
	expected map[string]string
	secret   string
}

var talkTrial = lab.Define(lab.Plan{Name: "error bodies", Requests: 5},
	func(ctx context.Context, r *lab.Run) (t talk, err error) {
		t.expected, t.secret = map[string]string{}, r.Secret()
		var mu sync.Mutex
		t.attempts = each([]string{"wrong signature", "no signature", "not JSON", "not JSON, signed", "no id"}, func(what string) sent {
			ev := r.Event(created)
			d := r.Deliver(ev)
			switch what {
			case "not JSON", "not JSON, signed":
				ev.Body = []byte(`{"id":`)
				d = r.Deliver(ev)
			case "no id":
				ev.Body = withID(ev.Body, "")
				d = r.Deliver(ev)
			}
			switch what {
			case "wrong signature", "not JSON":
				fault.BadSignature{Kind: "other-secret"}.Apply(&d, r.Secret())
			case "no signature":
				fault.BadSignature{Kind: "missing"}.Apply(&d, r.Secret())
			}
			mu.Lock()
			t.expected[ev.ID] = strings.TrimPrefix(fixtures.Sign(r.Secret(), d.Body), "sha256=")
			mu.Unlock()
			return sent{ev.ID, "a request with " + what, []emitter.Attempt{r.Send(ctx, d)}}
		})
		return t, nil
	})

// stackTrace matches what runtimes print of their own code.
var stackTrace = regexp.MustCompile(`(?m)Traceback \(most recent call last\)|^\s+at .+\(.+:\d+(:\d+)?\)|goroutine \d+ \[|^\s+at [\w.$]+\([\w]+\.java:\d+\)|#\d+ /.+\.php\(\d+\)|\.go:\d+ \+0x|File ".+\.py", line \d+`)

type slow struct {
	clients int
	served  []sent
}

// slowTrial has some clients hold a request open while others deliver.
func slowTrial(name string, clients int) *lab.Trial[slow] {
	return lab.Define(lab.Plan{Name: name, Setting: lab.Alone, Requests: 3 + clients},
		func(ctx context.Context, r *lab.Run) (slow, error) {
			s := slow{clients: clients}
			r.Reserve(ctx, clients)
			hold, release := context.WithCancel(ctx)
			// The others come when each of them has begun, or cannot.
			begun := make(chan struct{}, 2*clients)
			begins := httptrace.WithClientTrace(hold, &httptrace.ClientTrace{WroteHeaders: func() { begun <- struct{}{} }})
			var holding sync.WaitGroup
			for range clients {
				d := r.Deliver(r.Event(created))
				fault.Stall{Missing: 1}.Apply(&d, r.Secret())
				holding.Go(func() {
					r.SendNow(begins, d)
					begun <- struct{}{}
				})
			}
			for range clients {
				<-begun
			}
			s.served = each(r.Events(3), func(ev fixtures.Event) sent {
				return genuine(ctx, r, ev, fmt.Sprintf("an event while %d client(s) never finish their request", clients))
			})
			release()
			holding.Wait()
			return s, nil
		})
}

var (
	oneSlowTrial  = slowTrial("a slow client", 1)
	manySlowTrial = slowTrial("many slow clients", 32)
)

// allowlist is what the receiver makes of addresses, as the trusted proxy tells them.
type allowlist struct {
	inside, outside, forged sent
}

// outsideAddress is for documentation (RFC 5737): nobody's allowlist has it.
const outsideAddress = "203.0.113.77"

var allowlistTrial = lab.Define(lab.Plan{Name: "allowlist", Requests: 3},
	func(ctx context.Context, r *lab.Run) (a allowlist, err error) {
		declared := r.Config().Declare.Allowlist
		if !declared.Declared() {
			return a, nil
		}
		from := func(what, addresses string) sent {
			ev := r.Event(created)
			d := r.Deliver(ev)
			d.Header[declared.Header] = []string{addresses}
			return sent{ev.ID, what, []emitter.Attempt{r.Send(ctx, d)}}
		}
		allowed := lab.AllowedAddress(declared)
		a.inside = from("a genuine event from an allowed address", allowed)
		a.outside = from("a genuine event from "+outsideAddress, outsideAddress)
		// The sender wrote the first address himself; the proxy added the last.
		a.forged = from("a genuine event from "+outsideAddress+" that claims to come from "+allowed, allowed+", "+outsideAddress)
		return a, nil
	})

func allowlisted(cfg config.Config) string {
	if !cfg.Declare.Allowlist.Declared() {
		return "no allowlist is declared (declare.allowlist)"
	}
	return ""
}

func security() []Requirement {
	slowCheck := func(trial *lab.Trial[slow]) check {
		return withConfig(trial, func(s slow, l *lab.Lab, j *Judgement) {
			for _, ev := range s.served {
				a := ev.final()
				if a.Status == http.StatusTooManyRequests {
					j.Answer(a, acknowledged, ev.what) // RATE-01's finding
					continue
				}
				j.Require(a.Acknowledged() && a.Timing.Total <= l.Config().Declare.Ack, fmt.Sprintf("an acknowledgement within %v", l.Config().Declare.Ack), describe(a)+", for "+ev.what, a)
			}
		})
	}
	return []Requirement{
		{
			ID: "SEC-01", Level: Must, Guide: securitySection,
			Title: "Only POST delivers events",
			Why:   "A GET that has effects can be triggered by a link; other methods have other rules for caching and repeating.",
			Mend:  "Route POST only, and answer 405 to other methods.",
			check: from(methodTrial, func(m methods, j *Judgement) {
				for _, s := range m.attempts {
					if s.final().Delivery.Method == http.MethodGet {
						continue // a page for people may live there; SEC-02 asks that it has no effect
					}
					j.Answer(s.final(), outcome{"405 (or another refusal)", report.Answers{"4xx", "501"}}, s.what)
				}
			}),
		},
		{
			ID: "SEC-02", Level: Must, Guide: securitySection, Needs: lab.Effects,
			Title: "Events sent with other methods have no effect",
			Why:   "See SEC-01.",
			Mend:  "Route POST only, and answer 405 to other methods.",
			check: from(methodTrial, func(m methods, j *Judgement) { j.NeverProcessed(m.tally, m.attempts...) }),
		},
		{
			ID: "SEC-03", Level: Must, Guide: securitySection, Applies: allowlisted,
			Title: "An address outside the allowlist is refused with 403",
			Why:   "It is a second lock, for the day when the secret leaks.",
			Mend:  "Compare the address that the trusted proxy tells with the allowed networks.",
			check: from(allowlistTrial, func(a allowlist, j *Judgement) {
				j.Answer(a.inside.final(), acknowledged, a.inside.what)
				j.Answer(a.outside.final(), exactly(403, "the guide's status for an address outside the allowlist"), a.outside.what)
			}),
		},
		{
			ID: "SEC-04", Level: Must, Guide: securitySection, Applies: allowlisted,
			Title: "A forged X-Forwarded-For does not pass the allowlist",
			Why:   "Everybody can send that header; only what your own proxy appended at its end is true.",
			Mend:  "Take the last address that a trusted proxy added, counting from the right.",
			check: from(allowlistTrial, func(a allowlist, j *Judgement) {
				j.Answer(a.forged.final(), exactly(403, "the true address is outside the allowlist"), a.forged.what)
				j.Diagnose("the first address of the header is believed, which the sender writes")
			}),
		},
		{
			ID: "SEC-05", Level: Must, Guide: securitySection,
			Title: "A refusal gives away neither the secret, nor the right signature, nor a stack trace",
			Why:   "Whoever is told the expected signature can send it. Traces tell versions, paths and queries.",
			Mend:  "Answer with a short fixed text, and write the details to the log.",
			check: from(talkTrial, func(t talk, j *Judgement) {
				for _, s := range t.attempts {
					a := s.final()
					text := string(a.Body) + headerText(a.Header)
					switch {
					case strings.Contains(text, t.secret):
						j.Require(false, "no secret in the answer", "the secret stands in it, for "+s.what, a)
					case strings.Contains(strings.ToLower(text), t.expected[s.id]) && !sentIt(a, t.expected[s.id]):
						j.Require(false, "no signature in the answer", "the signature that would have been right stands in it, for "+s.what, a)
					case stackTrace.MatchString(text):
						j.Require(false, "no stack trace in the answer", fmt.Sprintf("%.80q…, for %s", stackTrace.FindString(text), s.what), a)
					case a.Status != 0:
						j.Require(true, "", "", a)
					}
				}
			}),
		},
		{
			ID: "SEC-06", Level: Must, Guide: securitySection,
			Title: "A slow client does not block others",
			Why:   "One sender on a bad line, or one that means harm, would keep all events away.",
			Mend:  "Serve requests concurrently, and give each a time limit for sending its body.",
			check: slowCheck(oneSlowTrial),
		},
		{
			ID: "SEC-07", Level: Should, Guide: securitySection,
			Title: "32 slow clients do not block others",
			Why:   "A receiver with a fixed number of workers is blocked by as many slow clients; that costs an attacker nothing.",
			Mend:  "Put a proxy that buffers requests in front, or serve with threads or events rather than a few processes.",
			check: slowCheck(manySlowTrial),
		},
	}
}

func headerText(h http.Header) string {
	var out strings.Builder
	_ = h.Write(&out) // a strings.Builder does not fail
	return out.String()
}

// sentIt reports whether we told the receiver the digits ourselves.
func sentIt(a emitter.Attempt, digits string) bool {
	if _, err := hex.DecodeString(digits); err != nil {
		return false
	}
	return strings.Contains(headerText(a.Delivery.Header), digits)
}
