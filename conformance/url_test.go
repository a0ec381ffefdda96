package conformance_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// A receiver that runs already is lent to one experiment after another, under a limit
// that spreads their requests: what one has begun may still go on during the next.
func TestCorrectReceiverAtAURLIsConformantWithEffectsMetricsAndALimit(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	const secret = "whsec_url_0123456789abcdef0123456789abcdef"
	port, sinkPort, dir := freePort(t), freePort(t), t.TempDir()
	receiver := exec.Command("python3", "-B", "testdata/receivers/python/receiver.py")
	receiver.Env = append(os.Environ(), "MONCRENEAU_WEBHOOK_SECRET="+secret, "PORT="+port, "DATA_DIR="+t.TempDir(),
		"RATE_LIMIT=100/10s", "DOWNSTREAM_URL=http://127.0.0.1:"+sinkPort+"/effects")
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = receiver.Process.Kill()
		_ = receiver.Wait()
	}()
	awaitPort(t, port)
	config := filepath.Join(dir, "hookcheck.yaml")
	write(t, filepath.Join(dir, "secret"), secret)
	write(t, config, fmt.Sprintf(`
receiver: {url: "http://127.0.0.1:%s/webhooks/moncreneau"}
secretFile: secret
observe:
  sink: {eventId: "body:/eventId", listen: "127.0.0.1:%s"}
  metrics: {path: /metrics}
declare: {rateLimit: {requests: 100, window: 10s}}
`, port, sinkPort))
	result, code, output := certify(t, "--strict", "--config", config)
	if code != 0 || result.Verdict != report.Conformant || result.Profile != "effects" {
		t.Errorf("exit code %d, %s (%s)\n%s", code, result.Verdict, result.Profile, output)
	}
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
