package chaos

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed scenarios/*.yaml
var scenarios embed.FS

// Shipped lists the names of the scenarios that come with hookcheck, in
// alphabetical order.
func Shipped() []string {
	entries, err := scenarios.ReadDir("scenarios")
	if err != nil {
		return nil // embedded: cannot be missing
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// ShippedScenario is the shipped scenario called name.
func ShippedScenario(name string) (Scenario, error) {
	text, err := ShippedText(name)
	if err != nil {
		return Scenario{}, err
	}
	return Parse(name+".yaml", text)
}

// ShippedText is the YAML of the shipped scenario called name, to start one's
// own from.
func ShippedText(name string) ([]byte, error) {
	text, err := scenarios.ReadFile(path.Join("scenarios", path.Base(name)+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no scenario %q: want a file, or one of %s", name, strings.Join(Shipped(), ", "))
	}
	return text, nil
}
