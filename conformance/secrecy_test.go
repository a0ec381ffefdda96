package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A receiver that ends at once has its last words printed, and those may hold
// anything.
func TestTheLastWordsOfAReceiverNeitherTellTheSecretNorCommandTheTerminal(t *testing.T) {
	t.Parallel()
	const secret = "whsec_that_the_user_has_configured"
	file := filepath.Join(t.TempDir(), "hookcheck.yaml")
	text := `
secret: ` + secret + `
receiver:
  exec: [sh, -c, 'printf "\033[2Jthe key is %s\n" "$KEY"; exit 3']
  env: {KEY: "{{.Secret}}", PORT: "{{.Port}}"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	result, code, out := certify(t, "--config", file)
	if code != 3 || !strings.Contains(out, `\x1b[2Jthe key is [secret]`) {
		t.Errorf("exit code %d, want 3 and the receiver's last words, harmless, in\n%q", code, out)
	}
	for what, text := range map[string]string{"the output": out, "the report": result.Reason} {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the secret: %s", what, text)
		}
	}
	if !strings.Contains(result.Reason, "[secret]") {
		t.Errorf("the report's reason is %q", result.Reason)
	}
}
