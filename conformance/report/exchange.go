package report

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// Recorder turns attempts into exchanges, keeping the secret out of them.
type Recorder struct {
	// URL is the endpoint.
	URL string
	// Secret is replaced wherever it would appear.
	Secret string
	// Bodies collects the files to be written beside the report, by name; nil
	// leaves bodies inside the curl lines.
	Bodies map[string][]byte
}

// shown is how much of a body a report shows.
const shown = 2000

// Exchange records an attempt; name is a file name for its body, without extension.
func (r *Recorder) Exchange(a emitter.Attempt, name string) Exchange {
	method := a.Delivery.Method
	if method == "" {
		method = http.MethodPost
	}
	e := Exchange{
		Request: Request{
			Method: method, URL: r.URL, Headers: r.clean(a.Delivery.Header),
			Body: r.text(a.Delivery.Body), Bytes: len(a.Delivery.Body),
			EventID: a.Delivery.EventID, EventType: a.Delivery.EventType,
		},
		Seconds: a.Timing.Total.Seconds(),
	}
	if a.Status != 0 {
		e.Response = &Response{Status: a.Status, Headers: r.clean(a.Header), Body: r.text(a.Body)}
	}
	if a.Err != nil {
		e.Error = r.redact(a.Err.Error())
	}
	if r.Bodies != nil {
		e.Request.BodyFile = path.Join("bodies", name+".json")
		r.Bodies[e.Request.BodyFile] = a.Delivery.Body
	}
	e.Curl = r.curl(a, e.Request, name)
	return e
}

func (r *Recorder) redact(text string) string {
	if r.Secret == "" {
		return text
	}
	return strings.ReplaceAll(text, r.Secret, "[secret]")
}

func (r *Recorder) clean(h http.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		for _, value := range values {
			out[name] = append(out[name], r.redact(value))
		}
	}
	return out
}

func (r *Recorder) text(body []byte) string {
	cut := body
	if len(cut) > shown {
		cut = cut[:shown]
	}
	if !utf8.Valid(body) {
		return fmt.Sprintf("(%d bytes that are not UTF-8) %q", len(body), cut)
	}
	text := r.redact(strings.ToValidUTF8(string(cut), ""))
	if len(body) > shown {
		text += fmt.Sprintf("… (%d bytes)", len(body))
	}
	return text
}
