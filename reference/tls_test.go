package reference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestANewCertificateIsTakenWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	clock := clockwork.NewFakeClock()
	written := time.Unix(1_000_000, 0)
	write := func(serial int64) {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		keyBytes, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		written = written.Add(time.Minute)
		for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyBytes}} {
			if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, written, written); err != nil {
				t.Fatal(err)
			}
		}
	}
	serial := func(c *certificate) int64 {
		t.Helper()
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}

	if _, err := loadCertificate(certFile, keyFile, clock); err == nil {
		t.Error("no error for files that are missing")
	}
	write(1)
	c, err := loadCertificate(certFile, keyFile, clock)
	if err != nil {
		t.Fatal(err)
	}
	write(2)
	if got := serial(c); got != 1 {
		t.Errorf("serial %d at once, want 1: the files were just read", got)
	}
	clock.Advance(lookAgain)
	if got := serial(c); got != 2 {
		t.Errorf("serial %d after a while, want 2", got)
	}
	if err := os.WriteFile(keyFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.Advance(lookAgain)
	if got := serial(c); got != 2 {
		t.Errorf("serial %d while the key is broken, want 2", got)
	}
}
