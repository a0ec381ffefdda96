package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// WriteJSON writes the document itself. Characters that nobody sees are
// escaped, so that it can be shown on a terminal.
func (r Report) WriteJSON(w io.Writer) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return err
	}
	_, err := w.Write(escapeUnseen(out.Bytes()))
	return err
}

// escapeUnseen replaces, in JSON, what is beyond ASCII and cannot be seen.
func escapeUnseen(text []byte) []byte {
	var out bytes.Buffer
	for _, c := range string(text) {
		switch {
		case c < utf8.RuneSelf && c != 0x7f, unicode.IsPrint(c):
			out.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	return out.Bytes()
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
