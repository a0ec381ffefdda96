package reference

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// certificate is a TLS certificate in two PEM files that may be replaced at any time,
// as ACME clients and Kubernetes do. Handshakes see the new one within a few seconds.
type certificate struct {
	certFile, keyFile string
	clock             clockwork.Clock

	mu      sync.Mutex
	current *tls.Certificate
	read    time.Time // when the files were last looked at
	changed time.Time // when they had been written then
}

// lookAgain is how old a look at the files may get.
const lookAgain = 5 * time.Second

func loadCertificate(certFile, keyFile string, clock clockwork.Clock) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, clock: clock}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

// get keeps the certificate it has while the files cannot be read or do not fit
// together: they are seldom replaced both at once.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if c.current != nil && now.Sub(c.read) < lookAgain {
		return c.current, nil
	}
	c.read = now
	changed, err := lastChange(c.certFile, c.keyFile)
	if err == nil && (c.current == nil || !changed.Equal(c.changed)) {
		var loaded tls.Certificate
		if loaded, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.current, c.changed = &loaded, changed
		}
	}
	if c.current == nil {
		return nil, err
	}
	return c.current, nil
}

func lastChange(names ...string) (last time.Time, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return last, err
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}
