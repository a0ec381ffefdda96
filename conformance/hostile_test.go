package conformance_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// hostileConfig is as impatient as a test can be.
func hostileConfig(way string) map[string]string {
	return map[string]string{"hookcheck.yaml": fmt.Sprintf(`
receiver:
  exec: [%s, %s]
  ready: /healthz
  env: {PORT: "{{.Port}}", DOWNSTREAM_URL: "{{.EffectURL}}"}
declare: {ack: 1s, rateLimit: none, timeout: 1s, retries: {backoff: 100ms}}
patience: 1s
`, hostile, way)}
}

// hostileBound is how long the worst of them may take: a few dozen requests
// that are answered only by our own timeout.
const hostileBound = 90 * time.Second

func TestReceiversThatMisbehaveAreToldSoOnceAndInTime(t *testing.T) {
	t.Parallel()
	for way, c := range map[string]struct {
		failed []string // these and no others, where given
		says   []string
	}{
		"dies":      {nil, []string{"✗ VAL-17", "ended with exit status 1", "out of memory, or whatever it is that receivers die of"}},
		"garbage":   {[]string{"VAL-17"}, []string{"gave no answer to any of the first 10 requests", "malformed HTTP"}},
		"closes":    {[]string{"VAL-17"}, []string{"gave no answer to any of the first 10 requests", "EOF"}},
		"half":      {[]string{"VAL-17"}, []string{"gave no answer to any of the first 10 requests", "unexpected EOF"}},
		"headers":   {[]string{"VAL-17"}, []string{"headers exceeded 65536 bytes"}},
		"hangs":     {[]string{"VAL-17"}, []string{"none within 3s"}},
		"trickles":  {[]string{"VAL-17"}, []string{"none within 3s"}},
		"throttles": {[]string{"RATE-01"}, []string{"no 429 at all, since no rate limit is declared"}},
		"redirects": {nil, []string{"307 to /webhooks/moncreneau"}},
		"moves":     {nil, []string{"301 to http://127.0.0.1:1/elsewhere"}},
		"fails":     {nil, []string{"an acknowledgement (2xx)", "500 after"}},
		"accepts":   {nil, []string{"not one call reached the effect sink"}},
		"endless":   {nil, []string{"401 (or 403): the signature is not right"}},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			run := hookcheck(t, hostileConfig(way), "certify", "--quiet", "--report", "report")
			code, output := run.run(t)
			if took := time.Since(begin); took > hostileBound {
				t.Errorf("it took %v", took)
			}
			result, _, err := report.Read(filepath.Join(run.dir, "report", "report.json"))
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if code != 1 || result.Verdict != report.NonConformant {
				t.Errorf("exit code %d, %s", code, result.Verdict)
			}
			var failed []string
			for _, r := range result.Requirements {
				if r.Status == report.Failed && r.Required {
					failed = append(failed, r.ID)
				}
			}
			if c.failed != nil && !slices.Equal(failed, c.failed) {
				t.Errorf("it is refused for %v, want %v", failed, c.failed)
			}
			for _, want := range c.says {
				if !strings.Contains(output, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, unwanted := range []string{"panic", "goroutine ", "hookcheck failed", "context canceled", "connection refused"} {
				if strings.Contains(output, unwanted) {
					t.Errorf("it says %q", unwanted)
				}
			}
			if t.Failed() {
				t.Logf("%.8000s", output)
			}
			run.leavesNothing(t)
		})
	}
}

func TestAReceiverAtAURLThatGoesAwayIsToldSoOnce(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	receiver := exec.Command(hostile, "dies")
	receiver.Env = append(os.Environ(), "PORT="+port)
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	defer receiver.Wait() // it ends by itself
	run := hookcheck(t, map[string]string{"hookcheck.yaml": fmt.Sprintf(`
receiver: {url: "http://127.0.0.1:%s/webhooks/moncreneau"}
secret: whsec_known
declare: {ack: 1s, rateLimit: none}
`, port)}, "certify", "--quiet")
	code, output := run.run(t)
	if code != 1 || !strings.Contains(output, "✗ VAL-17") || !strings.Contains(output, "takes no more connections (connect: connection refused)") || strings.Contains(output, "no answer: ") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // it is a TCP address
	return port
}
