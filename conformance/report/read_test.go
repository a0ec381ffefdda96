package report

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABrokenReportIsAnErrorThatSaysWhere(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":                            {"", "line 1: unexpected end of JSON input"},
		"not JSON":                         {"<html>", "line 1: invalid character '<'"},
		"cut off":                          {"{\n \"version\": 1,\n \"tool\": {", "line 3: unexpected end"},
		"a field of another type":          {"{\n \"version\": 1,\n \"seed\": \"one\"\n}", "line 3: seed: expected uint64, not string"},
		"another version":                  {`{"version": 7}`, "version 7 of the format; this hookcheck reads version 1"},
		"no version":                       {`{}`, "version 0 of the format"},
		"evidence that is not there":       {`{"version":1,"requirements":[{"id":"SIG-01","findings":[{"evidence":[0]}]}]}`, "SIG-01: findings[0] refers to evidence 0 of 0"},
		"evidence before the first":        {`{"version":1,"requirements":[{"id":"SIG-01","evidence":[{}],"findings":[{"evidence":[-1]}]}]}`, "SIG-01: findings[0] refers to evidence -1 of 1"},
		"a requirement without an id":      {`{"version":1,"requirements":[{}]}`, "requirements[0] has no id"},
		"an array instead of the document": {`[]`, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "report.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Read(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want the path and %q", err, c.want)
			}
		})
	}
}

func TestAReportThatIsNotThereIsNamed(t *testing.T) {
	if _, _, err := Read(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
	if _, _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "report.json") {
		t.Error(err)
	}
}

// Whatever can be read can be written in every form, and its requests can be
// made again or be refused.
func FuzzReadThenWrite(f *testing.F) {
	full, _ := sample()
	for _, r := range []Report{full, unjudged(), {Version: Version}} {
		var text strings.Builder
		if err := r.WriteJSON(&text); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(text.String()))
	}
	f.Add([]byte(`{"version":1,"requirements":[{"id":"A","status":"failed","findings":[{}],"evidence":[{"request":{"signing":{"digest":"hmac-sha1","headers":{"A":["{{digest:999}}{{digest:off}}"]}}}}]}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text)
		if err != nil {
			return
		}
		r.Decide()
		for name, write := range writers(r) {
			if err := write(io.Discard); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, q := range r.Requirements {
			for _, e := range q.Evidence {
				_, _ = e.Request.Delivery(dir, runSecret)
			}
		}
	})
}
