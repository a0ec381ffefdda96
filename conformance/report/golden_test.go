package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew, to be looked at before they are committed")

// writers are all forms of a report, by the name of their golden file.
func writers(r Report) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"report.json": r.WriteJSON,
		"junit.xml":   r.WriteJUnit,
		"report.html": r.WriteHTML,
		"summary.md":  r.WriteSummary,
		"badge.svg":   r.WriteBadge,
		"text.txt":    func(w io.Writer) error { return r.WriteText(w, false) },
		"colour.txt":  func(w io.Writer) error { return r.WriteText(w, true) },
	}
}

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEveryFormOfAReportIsAsItsGoldenFile(t *testing.T) {
	full, _ := sample()
	conformant := full
	conformant.Strict, conformant.Partial = false, ""
	conformant.Requirements = full.Requirements[:1]
	conformant.Decide()
	for folder, r := range map[string]Report{"every-status": full, "no-verdict": unjudged(), "conformant": conformant} {
		for name, write := range writers(r) {
			t.Run(folder+"/"+name, func(t *testing.T) {
				got := written(t, write)
				golden := filepath.Join("testdata", folder, name)
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("differs from %s; go test ./conformance/report -update writes it anew\n%s", golden, got)
				}
			})
		}
	}
}

func TestWriteDirWritesEveryFileAndEveryBodyAndReadReadsThem(t *testing.T) {
	r, bodies := sample()
	dir := t.TempDir()
	stale := filepath.Join(dir, "bodies", "OLD-1.json")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteDir(dir, bodies); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("a body of an earlier run is still there")
	}
	back, folder, err := Read(dir)
	if err != nil || folder != dir {
		t.Fatalf("read back: %v, folder %s", err, folder)
	}
	if got, want := written(t, back.WriteHTML), written(t, r.WriteHTML); !bytes.Equal(got, want) {
		t.Error("the report that was read back is another one")
	}
	for _, q := range back.Requirements {
		for _, e := range q.Evidence {
			if _, err := e.Request.Delivery(folder, otherSecret); err != nil {
				t.Errorf("%s: %v", q.ID, err)
			}
		}
	}
	for _, name := range []string{"report.json", "junit.xml", "report.html", "summary.md", "badge.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// The attributes and elements that the JUnit schemas of Jenkins and of GitLab
// have in common; a dashboard may refuse what is in neither.
var junitAttributes = map[string]string{
	"testsuites": "name tests failures errors time",
	"testsuite":  "name tests failures errors skipped timestamp",
	"testcase":   "name classname",
	"failure":    "message type", "error": "message type", "skipped": "message",
}

func TestJUnitIsWellFormedAndItsCountsAddUp(t *testing.T) {
	r, _ := sample()
	text := written(t, r.WriteJUnit)
	decoder := xml.NewDecoder(bytes.NewReader(text))
	elements := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		elements[start.Name.Local]++
		known := strings.Fields(junitAttributes[start.Name.Local])
		for _, attribute := range start.Attr {
			if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+attribute.Name.Local+" ") {
				t.Errorf("<%s> has the attribute %s", start.Name.Local, attribute.Name.Local)
			}
		}
	}
	var suites junitSuites
	if err := xml.Unmarshal(text, &suites); err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, suite := range suites.Suites {
		skipped += suite.Skipped
	}
	got := []int{suites.Tests, suites.Failures, suites.Errors, skipped}
	want := []int{elements["testcase"], elements["failure"], elements["error"], elements["skipped"]}
	for i, what := range []string{"tests", "failures", "errors", "skipped"} {
		if got[i] != want[i] || want[i] == 0 {
			t.Errorf("%s: says %d, has %d", what, got[i], want[i])
		}
	}
}
