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
		"an unknown key":            {"receiver:\n  redy: x\n", []string{`hookcheck.yaml:2:3: receiver: the key "redy" is unknown; did you mean ready?`, ">  2 |   redy: x"}},
		"a key that nobody knows":   {"receiver:\n  colour: red\n", []string{":2:3:", `"colour"`, "known here are context, data, dockerfile, env"}},
		"a key that belongs below":  {"retries: {attempts: 3}\n", []string{":1:1:", `"retries"`, "did you mean declare.retries?"}},
		"a key that belongs above":  {"receiver:\n  secret: x\n", []string{":2:3:", "did you mean secret?"}},
		"an unknown nested key":     {"observe:\n  metrics: {pth: /m}\n", []string{":2:13:", `observe.metrics: the key "pth" is unknown; did you mean path?`}},
		"a key that is given twice": {"receiver:\n  image: x\n  image: y\n", []string{":3:3:", `the key "image" is given twice, first in line 2`}},
		"a wrong type":              {"receiver:\n  port: eighty\n", []string{":2:9:", `receiver.port: expected a whole number, not "eighty"`}},
		"a wrong nested type":       {"declare:\n  retries: {factor: two}\n", []string{":2:21:", `declare.retries.factor: expected a number, not "two"`}},
		"a number that is too big":  {"receiver:\n  port: 99999999999999999999\n", []string{":2:9:", "receiver.port: expected a whole number"}},
		"a command in one text":     {"receiver:\n  exec: python3 receiver.py\n", []string{":2:9:", `receiver.exec: expected a list such as [python3, receiver.py], not "python3 receiver.py"`}},
		"variables in a list":       {"receiver:\n  env:\n  - A=b\n", []string{":3:3:", "receiver.env: expected a mapping such as", "not a list"}},
		"a list of what is waived":  {"waive: [RATE-02]\n", []string{":1:8:", "waive: expected a mapping such as {RATE-03: "}},
		"no mapping at all":         {"hello\n", []string{":1:1:", "expected a mapping", `not "hello"`}},
		"a tab":                     {"receiver:\n\timage: x\n", []string{":2:1:", "spaces, not with tabs"}},
		"a bad duration":            {"declare:\n  ack: soon\n", []string{":2:8:", "declare.ack: expected a duration such as 5s", `not "soon"`}},
		"a duration without a unit": {"receiver:\n  startTimeout: 5\n", []string{":2:17:", "receiver.startTimeout: expected a duration"}},
		"a bad short form":          {"declare:\n  rateLimit: lots\n", []string{":2:14:", "declare.rateLimit: expected a mapping such as", "or the word none", "lots"}},
		"a bad format of the logs":  {"observe:\n  logs: text\n", []string{":2:9:", `observe.logs: "text" is not a format`}},
		"a path without slash":      {"receiver:\n  url: http://x\n  path: hooks\n", []string{"hookcheck.yaml:3:9:", "receiver.path"}},
		"receivers of two kinds":    {"receiver:\n  url: http://x\n  image: x\n", []string{"hookcheck.yaml:2:3:", "receiver: expected one of image, dockerfile, exec, url, not image and url"}},
		"a URL that is none":        {"receiver: {url: staging.example}\n", []string{":1:17:", "receiver.url", "staging.example"}},
		"a fraction of attempts":    {"declare:\n  retries: {attempts: 2.5}\n", []string{":2:23:", "declare.retries.attempts: expected a whole number", `"2.5"`}},
		"an unknown key on top":     {"contract: {}\n", []string{":1:1: the key"}},
		"attempts of nought":        {"declare:\n  retries: {attempts: 0}\n", []string{":2:23:", "declare.retries.attempts"}},
		"an unknown variable":       {"receiver:\n  env:\n    A: \"{{.Sekret}}\"\n", []string{":3:8:", "receiver.env.A: {{.Sekret}} is not known here", ".Secret"}},
		"a template cut off":        {"receiver:\n  env:\n    A: \"{{.Secret\"\n", []string{":3:8:", "receiver.env.A: {{.Secret: unclosed action"}},
		"an unknown variable later": {"declare:\n  replay: {exec: [x, \"{{.Id}}\"]}\n", []string{":2:22:", "declare.replay.exec[1]: {{.Id}}"}},
		"a waiver with no reason":   {"waive:\n  SIG-01: \"\"\n", []string{":2:11:", "waive.SIG-01", "reason"}},
		"a bad network":             {"declare:\n  allowlist: {cidrs: [10.0.0.0]}\n", []string{":2:23:", "cidrs[0]"}},
		"two documents":             {"receiver: {url: http://x}\n---\na: 1\n", []string{"one YAML document"}},
		"a broken document":         {"receiver: [\n", []string{"hookcheck.yaml"}},
		"a tag by itself":           {"receiver:\n  exec:\n  - a\n  !00\n", []string{"hookcheck.yaml"}},
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
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "image, dockerfile, exec, url") {
		t.Errorf("none: %v", err)
	}
	cfg.Receiver.Image, cfg.Receiver.URL = "a", "http://b"
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "image and url") {
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

func TestAnEmptyFileLeavesEverythingToTheFlags(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n"} {
		cfg, err := config.Parse("hookcheck.yaml", []byte(text))
		if err != nil || cfg.Receiver.Path != "/webhooks/moncreneau" {
			t.Errorf("%q: %v, %+v", text, err, cfg.Receiver)
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
