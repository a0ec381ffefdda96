package conformance_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheEndpointsCertificateAndVersionsAreJudged serves with the certificate of
// net/http/httptest, which is for 127.0.0.1 and example.com and signed by itself.
func TestTheEndpointsCertificateAndVersionsAreJudged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		versions [2]uint16 // least and latest, 0 for the default
		host     string
		trusted  bool
		failed   []string
		says     []string
		code     int
	}{
		"trusted, for this host, TLS 1.3":   {[2]uint16{}, "127.0.0.1", true, nil, nil, 0},
		"trusted, for this host, TLS 1.2":   {[2]uint16{0, tls.VersionTLS12}, "127.0.0.1", true, nil, nil, 0},
		"a chain that leads nowhere":        {[2]uint16{}, "127.0.0.1", false, []string{"TLS-01"}, []string{"unknown authority"}, 1},
		"another host's certificate":        {[2]uint16{}, "localhost", true, []string{"TLS-02"}, []string{"not localhost"}, 1},
		"TLS 1.0 and later":                 {[2]uint16{tls.VersionTLS10, 0}, "127.0.0.1", true, []string{"TLS-03"}, []string{"a refused handshake with TLS 1.1"}, 1},
		"TLS 1.1 and nothing else":          {[2]uint16{tls.VersionTLS10, tls.VersionTLS11}, "127.0.0.1", true, []string{"TLS-03"}, []string{"TLS 1.2 or later", "TLS 1.1"}, 1},
		"no TLS at all behind an https URL": {[2]uint16{1, 1}, "127.0.0.1", true, []string{"TLS-01", "TLS-02", "TLS-03"}, []string{"a TLS handshake"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes are meant to fail
			if c.versions == [2]uint16{1, 1} {
				server.Start()
			} else {
				server.TLS = &tls.Config{MinVersion: c.versions[0], MaxVersion: c.versions[1]}
				server.StartTLS()
			}
			defer server.Close()
			_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
			roots := filepath.Join(t.TempDir(), "roots.pem")
			var pemText []byte
			if c.trusted && server.Certificate() != nil {
				pemText = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			}
			if err := os.WriteFile(roots, pemText, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Logf("https://%s:%s", c.host, port)
			run := hookcheck(t, nil, "certify", "--quiet", "--only", "https", "--url", "https://"+c.host+":"+port+"/hooks")
			run.cmd.Env = append(run.cmd.Env, "MONCRENEAU_WEBHOOK_SECRET=whsec_for_tests", "SSL_CERT_FILE="+roots, "SSL_CERT_DIR=/nowhere")
			code, output := run.run(t)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			var failed []string
			for _, id := range []string{"TLS-01", "TLS-02", "TLS-03"} {
				if strings.Contains(output, "✗ "+id) {
					failed = append(failed, id)
				}
			}
			if !slices.Equal(failed, c.failed) {
				t.Errorf("failed: %v, want %v", failed, c.failed)
			}
			for _, want := range c.says {
				if !strings.Contains(output, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if t.Failed() {
				t.Log(output)
			}
		})
	}
}

func TestNothingIsDeliveredToAnEndpointThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	delivered := make(chan struct{}, 1000)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { delivered <- struct{}{} }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	run := hookcheck(t, nil, "certify", "--quiet", "--url", server.URL+"/hooks")
	run.cmd.Env = append(run.cmd.Env, "MONCRENEAU_WEBHOOK_SECRET=whsec_for_tests")
	code, output := run.run(t)
	if code != 1 || !strings.Contains(output, "✗ TLS-01") || strings.Count(output, "✗ ") != 2 || !strings.Contains(output, "was not delivered to (tls: failed to verify certificate: x509: certificate signed by unknown authority): see TLS-01") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if len(delivered) > 0 {
		t.Errorf("%d deliveries were made", len(delivered))
	}
}
