package chaos

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
)

//go:embed report.html.tmpl
var reportFile embed.FS

// report is the page of a result; its text is trusted, its data is escaped.
type report struct {
	Result
	Repeat string
	Charts []chart
}

// WriteReport writes result.json and report.html into dir, which it makes.
// repeat is the command line that runs the same again, without any secret.
func WriteReport(dir string, r Result, repeat string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for name, write := range map[string]func(io.Writer) error{
		"result.json": r.WriteJSON,
		"report.html": func(w io.Writer) error { return r.WriteHTML(w, repeat) },
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// WriteJSON writes r as result.json has it.
func (r Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteHTML writes r as a page that needs nothing but itself.
func (r Result) WriteHTML(w io.Writer, repeat string) error {
	page, err := template.ParseFS(reportFile, "report.html.tmpl")
	if err != nil {
		return err
	}
	return page.Execute(w, report{r, repeat, r.charts()})
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path) //nolint:gosec // the directory that the user named
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	return write(f)
}
