package lab

import "github.com/moncreneau/hookcheck/conformance/config"

// Need is what must be observable of a receiver, or possible with it, before
// something can be judged. Needs add up with |.
type Need uint

// What can be needed.
const (
	Effects     Need = 1 << iota // any observer that counts effects
	Sink                         // the effect sink, which can also misbehave
	PerEvent                     // an observer that tells one event from another
	Metrics                      // the Prometheus endpoint
	Logs                         // the structured logs
	Lifecycle                    // the power to stop, kill and start the receiver
	DeadLetters                  // metrics or logs, where a dead letter shows
)

// sources says what makes a need observable, in the words of hookcheck.yaml.
var sources = []struct {
	need   Need
	source string
}{
	{Lifecycle, "a receiver that hookcheck starts itself (receiver.image, dockerfile or exec)"},
	{Sink, "the effect sink (observe.sink, and {{.EffectURL}} in receiver.env)"},
	{Effects, "an observer of effects (observe.sink, metrics, logs or command)"},
	{PerEvent, "an observer that tells events apart (observe.sink, logs or command)"},
	{Metrics, "the metrics (observe.metrics)"},
	{Logs, "the logs (observe.logs, with a receiver that hookcheck starts itself)"},
	{DeadLetters, "the metrics or the logs (observe.metrics, observe.logs)"},
}

// names are short words for needs.
var names = []struct {
	need Need
	name string
}{
	{Effects, "an observer of effects"}, {Sink, "the effect sink"}, {PerEvent, "an observer that tells events apart"},
	{Metrics, "metrics"}, {Logs, "logs"}, {DeadLetters, "metrics or logs"}, {Lifecycle, "the power to start and stop it"},
}

// Names are short words for what is needed.
func (n Need) Names() (out []string) {
	for _, entry := range names {
		if n&entry.need != 0 {
			out = append(out, entry.name)
		}
	}
	return out
}

// Available is what a configuration makes observable.
func Available(cfg config.Config) Need {
	var has Need
	lifecycle := cfg.Receiver.Kind() != "url"
	if lifecycle {
		has |= Lifecycle
	}
	if cfg.Observe.Sink != nil {
		has |= Sink | Effects | PerEvent
	}
	if cfg.Observe.Command != nil && lifecycle {
		has |= Effects | PerEvent
	}
	if cfg.Observe.Logs != nil && lifecycle {
		has |= Logs | Effects | PerEvent | DeadLetters
	}
	if cfg.Observe.Metrics != nil {
		has |= Metrics | Effects | DeadLetters
	}
	return has
}

// Missing says what would have to be configured for n, given what is available.
func (n Need) Missing(available Need) []string {
	var out []string
	for _, s := range sources {
		if n&s.need != 0 && available&s.need == 0 {
			out = append(out, s.source)
		}
	}
	return out
}
