package conformance_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// A receiver that runs already is lent to one experiment after another, under a limit
// that spreads their requests: what one has begun may still go on during the next.
func TestCorrectReceiverAtAURLIsConformantUnderALimit(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	const secret = "whsec_url_0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		sink    string
		profile string
	}{
		"seen by its effects and its metrics": {"sink: {eventId: 'body:/eventId', listen: '%s'}", "effects"},
		"seen by its metrics alone":           {"", "wire"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, dir := freePort(t), t.TempDir()
			downstream := "127.0.0.1:" + freePort(t)
			if c.sink == "" {
				server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				defer server.Close()
				downstream = server.Listener.Addr().String()
			} else {
				c.sink = fmt.Sprintf(c.sink, downstream)
			}
			startPython(t, "MONCRENEAU_WEBHOOK_SECRET="+secret, "PORT="+port, "DATA_DIR="+t.TempDir(),
				"RATE_LIMIT=100/10s", "DOWNSTREAM_URL=http://"+downstream+"/effects")
			awaitPort(t, port)
			config := filepath.Join(dir, "hookcheck.yaml")
			write(t, filepath.Join(dir, "secret"), secret)
			write(t, config, fmt.Sprintf(`
receiver: {url: "http://127.0.0.1:%s/webhooks/moncreneau"}
secretFile: secret
observe:
  metrics: {path: /metrics}
  %s
declare: {rateLimit: {requests: 100, window: 10s}}
`, port, c.sink))
			result, code, output := certify(t, "--strict", "--config", config)
			if code != 0 || result.Verdict != report.Conformant || result.Profile != c.profile {
				t.Errorf("exit code %d, %s (%s)\n%s", code, result.Verdict, result.Profile, output)
			}
		})
	}
}

// startPython starts the correct Python receiver until the test ends.
func startPython(t *testing.T, env ...string) {
	t.Helper()
	receiver := exec.Command("python3", "-B", "testdata/receivers/python/receiver.py")
	receiver.Env = append(os.Environ(), env...)
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = receiver.Process.Kill()
		_ = receiver.Wait()
	})
}

// awaitPort waits until something listens on a port of this machine.
func awaitPort(t *testing.T, port string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
