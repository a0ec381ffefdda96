package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/report"
)

// countFiles prints whether the Python receiver has an event among its done ones.
const countFiles = `test -e "$DATA_DIR/done/$(printf %s "$0" | sha256sum | cut -c -64)"; echo $((1 - $?))`

// pythonObserved is the configuration of the correct Python receiver without the
// effect sink.
func pythonObserved(t *testing.T, observe string) (path string) {
	t.Helper()
	needs(t, "python3")
	receiver, err := filepath.Abs("testdata/receivers/python/receiver.py")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "hookcheck.yaml")
	text := fmt.Sprintf(`
receiver:
  exec: [python3, -B, %s]
  ready: /healthz
  env:
    MONCRENEAU_WEBHOOK_SECRET: "{{.Secret}}"
    PORT: "{{.Port}}"
    DATA_DIR: "{{.DataDir}}"
    RATE_LIMIT: "{{.RateLimit.Requests}}/{{.RateLimit.Window}}"
observe:
  %s
`, receiver, observe)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEachObserverAloneDecidesWhatItCan(t *testing.T) {
	t.Parallel()
	// What only the sink can show, because it also has to misbehave, or to keep the receiver working.
	sink := []string{"ACK-02", "ACK-05", "ACK-06", "ACK-07", "IDEM-07", "RET-01", "RET-02", "RET-03", "RET-04", "RET-05", "RET-06", "RET-07", "RET-08", "RET-09", "MET-04"}
	metrics := []string{"MET-01", "MET-02", "MET-03", "MET-05", "MET-06"}
	logs := []string{"LOG-01", "LOG-02", "LOG-03"}
	for name, c := range map[string]struct {
		observe string
		unseen  [][]string
	}{
		"logs":    {"logs: json", [][]string{sink, metrics}},
		"command": {fmt.Sprintf("command: {exec: [sh, -c, %q, \"{{.EventID}}\"]}", countFiles), [][]string{sink, metrics, logs}},
		"metrics": {"metrics: {path: /metrics}", [][]string{sink, logs, {"MET-06"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, code, output := certify(t, "--config", pythonObserved(t, c.observe))
			if code != 0 {
				t.Errorf("exit code %d\n%s", code, output)
			}
			want := slices.Sorted(slices.Values(slices.Concat(c.unseen...)))
			if got := slices.Sorted(slices.Values(withStatus(result, report.NotObserved))); !slices.Equal(got, want) {
				t.Errorf("not observed: %v\nwant          %v", got, want)
			}
			for _, id := range want {
				if r, _ := result.Requirement(id); !strings.HasPrefix(r.Reason, "it takes ") {
					t.Errorf("%s does not say what would show it: %s", id, r.Reason)
				}
			}
		})
	}
}

func TestObserversThatDisagreeAreFindings(t *testing.T) {
	t.Parallel()
	for observe, want := range map[string][]string{
		"logs: json\n  metrics: {path: /metrics}": nil,
		// The log says it twice: when the event is accepted and when it is processed.
		"metrics: {path: /metrics}\n  logs: {processed: accepted|processed$}": {"MET-06"},
		// The metric counts duplicates as well, as the guide's received total may.
		"logs: json\n  metrics: {processed: webhooks_received_total}":              {"MET-03", "MET-06"},
		"logs: {processed: accepted|processed$}\n  command: {exec: [echo, \"1\"]}": {"LOG-04"},
	} {
		result, code, output := certify(t, "--strict", "--only", "MET-03,MET-06,LOG-04", "--config", pythonObserved(t, observe))
		if got := failures(result); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) || code != min(len(want), 1) {
			t.Errorf("%s: exit code %d, failed %v, want %v\n%s", observe, code, got, want, output)
		}
	}
}

func TestTheAllowlistIsJudgedAsItsTrustedProxySeesIt(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	for name, c := range map[string]struct {
		env  []string
		want []string
	}{
		"as it should be":                    {[]string{"ALLOWLIST=41.223.45.0/24,41.223.46.0/24", "TRUSTED_PROXIES=127.0.0.1/32"}, nil},
		"there is none":                      {nil, []string{"SEC-03", "SEC-04"}},
		"it believes whatever is forwarded":  {[]string{"ALLOWLIST=41.223.45.0/24", "TRUSTED_PROXIES=0.0.0.0/0"}, []string{"SEC-04"}},
		"it believes no proxy, so knows one": {[]string{"ALLOWLIST=41.223.45.0/24"}, []string{"SEC-03"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := pythonObserved(t, "logs: json\ndeclare:\n  allowlist: {cidrs: [41.223.45.0/24]}")
			args := []string{"--only", "SEC-03,SEC-04", "--config", path}
			if c.want == nil {
				args = args[2:] // the whole, to see that every other request comes from where it may
			}
			for _, variable := range c.env {
				args = append(args, "--env", variable)
			}
			result, code, output := certify(t, args...)
			if got := failures(result); !slices.Equal(got, c.want) || code != min(len(c.want), 1) {
				t.Errorf("exit code %d, failed %v, want %v\n%s", code, got, c.want, output)
			}
		})
	}
}

func withStatus(result report.Report, status string) (ids []string) {
	for _, r := range result.Requirements {
		if r.Status == status {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// A receiver that really allows no more than 100 requests a minute, however it
// counts: every experiment has to keep to that, and none may take an answer 429
// for something else.
func TestTheGuidesRateLimitIsKeptWhereItCannotBeSet(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the window of a minute")
	}
	t.Parallel()
	for name, program := range map[string]string{"python": "python3", "node": "node"} { // a token bucket, and a fixed window
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, program)
			result, code, output := certify(t, "--strict", "--config", filepath.Join("testdata/receivers", name, "hookcheck.yaml"), "--env", "RATE_LIMIT=100/1m")
			if code != 0 || len(failures(result)) > 0 {
				t.Errorf("exit code %d, failed: %v\n%s", code, failures(result), output)
			}
			t.Logf("it took %.0f s; the longest wait was %.0f s for %s", result.DurationSeconds, result.LongestWait.Seconds, result.LongestWait.For)
		})
	}
}
