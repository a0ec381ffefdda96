package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Load reads a configuration file over the defaults. Errors name the file, the
// line and the column, and show the line.
func Load(path string) (Config, error) {
	source, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	cfg, err := Parse(path, source)
	if err != nil {
		return Config{}, err
	}
	cfg.Dir = filepath.Dir(path)
	return cfg, nil
}

// Parse reads the text of a configuration file; name stands for it in errors.
func Parse(name string, source []byte) (Config, error) {
	cfg, more, err := decode(source)
	if err != nil {
		if duration := badDuration(source); duration != nil {
			return Config{}, fmt.Errorf("%s:%s %w", name, line(source, duration.Field), duration)
		}
		return Config{}, fmt.Errorf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	if more {
		return Config{}, fmt.Errorf("%s: expected one YAML document, found another after it", name)
	}
	var problem *FieldError
	if err := cfg.checkValues(); errors.As(err, &problem) {
		return Config{}, fmt.Errorf("%s:%s %w", name, line(source, problem.Field), err)
	}
	return cfg, nil
}

// decode reads the first document over the defaults, and tells whether there is
// another. The YAML library panics on some texts, such as a tag on a line of its
// own; whoever wrote that gets an error.
func decode(source []byte) (cfg Config, more bool, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the text cannot be read as YAML")
		}
	}()
	cfg = Default()
	decoder := yaml.NewDecoder(bytes.NewReader(source), yaml.Strict())
	if err := decoder.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return cfg, false, err
	}
	return cfg, !errors.Is(decoder.Decode(new(any)), io.EOF), nil
}

// badDuration finds the duration that made decoding fail, because the YAML
// library reports those without their position.
func badDuration(source []byte) *FieldError {
	for _, field := range []string{"receiver.startTimeout", "declare.ack", "declare.timeout", "declare.retries.backoff", "declare.rateLimit.window", "patience"} {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		var text string
		if path.Read(bytes.NewReader(source), &text) != nil {
			continue
		}
		if _, err := time.ParseDuration(text); err != nil {
			return &FieldError{field, fmt.Sprintf("%q is not a duration such as 5s, 1m or 250ms", text)}
		}
	}
	return nil
}

// line is "12:" for the line that a dotted field path stands on, or nothing
// where the file does not have the field.
func line(source []byte, field string) string {
	path, err := yaml.PathString("$." + field)
	if err != nil {
		return ""
	}
	node, err := path.ReadNode(bytes.NewReader(source))
	if err != nil || node == nil || node.GetToken() == nil {
		return ""
	}
	return fmt.Sprintf("%d:", node.GetToken().Position.Line)
}

// Resolve makes a path of the configuration relative to the file's folder.
func (c Config) Resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// ReadSecret fills Secret from SecretFile, or from the environment variable
// MONCRENEAU_WEBHOOK_SECRET when neither is given and the receiver is a URL.
func (c *Config) ReadSecret() error {
	switch {
	case c.Secret != "" && c.SecretFile != "":
		return &FieldError{"secretFile", "the secret is given twice, as secret and as secretFile; keep one"}
	case c.SecretFile != "":
		text, err := os.ReadFile(c.Resolve(c.SecretFile))
		if err != nil {
			return fmt.Errorf("secretFile: %w", err)
		}
		c.Secret = strings.TrimSpace(string(text))
		if c.Secret == "" {
			return &FieldError{"secretFile", c.SecretFile + " is empty"}
		}
	case c.Secret == "" && c.Receiver.Kind() == "url":
		c.Secret = os.Getenv("MONCRENEAU_WEBHOOK_SECRET")
	}
	return nil
}
