package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/emitter"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

// The secret of the run, and that of whoever repeats it somewhere else.
const (
	runSecret   = "whsec_0123456789abcdef0123456789abcdef01234567"
	otherSecret = "whsec_a quote ' a dollar $HOME and a \\ in it"
)

// repetition is a delivery and what has to arrive when it is repeated with
// another secret than the run's.
type repetition struct {
	name       string
	sent, want emitter.Delivery
}

func genuine(secret string, body []byte) emitter.Delivery {
	return emitter.NewDelivery(fixtures.Event{ID: "evt_1", Type: "appointment.created", Body: body}, secret, "dlv_1")
}

// repetitions are every forgery, and whatever a shell could stumble over.
func repetitions() (all []repetition) {
	add := func(name string, build func(secret string) emitter.Delivery) {
		all = append(all, repetition{name, build(runSecret), build(otherSecret)})
	}
	event := fixtures.NewGenerator(7).Event("appointment.updated").Body
	for _, kind := range fault.BadSignatureKinds() {
		add(string(kind), func(secret string) emitter.Delivery {
			d := genuine(secret, event)
			fault.BadSignature{Kind: kind}.Apply(&d, secret)
			return d
		})
		r := &all[len(all)-1]
		if wrongForAnybody := []string{"other-secret", "two-headers", "other-body", "empty-body"}; slices.Contains(wrongForAnybody, string(kind)) {
			r.want = r.sent // no secret makes it right, so there is nothing to sign afresh
		}
	}
	for _, b := range []struct {
		name string
		body []byte
	}{
		{"a genuine event", event},
		{"a body with quotes and variables", []byte(`{"a":"it's $HOME \"quoted\" %s \\n ` + "`id`" + `"}`)},
		{"a body with a line feed at the end", append(slices.Clone(event), '\n')},
		{"a body of all 256 bytes", everyByte()},
		{"a body that begins with @", []byte("@/etc/hostname")},
		{"an empty body", []byte{}},
		{"a body beyond ASCII", []byte(`{"name":"Aïssatou Ngoué 🌍"}`)},
	} {
		add(b.name, func(secret string) emitter.Delivery { return genuine(secret, b.body) })
	}
	add("an oversize body", func(secret string) emitter.Delivery {
		return genuine(secret, append(bytes.Repeat([]byte("x"), 1<<20), '!'))
	})
	add("the first 32 digits, in two headers of which one is right", func(secret string) emitter.Delivery {
		d := genuine(secret, event)
		right := d.Header[emitter.HeaderSignature][0]
		d.Header[emitter.HeaderSignature] = []string{right[:len("sha256=")+32], right}
		return d
	})
	add("a digest whose key lacks whsec_", func(secret string) emitter.Delivery {
		d := genuine(secret, event)
		d.Header[emitter.HeaderSignature] = []string{fixtures.Sign(strings.TrimPrefix(secret, "whsec_"), event)}
		return d
	})
	add("another method and content type, and a header name in small letters", func(secret string) emitter.Delivery {
		d := genuine(secret, event)
		d.Method = http.MethodDelete
		d.Header["content-type"], d.Header["Content-Type"] = []string{"text/plain; it's"}, nil
		delete(d.Header, "Content-Type")
		return d
	})
	add("no content type, in chunks", func(secret string) emitter.Delivery {
		d := genuine(secret, event)
		delete(d.Header, "Content-Type")
		d.Framing.Chunked = true
		return d
	})
	return all
}

func everyByte() (all []byte) {
	for b := range 256 {
		all = append(all, byte(b))
	}
	return all
}

// arrival is what a server saw.
type arrival struct {
	method string
	header http.Header
	body   []byte
}

func server(t *testing.T) (url string, arrived chan arrival) {
	arrived = make(chan arrival, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the body: %v", err)
		}
		if r.URL.RawQuery != "" && (r.URL.Query().Get("b") != "$c" || r.URL.Query().Get("d") != "it's!") {
			t.Errorf("query %s", r.URL.RawQuery)
		}
		arrived <- arrival{r.Method, r.Header, body}
	}))
	t.Cleanup(s.Close)
	return s.URL, arrived
}

func (a arrival) compare(t *testing.T, want emitter.Delivery) {
	t.Helper()
	if a.method != want.Method {
		t.Errorf("method %s, want %s", a.method, want.Method)
	}
	if !bytes.Equal(a.body, want.Body) {
		t.Errorf("body of %d bytes %.200q, want %d bytes %.200q", len(a.body), a.body, len(want.Body), want.Body)
	}
	for name, values := range want.Header {
		if got := a.header.Values(name); !slices.Equal(got, values) {
			t.Errorf("%s: %q, want %q", name, got, values)
		}
	}
	typed := func(h http.Header) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(h)), func(name string) bool { return strings.EqualFold(name, "Content-Type") })
	}
	if typed(a.header) && !typed(want.Header) {
		t.Errorf("a content type that was not sent: %q", a.header.Get("Content-Type"))
	}
	if len(want.Header[emitter.HeaderSignature]) == 0 && a.header[emitter.HeaderSignature] != nil {
		t.Errorf("a signature that was not sent: %q", a.header[emitter.HeaderSignature])
	}
}

