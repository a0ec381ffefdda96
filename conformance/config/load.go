package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

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
// The YAML library panics on some texts, such as a tag on a line of its own;
// whoever wrote that gets an error.
func Parse(name string, source []byte) (cfg Config, err error) {
	defer func() {
		if recover() != nil {
			cfg, err = Config{}, fmt.Errorf("%s: the text cannot be read as YAML", name)
		}
	}()
	if cfg, err = decode(source); err == nil {
		err = fraction(source)
	}
	if err == nil {
		err = cfg.checkValues()
	}
	if err != nil {
		return Config{}, located(name, source, err)
	}
	return cfg, nil
}

// decode reads the one document over the defaults.
func decode(source []byte) (Config, error) {
	cfg := Default()
	decoder := yaml.NewDecoder(bytes.NewReader(source), yaml.Strict())
	switch err := decoder.Decode(&cfg); {
	case errors.Is(err, io.EOF): // nothing but comments
		return Default(), nil
	case err != nil:
		return cfg, err
	case !errors.Is(decoder.Decode(new(any)), io.EOF):
		return cfg, errors.New("expected one YAML document, found another after it")
	}
	return cfg, nil
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
