package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
)

const whole = `
receiver:
  image: acme/webhooks:1.4
  ready: /healthz
  data: /data
  env:
    MONCRENEAU_WEBHOOK_SECRET: "{{.Secret}}"
    RATE_LIMIT: "{{.RateLimit.Requests}}/{{.RateLimit.Window}}"
observe:
  sink: {eventId: "header:Idempotency-Key"}
  metrics: {path: /stats}
  logs: json
declare:
  ack: 3s
  retries: {attempts: 4}
  rateLimit: {requests: 20}
  allowlist: none
  replay: {exec: [receiver, replay, "{{.EventID}}"]}
waive:
  RATE-03: the gateway in front sets the headers
`

func TestParseKeepsTheDefaultsOfWhatIsLeftOut(t *testing.T) {
	cfg, err := config.Parse("hookcheck.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	if got := cfg.Declare.Retries; got != (config.Retries{Attempts: 4, Backoff: 2 * time.Second, Factor: 2}) {
		t.Errorf("retries: %+v", got)
	}
	if got := cfg.Declare.RateLimit; got != (config.RateLimit{Requests: 20, Window: time.Minute}) {
		t.Errorf("rateLimit: %+v", got)
	}
	if got := *cfg.Observe.Metrics; got.Path != "/stats" || got.Failed != "webhooks_failed_total" {
		t.Errorf("metrics: %+v", got)
	}
	if !cfg.Receiver.RateLimitSettable() {
		t.Error("a rate limit named in env is settable")
	}
	env, err := cfg.Receiver.ExpandEnv(config.Vars{Secret: "whsec_x", RateLimit: config.Limit{Requests: 5, Window: 3 * time.Second}})
	if err != nil || env["RATE_LIMIT"] != "5/3s" {
		t.Errorf("env: %v, %v", env, err)
	}
}

func TestErrorsNameTheLineAndTheField(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"an unknown key":          {"receiver:\n  imagee: x\n", []string{"hookcheck.yaml", "[2:3]", `unknown field "imagee"`}},
		"an unknown nested key":   {"observe:\n  metrics: {pth: /m}\n", []string{"[2:", "pth"}},
		"a wrong type":            {"receiver:\n  port: eighty\n", []string{"[2:", "port"}},
		"a bad duration":          {"declare:\n  ack: soon\n", []string{":2:", "declare.ack", "soon"}},
		"a bad short form":        {"declare:\n  rateLimit: lots\n", []string{"rateLimit", "lots", "none"}},
		"a path without slash":    {"receiver:\n  url: http://x\n  path: hooks\n", []string{"hookcheck.yaml:3:", "receiver.path"}},
		"attempts of nought":      {"declare:\n  retries: {attempts: 0}\n", []string{":2:", "declare.retries.attempts"}},
		"an unknown variable":     {"receiver:\n  env:\n    A: \"{{.Sekret}}\"\n", []string{":3:", "receiver.env.A", ".Secret"}},
		"a waiver with no reason": {"waive:\n  SIG-01: \"\"\n", []string{":2:", "waive.SIG-01", "reason"}},
		"a bad network":           {"declare:\n  allowlist: {cidrs: [10.0.0.0]}\n", []string{":2:", "cidrs[0]"}},
		"two documents":           {"receiver: {url: http://x}\n---\na: 1\n", []string{"one YAML document"}},
		"a broken document":       {"receiver: [\n", []string{"hookcheck.yaml"}},
		"a tag by itself":         {"receiver:\n  exec:\n  - a\n  !00\n", []string{"hookcheck.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("hookcheck.yaml", []byte(c.yaml))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in:\n%v", want, err)
				}
			}
		})
	}
}

func TestCheckWantsExactlyOneReceiver(t *testing.T) {
	cfg := config.Default()
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "image, dockerfile, exec or url") {
		t.Errorf("none: %v", err)
	}
	cfg.Receiver.Image, cfg.Receiver.URL = "a", "http://b"
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "exactly one") {
		t.Errorf("two: %v", err)
	}
	cfg.Receiver.Image = ""
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("a URL without a secret: %v", err)
	}
}

func TestWaitsGrowByTheFactor(t *testing.T) {
	r := config.Retries{Attempts: 4, Backoff: 2 * time.Second, Factor: 2}
	for attempt, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second} {
		if got := r.Wait(attempt); got != want {
			t.Errorf("after attempt %d: %v, want %v", attempt, got, want)
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("receiver: {env: {A: '{{'}}"))
	f.Fuzz(func(_ *testing.T, source []byte) {
		_, _ = config.Parse("fuzz", source)
	})
}
