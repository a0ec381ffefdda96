package config

import "fmt"

// The types below have a short form beside the mapping. Defaults are set
// before the mapping is read, so that a key left out keeps its default.

// UnmarshalYAML fills the sink's defaults.
func (s *Sink) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Sink
	*s = *DefaultSink()
	return unmarshal((*plain)(s))
}

// DefaultSink takes the event's id from the member eventId of a JSON body.
func DefaultSink() *Sink { return &Sink{EventID: "body:/eventId"} }

// UnmarshalYAML fills in the guide's names.
func (m *Metrics) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Metrics
	*m = DefaultMetrics()
	return unmarshal((*plain)(m))
}

// DefaultMetrics has the guide's names at /metrics.
func DefaultMetrics() Metrics {
	return Metrics{
		Path:       "/metrics",
		Received:   "webhooks_received_total",
		Processed:  "webhooks_processed_total",
		Failed:     "webhooks_failed_total",
		Processing: "webhook_processing_seconds",
	}
}

// UnmarshalYAML reads the word json or a mapping.
func (l *Logs) UnmarshalYAML(unmarshal func(any) error) error {
	*l = DefaultLogs()
	var word string
	if unmarshal(&word) == nil {
		if word != "json" {
			return notAFormat("observe.logs", word)
		}
		return nil
	}
	type plain Logs
	return unmarshal((*plain)(l))
}

func notAFormat(field, word string) error {
	return &FieldError{field, fmt.Sprintf("%q is not a format that can be read; write json", word)}
}

// DefaultLogs are JSON lines with the guide's messages.
func DefaultLogs() Logs {
	return Logs{Format: "json", Processed: `^(webhook|event) processed$`, DeadLetter: `dead.?letter`}
}

// UnmarshalYAML reads none or a mapping.
func (r *RateLimit) UnmarshalYAML(unmarshal func(any) error) error {
	type plain RateLimit
	*r = Default().Declare.RateLimit
	return noneOr(unmarshal, "declare.rateLimit", func() { *r = RateLimit{None: true} }, (*plain)(r))
}

// UnmarshalYAML reads none or a mapping.
func (a *Allowlist) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Allowlist
	*a = Allowlist{Header: "X-Forwarded-For"}
	return noneOr(unmarshal, "declare.allowlist", func() { *a = Allowlist{} }, (*plain)(a))
}

// UnmarshalYAML reads none or a mapping.
func (r *Replay) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Replay
	return noneOr(unmarshal, "declare.replay", func() { *r = Replay{} }, (*plain)(r))
}

// noneOr reads the word none, or decodes a mapping into target.
func noneOr(unmarshal func(any) error, key string, none func(), target any) error {
	var word string
	if unmarshal(&word) != nil {
		return unmarshal(target)
	}
	if word != "none" {
		return &FieldError{key, fmt.Sprintf("expected %s, not %q", wanted(key), word)}
	}
	none()
	return nil
}
