package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteJSON writes the document itself.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteDir writes the report in all its forms into dir, with the bodies that
// its curl lines name. What an earlier run left under the same names is replaced.
func (r Report) WriteDir(dir string, bodies map[string][]byte) error {
	if err := os.RemoveAll(filepath.Join(dir, "bodies")); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bodies"), 0o755); err != nil { //nolint:gosec // a report is for others to read
		return fmt.Errorf("report: %w", err)
	}
	files := map[string][]byte{}
	for name, body := range bodies {
		files[name] = body
	}
	for name, write := range map[string]func(io.Writer) error{
		"report.json": r.WriteJSON,
		"junit.xml":   r.WriteJUnit,
		"report.html": r.WriteHTML,
		"summary.md":  r.WriteSummary,
		"badge.svg":   r.WriteBadge,
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			return fmt.Errorf("report: %s: %w", name, err)
		}
		files[name] = out.Bytes()
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644); err != nil { //nolint:gosec // a report is for others to read
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}
