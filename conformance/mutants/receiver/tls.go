package main

import (
	"crypto/tls"
	"net"
	"net/http"
)

// listenOn serves until the server is shut down, over TLS where a certificate is given.
func listenOn(server *http.Server, listener net.Listener, s settings) error {
	if s.certFile == "" {
		return server.Serve(listener)
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.mutant == "accepts-tls-1.0" {
		server.TLSConfig.MinVersion = tls.VersionTLS10 //nolint:gosec // the defect
	}
	return server.ServeTLS(listener, s.certFile, s.keyFile)
}
