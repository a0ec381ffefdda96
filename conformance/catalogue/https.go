package catalogue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
)

const httpsSection = "Serve the endpoint over HTTPS"

// handshakes are what TLS clients of different strictness made of the endpoint.
type handshakes struct {
	chain, host, old error // nil where the handshake succeeded
	version          uint16
	reached          error // why not even a handshake without any check was possible
}

// handshakeTimeout bounds one handshake.
const handshakeTimeout = 10 * time.Second

var httpsTrial = lab.Define(lab.Plan{Name: "TLS handshakes"}, func(ctx context.Context, r *lab.Run) (h handshakes, err error) {
	u, err := url.Parse(r.URL())
	if err != nil {
		return h, err
	}
	if u.Scheme != "https" {
		return h, nil
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	// A certificate that is not right also ends all deliveries.
	ctx, cancel := lab.DespiteLoss(ctx)
	defer cancel()
	// No check and any version, to judge each of them by itself.
	state, err := handshake(ctx, address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}) //nolint:gosec // see above
	if err != nil {
		h.reached = err
		return h, nil
	}
	h.version = state.Version
	h.chain, h.host = verify(state.PeerCertificates, u.Hostname())
	_, h.old = handshake(ctx, address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}) //nolint:gosec // it should be refused
	return h, nil
})

func handshake(ctx context.Context, address string, cfg *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	cfg.ServerName = host
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

// verify judges the chain and the name apart, where crypto/tls would report
// only the first that fails.
func verify(certificates []*x509.Certificate, host string) (chain, name error) {
	if len(certificates) == 0 {
		missing := errors.New("the server sent no certificate")
		return missing, missing
	}
	intermediates := x509.NewCertPool()
	for _, c := range certificates[1:] {
		intermediates.AddCert(c)
	}
	_, chain = certificates[0].Verify(x509.VerifyOptions{Intermediates: intermediates})
	return chain, certificates[0].VerifyHostname(host)
}

func overHTTPS(cfg config.Config) string {
	if u, err := url.Parse(cfg.Receiver.URL); err == nil && u.Scheme == "https" {
		return ""
	}
	return "the receiver is not reached over https"
}

func https() []Requirement {
	judged := func(judge func(h handshakes, j *Judgement)) check {
		return from(httpsTrial, func(h handshakes, j *Judgement) {
			if h.reached != nil {
				j.Require(false, "a TLS handshake", h.reached.Error())
				return
			}
			judge(h, j)
		})
	}
	return []Requirement{
		{
			ID: "TLS-01", Level: Must, Guide: httpsSection, Applies: overHTTPS,
			Title: "The certificate leads to a root that is trusted, and is in its time",
			Why:   "moncreneau refuses to deliver to an endpoint that it cannot authenticate. A missing intermediate works in your browser, which remembers it, and nowhere else.",
			Mend:  "Serve the full chain (fullchain.pem), and renew certificates automatically.",
			check: judged(func(h handshakes, j *Judgement) {
				j.Require(h.chain == nil, "a chain to a root of this machine", fmt.Sprint(h.chain))
			}),
		},
		{
			ID: "TLS-02", Level: Must, Guide: httpsSection, Applies: overHTTPS,
			Title: "The certificate is for the host of the URL",
			Why:   "A certificate for another name proves nothing about this one.",
			Mend:  "Have the name of the URL among the certificate's subject alternative names.",
			check: judged(func(h handshakes, j *Judgement) {
				j.Require(h.host == nil, "the URL's host among the certificate's names", fmt.Sprint(h.host))
			}),
		},
		{
			ID: "TLS-03", Level: Must, Guide: httpsSection, Applies: overHTTPS,
			Title: "TLS 1.2 or later is spoken, and nothing older",
			Why:   "TLS 1.0 and 1.1 are deprecated (RFC 8996).",
			Mend:  "Set the least version of your server or proxy to TLS 1.2.",
			check: judged(func(h handshakes, j *Judgement) {
				j.Require(h.version >= tls.VersionTLS12, "TLS 1.2 or later", tls.VersionName(h.version))
				j.Require(h.old != nil, "a refused handshake with TLS 1.1", "it succeeded")
			}),
		},
	}
}
