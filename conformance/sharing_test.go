package conformance_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// Instances that take each other's events are no reason to accuse the receiver.
func TestInstancesThatShareAStoreAreToldApartFromAReceiverThatFails(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	for name, c := range map[string]struct {
		store, verdict string
		code           int
	}{
		"one store for all":  {"store.db", report.NoVerdict, 3},
		"one store for each": {"store-{{.Instance}}.db", report.Conformant, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, code, output := certify(t, "--only", "IDEM-02,RET-03,RET-06",
				"--exec", "python3 -B testdata/receivers/outside/receiver.py", "--env", "PORT={{.Port}}",
				"--env", "MONCRENEAU_WEBHOOK_SECRET={{.Secret}}", "--env", "DOWNSTREAM_URL={{.EffectURL}}",
				"--env", "STORE="+filepath.Join(t.TempDir(), c.store))
			if code != c.code || result.Verdict != c.verdict {
				t.Errorf("exit code %d, %s; want %d, %s\n%s", code, result.Verdict, c.code, c.verdict, output)
			}
			if says := strings.Contains(result.Reason, "{{.Instance}}"); says != (c.code != 0) {
				t.Errorf("the reason: %s", result.Reason)
			}
		})
	}
}
