// Package config is what a user tells hookcheck about a receiver: the file
// hookcheck.yaml, the flags that override it, and the templates in it.
package config

import "time"

// Config describes one receiver and how it is to be certified. The zero value
// is not usable: start from [Default] or [Load], and call [Config.Check]
// after the last change.
type Config struct {
	Receiver Receiver `yaml:"receiver"`
	// Secret signs the deliveries. Made up when hookcheck starts the receiver;
	// required with a URL.
	Secret string `yaml:"secret"`
	// SecretFile names a file that holds the secret; white space around it is cut.
	SecretFile string  `yaml:"secretFile"`
	Observe    Observe `yaml:"observe"`
	Declare    Declare `yaml:"declare"`
	// Waive maps requirement ids to the reason why a failure is accepted.
	Waive map[string]string `yaml:"waive"`
	// Runbook is the path of the receiver's operating manual, judged if given.
	Runbook string `yaml:"runbook"`
	// Patience bounds every wait for something that should happen (20s).
	Patience time.Duration `yaml:"patience"`

	// Dir is the folder that relative paths start from: that of hookcheck.yaml.
	Dir string `yaml:"-"`
}

// Receiver says how the receiver is reached; exactly one of Image, Dockerfile,
// Exec and URL is set.
type Receiver struct {
	// Name and Version appear in the report; by default taken from the target.
	Name    string `yaml:"name"`
	Version string `yaml:"version"`

	Image      string `yaml:"image"`
	Dockerfile string `yaml:"dockerfile"`
	// Context is the build context of Dockerfile (the Dockerfile's folder).
	Context string   `yaml:"context"`
	Exec    []string `yaml:"exec"`
	URL     string   `yaml:"url"`
	// WithoutDocker is what to run instead of Image or Dockerfile where no
	// Docker daemon answers.
	WithoutDocker WithoutDocker `yaml:"withoutDocker"`

	// Path of the webhook endpoint (/webhooks/moncreneau).
	Path string `yaml:"path"`
	// Port the receiver listens on inside the container (8080). With exec a
	// free port is chosen and told as {{.Port}}.
	Port int `yaml:"port"`
	// Ready is a path that answers 2xx once the receiver takes deliveries;
	// without it, an open port is enough.
	Ready string `yaml:"ready"`
	// StartTimeout bounds the time until the receiver is ready (60s).
	StartTimeout time.Duration `yaml:"startTimeout"`
	// Data is the folder that survives a restart, inside the container. With
	// exec it is a temporary folder, told as {{.DataDir}}.
	Data string `yaml:"data"`
	// Env holds templates over [Vars].
	Env map[string]string `yaml:"env"`
}

// WithoutDocker is the receiver as a process.
type WithoutDocker struct {
	Exec []string `yaml:"exec"`
	// Replay takes the place of declare.replay.exec, whose program is the image's.
	Replay []string `yaml:"replay"`
}

// Kind is how the receiver is run: "image", "dockerfile", "exec" or "url".
func (r Receiver) Kind() string {
	switch {
	case r.Image != "":
		return "image"
	case r.Dockerfile != "":
		return "dockerfile"
	case len(r.Exec) > 0:
		return "exec"
	case r.URL != "":
		return "url"
	}
	return ""
}

// Observe says through what the effects of an event can be seen.
type Observe struct {
	Sink    *Sink    `yaml:"sink"`
	Metrics *Metrics `yaml:"metrics"`
	Logs    *Logs    `yaml:"logs"`
	Command *Command `yaml:"command"`
}

// Any reports whether at least one observer can count effects.
func (o Observe) Any() bool {
	return o.Sink != nil || o.Metrics != nil || o.Command != nil || o.Logs != nil
}

// Sink is the HTTP endpoint of hookcheck's that the receiver calls as its
// business side effect.
type Sink struct {
	// EventID says where a call names its event: "body:/json/pointer" or
	// "header:Name" (body:/eventId).
	EventID string `yaml:"eventId"`
	// Listen fixes the sink's address (host:port), for a receiver that is
	// already running. Left out: a free port that the receiver can reach.
	Listen string `yaml:"listen"`
}

