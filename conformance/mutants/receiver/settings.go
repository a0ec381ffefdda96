package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings is what the environment says. Durations are Go's: 250ms, 2s, 1m0s.
type settings struct {
	mutant            string // the defect, or none
	secret            string
	address           string
	dataDir           string
	downstreamURL     string
	downstreamTimeout time.Duration
	requests          int           // that a window admits; 0 is no limit
	window            time.Duration // length of the rate limit's window
	attempts          int           // the first one included
	backoff           time.Duration // before the second attempt; doubles from there
	allowlist         []netip.Prefix
	trustedProxies    []netip.Prefix
	certFile, keyFile string        // for TLS
	slow              time.Duration // how slow the mutants are that are slow
}

func settingsFromEnvironment() (s settings, err error) {
	get := func(name, otherwise string) string {
		if value, ok := os.LookupEnv(name); ok {
			return value
		}
		return otherwise
	}
	duration := func(name, otherwise string) time.Duration {
		d, problem := time.ParseDuration(get(name, otherwise))
		if problem != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, problem))
		}
		return d
	}
	s = settings{
		mutant:            get("MUTANT", ""),
		secret:            get("MONCRENEAU_WEBHOOK_SECRET", ""),
		address:           net.JoinHostPort(get("HOST", "127.0.0.1"), get("PORT", "8080")),
		dataDir:           get("DATA_DIR", "."),
		downstreamURL:     get("DOWNSTREAM_URL", ""),
		downstreamTimeout: duration("DOWNSTREAM_TIMEOUT", "5s"),
		backoff:           duration("RETRY_BACKOFF", "2s"),
		certFile:          get("TLS_CERT_FILE", ""),
		keyFile:           get("TLS_KEY_FILE", ""),
		slow:              duration("SLOW", "6s"),
	}
	if s.secret == "" {
		err = errors.Join(err, errors.New("MONCRENEAU_WEBHOOK_SECRET is not set"))
	}
	var problem error
	if s.attempts, problem = strconv.Atoi(get("RETRY_ATTEMPTS", "3")); problem != nil {
		err = errors.Join(err, fmt.Errorf("RETRY_ATTEMPTS: %w", problem))
	}
	if limit := get("RATE_LIMIT", "100/1m"); limit != "none" {
		requests, window, _ := strings.Cut(limit, "/")
		s.requests, problem = strconv.Atoi(requests)
		if problem != nil {
			err = errors.Join(err, fmt.Errorf("RATE_LIMIT: %w", problem))
		}
		if s.window, problem = time.ParseDuration(window); problem != nil {
			err = errors.Join(err, fmt.Errorf("RATE_LIMIT: %w", problem))
		}
	}
	if s.allowlist, problem = prefixes(get("ALLOWLIST", "")); problem != nil {
		err = errors.Join(err, fmt.Errorf("ALLOWLIST: %w", problem))
	}
	if s.trustedProxies, problem = prefixes(get("TRUSTED_PROXIES", "")); problem != nil {
		err = errors.Join(err, fmt.Errorf("TRUSTED_PROXIES: %w", problem))
	}
	return s, err
}

func prefixes(text string) (out []netip.Prefix, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, err
		}
		out = append(out, prefix)
	}
	return out, nil
}
