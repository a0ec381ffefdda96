package reference

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config is everything that can be set. ConfigFromEnv reads it from the environment
// and fills in the defaults.
type Config struct {
	Secrets           []string // the current one, and while it is changed the previous one
	Host              string   // 127.0.0.1 by default
	Port              int      // 8080 by default; 0 takes a free one
	DataDir           string   // for SQLite; ./data by default
	DatabaseURL       string   // postgres://…; empty means SQLite
	DownstreamURL     string   // what the example handler calls; empty for nothing
	DownstreamTimeout time.Duration
	AppointmentsDB    string    // a file that the example handler keeps appointments in; empty for none
	SMTPAddress       string    // the mail server that the example handler uses, host:port; empty for none
	RateLimit         RateLimit // 100 a minute by default
	Retry             Retry
	Allowlist         []netip.Prefix // who may send; empty for everyone
	TrustedProxies    []netip.Prefix // whose X-Forwarded-For is believed
	TLSCertFile       string         // PEM; with TLSKeyFile the receiver speaks HTTPS
	TLSKeyFile        string
	MaxBody           int           // in bytes; 256 KiB by default
	Workers           int           // attempts at the same time; 64 by default
	AttemptTimeout    time.Duration // how long one may take; 30s by default
	Retention         time.Duration // how long the id of a processed event is remembered; 90 days by default
	ShutdownTimeout   time.Duration // how long running attempts get; 10s by default
	Tracing           bool          // to the OpenTelemetry collector of the environment
}

// ConfigFromEnv reads the configuration with a function like os.LookupEnv. Its error
// names every variable that is wrong, and never repeats the value of a secret.
func ConfigFromEnv(lookup func(string) (string, bool)) (Config, error) {
	e := environment{lookup: lookup}
	config := Config{
		Secrets:           e.secrets("MONCRENEAU_WEBHOOK_SECRET"),
		Host:              e.text("HOST", "127.0.0.1"),
		Port:              e.number("PORT", 8080, 0, math.MaxUint16),
		DataDir:           e.text("DATA_DIR", "data"),
		DatabaseURL:       e.text("DATABASE_URL", ""),
		DownstreamURL:     e.url("DOWNSTREAM_URL"),
		DownstreamTimeout: e.duration("DOWNSTREAM_TIMEOUT", 5*time.Second),
		AppointmentsDB:    e.text("APPOINTMENTS_DB", ""),
		SMTPAddress:       e.text("SMTP_ADDRESS", ""),
		RateLimit:         e.rateLimit("RATE_LIMIT", "100/1m"),
		Retry: Retry{
			Attempts: e.number("RETRY_ATTEMPTS", 3, 1, 100),
			Backoff:  e.duration("RETRY_BACKOFF", 2*time.Second),
		},
		Allowlist:       e.networks("ALLOWLIST"),
		TrustedProxies:  e.networks("TRUSTED_PROXIES"),
		TLSCertFile:     e.text("TLS_CERT_FILE", ""),
		TLSKeyFile:      e.text("TLS_KEY_FILE", ""),
		MaxBody:         e.number("MAX_BODY_BYTES", 256<<10, 1, 64<<20),
		Workers:         e.number("WORKERS", 64, 1, 10_000),
		AttemptTimeout:  e.duration("ATTEMPT_TIMEOUT", 30*time.Second),
		Retention:       e.duration("RETENTION", 90*24*time.Hour),
		ShutdownTimeout: e.duration("SHUTDOWN_TIMEOUT", 10*time.Second),
		Tracing:         e.tracing(),
	}
	if (config.TLSCertFile == "") != (config.TLSKeyFile == "") {
		e.wrong("TLS_CERT_FILE, TLS_KEY_FILE", "both or neither")
	}
	return config, errors.Join(e.errs...)
}

// environment collects the errors, so that a person sees all of them at once.
type environment struct {
	lookup func(string) (string, bool)
	errs   []error
}

func (e *environment) wrong(name, expected string) {
	e.errs = append(e.errs, fmt.Errorf("%s: expected %s", name, expected))
}

// text treats an empty variable as one that is not set, as compose files write them.
func (e *environment) text(name, fallback string) string {
	if value, _ := e.lookup(name); value != "" {
		return value
	}
	return fallback
}

func (e *environment) number(name string, fallback, least, most int) int {
	n, err := strconv.Atoi(e.text(name, strconv.Itoa(fallback)))
	if err != nil || n < least || n > most {
		e.wrong(name, fmt.Sprintf("a whole number from %d to %d", least, most))
	}
	return n
}

func (e *environment) duration(name string, fallback time.Duration) time.Duration {
	d, err := time.ParseDuration(e.text(name, fallback.String()))
	if err != nil || d <= 0 {
		e.wrong(name, "a duration such as 2s or 500ms")
	}
	return d
}

func (e *environment) url(name string) string {
	value := e.text(name, "")
	if value == "" {
		return ""
	}
	if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		e.wrong(name, "a URL that begins with http:// or https://")
	}
	return value
}

func (e *environment) rateLimit(name, fallback string) RateLimit {
	value := e.text(name, fallback)
	if value == "none" {
		return RateLimit{}
	}
	requests, window, _ := strings.Cut(value, "/")
	n, errRequests := strconv.Atoi(requests)
	d, errWindow := time.ParseDuration(window)
	if errRequests != nil || errWindow != nil || n < 1 || d <= 0 {
		e.wrong(name, `requests and window such as 100/1m, or "none"`)
	}
	return RateLimit{n, d}
}

func (e *environment) networks(name string) []netip.Prefix {
	var networks []netip.Prefix
	for _, item := range strings.FieldsFunc(e.text(name, ""), func(c rune) bool { return c == ',' || c == ' ' }) {
		network, err := netip.ParsePrefix(item)
		if err != nil {
			address, errAddress := netip.ParseAddr(item)
			if errAddress != nil {
				e.wrong(name, "networks such as 41.223.45.0/24, separated by commas")
				return nil
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

// secrets reads the current and the previous secret, each from the variable or from
// the file that the variable with _FILE names.
func (e *environment) secrets(name string) []string {
	var secrets []string
	if current := e.secret(name); current != "" {
		secrets = append(secrets, current)
	} else if len(e.errs) == 0 {
		e.wrong(name, "the secret of the webhook, whsec_…; or "+name+"_FILE, the name of a file that holds it")
	}
	if previous := e.secret(name + "_PREVIOUS"); previous != "" {
		secrets = append(secrets, previous)
	}
	return secrets
}

func (e *environment) secret(name string) string {
	value, file := e.text(name, ""), e.text(name+"_FILE", "")
	switch {
	case value != "" && file != "":
		e.wrong(name, "either this or "+name+"_FILE, not both")
	case file != "":
		content, err := os.ReadFile(file) // #nosec G304 -- the operator names it
		if err != nil {
			e.errs = append(e.errs, fmt.Errorf("%s_FILE: %w", name, err))
			return ""
		}
		if value = strings.TrimRight(string(content), "\r\n"); value == "" {
			e.wrong(name+"_FILE", "a file that holds the secret, this one is empty")
		}
	}
	return value
}

// StoreConfigFromEnv reads only what OpenStore needs.
func StoreConfigFromEnv(lookup func(string) (string, bool)) (Config, error) {
	e := environment{lookup: lookup}
	config := Config{DataDir: e.text("DATA_DIR", "data"), DatabaseURL: e.text("DATABASE_URL", "")}
	return config, errors.Join(e.errs...)
}