// Metrics is a Prometheus endpoint. The names default to the guide's.
type Metrics struct {
	// Path on the receiver's own address, or a whole URL (/metrics).
	Path       string `yaml:"path"`
	Received   string `yaml:"received"`   // webhooks_received_total
	Processed  string `yaml:"processed"`  // webhooks_processed_total
	Failed     string `yaml:"failed"`     // webhooks_failed_total
	Processing string `yaml:"processing"` // webhook_processing_seconds
}

// Logs are structured logs on standard output, one JSON object a line. In the
// file either the word json or a mapping.
type Logs struct {
	Format string `yaml:"format"` // json
	// Processed is a regular expression (RE2, case ignored) over the message
	// of the one line that says that an event has been processed
	// (^(webhook|event) processed$).
	Processed string `yaml:"processed"`
	// DeadLetter is the same for the line that says that an event was given up
	// (dead.?letter).
	DeadLetter string `yaml:"deadLetter"`
}

// Command prints how often an event was processed, as one number on standard
// output. Its arguments are templates in which {{.EventID}} is known too.
type Command struct {
	Exec []string `yaml:"exec"`
}

// Declare is what the receiver promises. The defaults are the guide's numbers.
type Declare struct {
	Ack       time.Duration `yaml:"ack"` // 5s
	Retries   Retries       `yaml:"retries"`
	RateLimit RateLimit     `yaml:"rateLimit"`
	Allowlist Allowlist     `yaml:"allowlist"`
	Replay    Replay        `yaml:"replay"`
	// Timeout is how long the receiver waits for its downstream at most (30s).
	Timeout time.Duration `yaml:"timeout"`
}

// Retries is how processing is tried again: attempt n+1 starts
// Backoff × Factor^(n-1) after attempt n failed.
type Retries struct {
	Attempts int           `yaml:"attempts"` // 3, the first one included
	Backoff  time.Duration `yaml:"backoff"`  // 2s
	Factor   float64       `yaml:"factor"`   // 2
}

// Wait is the declared wait after the given failed attempt, counted from 1.
func (r Retries) Wait(attempt int) time.Duration {
	wait := float64(r.Backoff)
	for range attempt - 1 {
		wait *= r.Factor
	}
	return time.Duration(wait)
}

// RateLimit is how many requests a window admits. In the file either a mapping
// or the word none.
type RateLimit struct {
	None     bool          `yaml:"-"`
	Requests int           `yaml:"requests"` // 100
	Window   time.Duration `yaml:"window"`   // 1m
}

// Allowlist is the set of addresses that may deliver, as a proxy in front of
// the receiver tells them in Header. In the file either a mapping or none.
type Allowlist struct {
	CIDRs  []string `yaml:"cidrs"`
	Header string   `yaml:"header"` // X-Forwarded-For
}

// Declared reports whether the receiver promises an allowlist.
func (a Allowlist) Declared() bool { return len(a.CIDRs) > 0 }

// Replay is the command that processes a dead letter again, run where the
// receiver runs. In the file either a mapping or none.
type Replay struct {
	Exec []string `yaml:"exec"`
}

// Declared reports whether the receiver promises a replay.
func (r Replay) Declared() bool { return len(r.Exec) > 0 }

// OnTheHost is the configuration with the receiver as the process that
// receiver.withoutDocker describes, false if it describes none.
func (c Config) OnTheHost() (Config, bool) {
	r := c.Receiver.WithoutDocker
	if len(r.Exec) == 0 {
		return c, false
	}
	c.Receiver.Image, c.Receiver.Dockerfile, c.Receiver.Context = "", "", ""
	c.Receiver.Exec, c.Receiver.WithoutDocker = r.Exec, WithoutDocker{}
	if len(r.Replay) > 0 {
		c.Declare.Replay.Exec = r.Replay
	}
	return c, true
}

// Default is a configuration with every default in place and no receiver.
func Default() Config {
	return Config{
		Receiver: Receiver{Path: "/webhooks/moncreneau", Port: 8080, StartTimeout: time.Minute},
		Declare: Declare{
			Ack:       5 * time.Second,
			Retries:   Retries{Attempts: 3, Backoff: 2 * time.Second, Factor: 2},
			RateLimit: RateLimit{Requests: 100, Window: time.Minute},
			Timeout:   30 * time.Second,
		},
		Patience: 20 * time.Second,
	}
}
