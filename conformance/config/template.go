package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
)

// Vars is what the templates of a configuration may name.
type Vars struct {
	// Instance is the number of the instance, from 1 in each run. Instances of a
	// receiver that keeps something outside of DataDir must not share it.
	Instance int
	// Secret signs this run's deliveries.
	Secret string
	// Port is where the receiver must listen.
	Port int
	// DataDir survives a restart of the receiver.
	DataDir string
	// EffectURL is the effect sink's.
	EffectURL string
	// RateLimit is what this instance is to allow.
	RateLimit Limit
	// EventID is known to the commands that concern one event.
	EventID string
}

// Limit is a rate limit as templates write it: {{.Requests}}/{{.Window}} gives "100/1m0s".
type Limit struct {
	Requests int
	Window   time.Duration
}

// ExpandEnv is the receiver's environment under vars.
func (r Receiver) ExpandEnv(vars Vars) (map[string]string, error) {
	env := make(map[string]string, len(r.Env))
	for name, text := range r.Env {
		value, err := expand("receiver.env."+name, text, vars)
		if err != nil {
			return nil, err
		}
		env[name] = value
	}
	return env, nil
}

// ExpandArgs is a command line under vars; field names it in errors.
func ExpandArgs(field string, args []string, vars Vars) ([]string, error) {
	out := make([]string, len(args))
	for i, text := range args {
		value, err := expand(fmt.Sprintf("%s[%d]", field, i), text, vars)
		if err != nil {
			return nil, err
		}
		out[i] = value
	}
	return out, nil
}

// RateLimitSettable reports whether the receiver takes its rate limit from the
// configuration, so that each instance can be started with one that suits it.
func (r Receiver) RateLimitSettable() bool { return r.names(".RateLimit") }

// UsesEffectURL reports whether the receiver is told the effect sink's address.
func (r Receiver) UsesEffectURL() bool { return r.names(".EffectURL") }

// ToldPort reports whether a command is told the port on which it must listen.
func (r Receiver) ToldPort() bool { return r.names(".Port") }

// names reports whether a template of the receiver names a variable.
func (r Receiver) names(variable string) bool {
	for text := range r.templates() {
		if strings.Contains(text, variable) {
			return true
		}
	}
	return false
}

// templates yields every text of the receiver that is a template.
func (r Receiver) templates() func(yield func(text, field string) bool) {
	return func(yield func(text, field string) bool) {
		for _, name := range slices.Sorted(maps.Keys(r.Env)) {
			if !yield(r.Env[name], "receiver.env."+name) {
				return
			}
		}
		for i, text := range r.Exec {
			if !yield(text, fmt.Sprintf("receiver.exec[%d]", i)) {
				return
			}
		}
	}
}

func (c Config) checkTemplates() error {
	for text, field := range c.Receiver.templates() {
		if _, err := expand(field, text, Vars{}); err != nil {
			return err
		}
	}
	commands := map[string][]string{
		"declare.replay.exec":           c.Declare.Replay.Exec,
		"receiver.withoutDocker.exec":   c.Receiver.WithoutDocker.Exec,
		"receiver.withoutDocker.replay": c.Receiver.WithoutDocker.Replay,
	}
	if c.Observe.Command != nil {
		commands["observe.command.exec"] = c.Observe.Command.Exec
	}
	for _, field := range slices.Sorted(maps.Keys(commands)) {
		if _, err := ExpandArgs(field, commands[field], Vars{}); err != nil {
			return err
		}
	}
	return nil
}

func expand(field, text string, vars Vars) (string, error) {
	t, err := template.New(field).Option("missingkey=error").Parse(text)
	if err != nil {
		_, problem, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: "+field+":"), ": ")
		return "", &FieldError{field, fmt.Sprintf("%s: %s", text, problem)}
	}
	var out strings.Builder
	if err := t.Execute(&out, vars); err != nil {
		return "", &FieldError{field, fmt.Sprintf("%s is not known here; known are .Instance, .Secret, .Port, .DataDir, .EffectURL, .RateLimit.Requests, .RateLimit.Window and .EventID", text)}
	}
	return out.String(), nil
}
