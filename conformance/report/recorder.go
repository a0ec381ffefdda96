package report

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Recorder puts on record what a check saw, and keeps the secret out of it.
type Recorder struct {
	// URL is the endpoint.
	URL string
	// Secret is replaced wherever it would appear.
	Secret string
	// Bodies collects the files to be written beside the report, by name; nil
	// leaves bodies inside the curl lines.
	Bodies map[string][]byte
}

// shown is how much of a body a report shows, in bytes.
const shown = 2000

// Find adds a finding to what became of a requirement, with the attempts that
// show it, the decisive one last.
func (r *Recorder) Find(into *Requirement, finding Finding, attempts []emitter.Attempt) {
	finding.Expected = r.Redact(finding.Expected)
	finding.Actual = r.Redact(finding.Actual)
	finding.Diagnosis = r.Redact(finding.Diagnosis)
	for _, a := range attempts {
		finding.Evidence = append(finding.Evidence, len(into.Evidence))
		r.Witness(into, a)
	}
	into.Findings = append(into.Findings, finding)
}

// Witness adds an attempt to the evidence on a requirement.
func (r *Recorder) Witness(into *Requirement, a emitter.Attempt) {
	into.Evidence = append(into.Evidence, r.exchange(a, fmt.Sprintf("%s-%d", into.ID, len(into.Evidence)+1)))
}

// exchange records an attempt; name is a file name for its body, without extension.
func (r *Recorder) exchange(a emitter.Attempt, name string) Exchange {
	d := a.Delivery
	e := Exchange{
		Request: Request{
			Method: d.Method, URL: r.Redact(withoutPassword(r.URL)), Headers: r.clean(d.Header),
			Chunked: d.Framing.Chunked, MissingBytes: d.Framing.Missing,
			Body: r.text(d.Body), Bytes: len(d.Body), BodyFile: r.keep(name, d.Body),
			EventID: d.EventID, EventType: d.EventType,
		},
		Seconds: a.Timing.Total.Seconds(),
	}
	if e.Request.Method == "" {
		e.Request.Method = http.MethodPost
	}
	signed := d.Body
	if d.Signed != nil {
		signed = d.Signed
	}
	if e.Request.Signing = recognise(d.Header, r.Secret, signed); e.Request.Signing != nil && d.Signed != nil {
		e.Request.Signing.SignedFile = r.keep(name+".signed", signed)
		if e.Request.Signing.SignedFile == "" {
			e.Request.Signing.Signed = r.text(signed)
		}
	}
	if a.Status != 0 {
		e.Response = &Response{Status: a.Status, Headers: r.clean(a.Header), Body: r.text(a.Body)}
	}
	if a.Err != nil {
		e.Error = r.Redact(a.Err.Error())
	}
	e.Curl = curl(e.Request, d.Body, signed)
	return e
}

// withoutPassword drops the credentials that a URL may carry.
func withoutPassword(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}

func (r *Recorder) clean(h http.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		for _, value := range values {
			out[name] = append(out[name], r.Redact(value))
		}
	}
	return out
}

// text is a body as a report shows it.
func (r *Recorder) text(body []byte) string {
	if !utf8.Valid(body) {
		return r.Redact(fmt.Sprintf("(%d bytes that are not UTF-8) %q", len(body), body[:min(len(body), shown)]))
	}
	text := r.Redact(string(body)) // before it is cut: half a secret is recognised by nobody
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + fmt.Sprintf("… (%d bytes)", len(body))
	}
	return text
}
