package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// FieldError is a value that cannot be used, with the dotted path of its key, which is
// empty for the file as a whole.
type FieldError struct {
	Field   string
	Problem string
}

func (e *FieldError) Error() string { return strings.TrimPrefix(e.Field+": "+e.Problem, ": ") }

// kinds are the ways in which a receiver is reached.
var kinds = []string{"image", "dockerfile", "exec", "url"}

// Check reports the first thing that keeps the configuration from being used.
func (c Config) Check() error {
	if err := c.checkValues(); err != nil {
		return err
	}
	return c.checkReceiver()
}

func (c Config) checkReceiver() error {
	switch c.Receiver.Kind() {
	case "":
		return &FieldError{"receiver", "say how it is reached: one of " + strings.Join(kinds, ", ")}
	case "url":
		if c.Secret == "" {
			return &FieldError{"secret", "a receiver that is already running has a secret of its own: give it in the file, with --secret-file, or in MONCRENEAU_WEBHOOK_SECRET"}
		}
	}
	return nil
}

// checkKind refuses receivers of two kinds, and a URL that is none.
func (r Receiver) checkKind() error {
	var given []string
	for i, is := range []bool{r.Image != "", r.Dockerfile != "", len(r.Exec) > 0, r.URL != ""} {
		if is {
			given = append(given, kinds[i])
		}
	}
	if len(given) > 1 {
		return &FieldError{"receiver", fmt.Sprintf("expected one of %s, not %s", strings.Join(kinds, ", "), strings.Join(given, " and "))}
	}
	if r.URL == "" {
		return nil
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &FieldError{"receiver.url", fmt.Sprintf("%q is not a URL such as https://staging.example/webhooks/moncreneau", r.URL)}
	}
	return nil
}

// checkValues judges what is wrong whatever the flags say.
func (c Config) checkValues() error {
	if err := c.Receiver.checkKind(); err != nil {
		return err
	}
	d := c.Declare
	for _, rule := range []struct {
		field   string
		ok      bool
		problem string
	}{
		{"receiver.path", strings.HasPrefix(c.Receiver.Path, "/"), fmt.Sprintf("%q does not begin with /", c.Receiver.Path)},
		{"receiver.port", c.Receiver.Port > 0 && c.Receiver.Port < 65536, fmt.Sprintf("%d is not a port (1 to 65535)", c.Receiver.Port)},
		{"receiver.ready", c.Receiver.Ready == "" || strings.HasPrefix(c.Receiver.Ready, "/"), fmt.Sprintf("%q does not begin with /", c.Receiver.Ready)},
		{"receiver.data", c.Receiver.Data == "" || strings.HasPrefix(c.Receiver.Data, "/"), fmt.Sprintf("%q is not an absolute path", c.Receiver.Data)},
		{"receiver.startTimeout", c.Receiver.StartTimeout > 0, "expected more than 0s"},
		{"receiver.context", c.Receiver.Context == "" || c.Receiver.Dockerfile != "" || c.Receiver.Kind() == "", "goes with dockerfile only"},
		{"receiver.withoutDocker", len(c.Receiver.WithoutDocker.Exec) == 0 || c.Receiver.Image+c.Receiver.Dockerfile != "" || c.Receiver.Kind() == "", "goes with image or dockerfile"},
		{"declare.ack", d.Ack > 0, "expected more than 0s"},
		{"declare.timeout", d.Timeout > 0, "expected more than 0s"},
		{"declare.retries.attempts", d.Retries.Attempts >= 1, "expected at least 1: the first attempt counts"},
		{"declare.retries.backoff", d.Retries.Backoff > 0, "expected more than 0s"},
		{"declare.retries.factor", d.Retries.Factor >= 1, "expected at least 1"},
		{"declare.rateLimit.requests", d.RateLimit.None || d.RateLimit.Requests > 0, "expected at least 1; or write rateLimit: none"},
		{"declare.rateLimit.window", d.RateLimit.None || d.RateLimit.Window > 0, "expected more than 0s"},
		{"patience", c.Patience > 0, "expected more than 0s"},
	} {
		if !rule.ok {
			return &FieldError{rule.field, rule.problem}
		}
	}
	for i, cidr := range d.Allowlist.CIDRs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			return &FieldError{fmt.Sprintf("declare.allowlist.cidrs[%d]", i), fmt.Sprintf("%q is not a network such as 41.223.45.0/24", cidr)}
		}
	}
	return c.checkObservers()
}

func (c Config) checkObservers() error {
	if s := c.Observe.Sink; s != nil {
		if !strings.HasPrefix(s.EventID, "body:/") && !strings.HasPrefix(s.EventID, "header:") {
			return &FieldError{"observe.sink.eventId", fmt.Sprintf("%q is neither body:/json/pointer nor header:Name", s.EventID)}
		}
	}
	if l := c.Observe.Logs; l != nil {
		if l.Format != "json" {
			return notAFormat("observe.logs.format", l.Format)
		}
		for field, pattern := range map[string]string{"processed": l.Processed, "deadLetter": l.DeadLetter} {
			if _, err := regexp.Compile(pattern); err != nil {
				return &FieldError{"observe.logs." + field, err.Error()}
			}
		}
	}
	if cmd := c.Observe.Command; cmd != nil && len(cmd.Exec) == 0 {
		return &FieldError{"observe.command.exec", "expected the command that prints a count, such as [receiver, count, \"{{.EventID}}\"]"}
	}
	for id, reason := range c.Waive {
		if strings.TrimSpace(reason) == "" {
			return &FieldError{"waive." + id, "a waiver needs its reason"}
		}
	}
	return c.checkTemplates()
}
