package reference

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("whsec_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "MONCRENEAU_WEBHOOK_SECRET"
	tests := []struct {
		name  string
		env   map[string]string
		check func(Config) bool
		err   string // part of it
	}{
		{"needs a secret", nil, nil, secret},
		{"has the guide's defaults", map[string]string{secret: "s"}, func(c Config) bool {
			return c.RateLimit == RateLimit{100, time.Minute} && c.Retry == Retry{3, 2 * time.Second} && c.Host == "127.0.0.1" && c.Port == 8080
		}, ""},
		{"reads a secret from a file", map[string]string{secret + "_FILE": file}, func(c Config) bool {
			return len(c.Secrets) == 1 && c.Secrets[0] == "whsec_file"
		}, ""},
		{"takes two secrets", map[string]string{secret: "new", secret + "_PREVIOUS": "old"}, func(c Config) bool {
			return len(c.Secrets) == 2 && c.Secrets[1] == "old"
		}, ""},
		{"refuses a secret in both places", map[string]string{secret: "s", secret + "_FILE": file}, nil, "not both"},
		{"refuses a secret file that is missing", map[string]string{secret + "_FILE": file + "x"}, nil, secret + "_FILE"},
		{"takes no rate limit", map[string]string{secret: "s", "RATE_LIMIT": "none"}, func(c Config) bool { return c.RateLimit == RateLimit{} }, ""},
		{"takes networks and addresses", map[string]string{secret: "s", "ALLOWLIST": "41.223.45.0/24, 41.223.46.9"}, func(c Config) bool {
			return len(c.Allowlist) == 2 && c.Allowlist[1].String() == "41.223.46.9/32"
		}, ""},
		{"names everything that is wrong at once", map[string]string{secret: "s", "PORT": "http", "RATE_LIMIT": "many"}, nil, "PORT: expected a whole number from 0 to 65535\nRATE_LIMIT"},
		{"refuses a network that is none", map[string]string{secret: "s", "TRUSTED_PROXIES": "proxy"}, nil, "TRUSTED_PROXIES"},
		{"refuses a duration without a unit", map[string]string{secret: "s", "RETRY_BACKOFF": "2"}, nil, "RETRY_BACKOFF"},
		{"refuses a URL without a scheme", map[string]string{secret: "s", "DOWNSTREAM_URL": "localhost:1"}, nil, "DOWNSTREAM_URL"},
		{"refuses half of a certificate", map[string]string{secret: "s", "TLS_CERT_FILE": "x"}, nil, "both or neither"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := ConfigFromEnv(func(name string) (string, bool) { v, ok := test.env[name]; return v, ok })
			switch {
			case test.err == "" && err != nil:
				t.Error(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("error %v, want it to contain %q", err, test.err)
			case test.check != nil && !test.check(config):
				t.Errorf("configuration: %+v", config)
			}
		})
	}
}