// record records d in a folder, or in the exchange alone where dir is "".
func record(t *testing.T, dir, url string, d emitter.Delivery) Exchange {
	t.Helper()
	r := Recorder{URL: url, Secret: runSecret}
	if dir != "" {
		r.Bodies = map[string][]byte{}
	}
	var requirement Requirement
	requirement.ID = "SIG-00"
	r.Witness(&requirement, emitter.Attempt{Delivery: d, Status: 200})
	for name, body := range r.Bodies {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return requirement.Evidence[0]
}

func TestCurlLinesSendTheRequestAgainFreshlySigned(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "openssl", "gunzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("CI runs the curl lines, and for that needs %s: %v", tool, err)
			}
			t.Skipf("the curl lines need %s: %v", tool, err)
		}
	}
	shells := []string{"sh"}
	if _, err := exec.LookPath("bash"); err == nil {
		shells = append(shells, "bash") // which is what most people paste into
	}
	for _, r := range repetitions() {
		for _, form := range []string{"body in a file", "body in the line"} {
			t.Run(r.name+", "+form, func(t *testing.T) {
				url, arrived := server(t)
				dir := ""
				if form == "body in a file" {
					dir = t.TempDir()
				}
				e := record(t, dir, url+"/a?b=$c&d=it's!", r.sent)
				if e.Curl == "" && dir == "" && len(r.sent.Body) > inlineAtMost {
					return // documented: too large for a line
				}
				for _, name := range shells {
					shell := exec.Command(name, "-c", e.Curl)
					shell.Dir = dir
					shell.Env = append(os.Environ(), "MONCRENEAU_WEBHOOK_SECRET="+otherSecret, "HOOKCHECK_URL=", "NO_PROXY=*")
					out, err := shell.CombinedOutput()
					if err != nil {
						t.Fatalf("%s\n%s: %v\n%s", e.Curl, name, err, out)
					}
					if !strings.HasPrefix(string(out), "HTTP/1.1 200") {
						t.Errorf("output %q", out)
					}
					(<-arrived).compare(t, r.want)
				}
				if t.Failed() {
					t.Log(e.Curl)
				}
			})
		}
	}
}

func TestCurlLineSaysThatTheSecretIsMissing(t *testing.T) {
	e := record(t, "", "http://127.0.0.1:1/", genuine(runSecret, []byte("{}")))
	shell := exec.Command("sh", "-c", e.Curl)
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := shell.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "MONCRENEAU_WEBHOOK_SECRET") || strings.Contains(string(out), "curl") {
		t.Errorf("want the shell's complaint about MONCRENEAU_WEBHOOK_SECRET and nothing sent, got %v\n%s", err, out)
	}
}

func TestRequestsAreRepeatedFreshlySigned(t *testing.T) {
	for _, r := range repetitions() {
		for _, form := range []string{"body in a file", "body in the report"} {
			t.Run(r.name+", "+form, func(t *testing.T) {
				dir := ""
				if form == "body in a file" {
					dir = t.TempDir()
				}
				e := record(t, dir, "http://127.0.0.1/", r.sent)
				d, err := e.Request.Delivery(dir, otherSecret)
				if err != nil {
					if dir == "" && strings.Contains(err.Error(), "--report") {
						return // a body that a report without files cannot hold
					}
					t.Fatal(err)
				}
				url, arrived := server(t)
				if a := (&emitter.Emitter{URL: url}).Send(t.Context(), d); a.Err != nil {
					t.Fatal(a.Err)
				}
				(<-arrived).compare(t, r.want)
			})
		}
	}
}

func TestBodiesAreReadFromTheReportsFolderOnly(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.json")
	inside := filepath.Join(dir, "report")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outside, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside.json", outside, "missing.json"} {
		if _, err := (Request{BodyFile: name, Bytes: 2}).Delivery(inside, runSecret); err == nil {
			t.Errorf("%s was read", name)
		} else if !strings.Contains(err.Error(), "bodies of the report") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleAnswers_Accept() {
	accepted := Answers{"2xx", "401", NoAnswer}
	fmt.Println(accepted.Accept(204), accepted.Accept(401), accepted.Accept(0), accepted.Accept(500))
	// Output: true true true false
}
