package report

import (
	"encoding/json"
	"fmt"
	"os"
)

// Read reads a document that WriteJSON wrote.
func Read(path string) (Report, error) {
	var r Report
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("report: %s: %w", path, err)
	}
	if r.Version != Version {
		return r, fmt.Errorf("report: %s has version %d of the format; this hookcheck reads version %d", path, r.Version, Version)
	}
	return r, nil
}
