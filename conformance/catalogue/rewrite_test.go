package catalogue

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/fixtures"
)

// documents are JSON of every kind that languages write in their own ways, one
// to a line, and generated events.
func documents() []string {
	out := []string{
		`{}`, `[]`, `[{},[]]`, `null`, `true`, `"text"`, `0`, `-1`, `[1, 2,3 ]`, `{"a":{"b":[{"c":null}]}}`,
		// numbers
		`1.0`, `1.50`, `0.1`, `-0`, `-0.0`, `1e3`, `1E+3`, `1e-7`, `0.000001`, `0.0001`, `0.00001234`, `1e15`, `1e16`, `12345678901234567.0`,
		`1e20`, `1e21`, `1e22`, `1.5e300`, `5e-324`, `123456789012345680000`, `9007199254740993`, `123456789012345678901234567890`,
		`100000000000000000000000`, `1.7976931348623157e308`, `0.30000000000000004`, `2.5e-5`, `123e-20`,
		// strings
		`"A\u00efssatou Ngou\u00e9"`, `"Aïssatou Ngoué"`, `"a\/b"`, `"\u2028\u2029"`, `"<&>"`, `"\u007f\u0080"`, `"\b\f\n\r\t\u0001\u001f"`,
		`"\ud83d\ude00"`, `"😀"`, `"\"\\"`, `"\u0022\u005c"`, `""`, `"\uFFFD"`, `"\ud800"`, `"\udc00x"`,
		// keys
		`{"b":1,"a":2}`, `{"10":1,"2":2,"a":3,"01":4,"-1":5,"1.5":6}`, `{"a":1,"b":2,"a":3}`, `{"4294967294":1,"4294967295":2,"0":3}`, `{"b":1,"9999999999":2,"1":3,"4294967295":4}`,
		`{"\u0061":1,"a":2}`, `{"é":1,"\u00e9":2}`, `{"a" : 1 , "b":[ ]}`,
	}
	generator := fixtures.NewGenerator(7)
	for i := range 100 {
		types := fixtures.Default().EventTypes()
		out = append(out, string(generator.Event(types[i%len(types)]).Body))
	}
	return out
}

func TestRewritingIsWhatTheLanguagesDo(t *testing.T) {
	for _, language := range []struct {
		name    string
		style   style
		command []string
	}{
		{"Python's json.dumps", python, []string{"python3", "-c", "import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))"}},
		{"Python's compact json.dumps", pythonCompact, []string{"python3", "-c", "import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line), separators=(',', ':')))"}},
		{"Node's JSON.stringify", node, []string{"node", "-e", "for (const line of require('fs').readFileSync(0, 'utf8').split('\\n')) if (line) console.log(JSON.stringify(JSON.parse(line)))"}},
	} {
		t.Run(language.name, func(t *testing.T) {
			if _, err := exec.LookPath(language.command[0]); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s is missing in CI", language.command[0])
				}
				t.Skipf("%s is not installed", language.command[0])
			}
			cmd := exec.Command(language.command[0], language.command[1:]...)
			cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
			cmd.Stdin = strings.NewReader(strings.Join(documents(), "\n") + "\n")
			var failure bytes.Buffer
			cmd.Stderr = &failure
			written, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, failure.String())
			}
			lines := strings.Split(strings.TrimSuffix(string(written), "\n"), "\n")
			if len(lines) != len(documents()) {
				t.Fatalf("%d lines for %d documents", len(lines), len(documents()))
			}
			for i, source := range documents() {
				doc, err := parseDocument([]byte(source))
				if err != nil {
					t.Fatal(err)
				}
				if got := string(doc.write(language.style)); got != lines[i] {
					t.Errorf("%s\nis written as %s\nand we write  %s", source, lines[i], got)
				}
			}
		})
	}
}

func TestRewritingWithoutAStyleChangesNothingButWhiteSpace(t *testing.T) {
	for _, source := range documents() {
		doc, err := parseDocument([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(source)); err != nil {
			t.Fatal(err)
		}
		if got := string(doc.write(asWritten)); got != compact.String() {
			t.Errorf("%s\nbecame %s", source, got)
		}
	}
}

func TestWhatIsNoJSONIsNotRewritten(t *testing.T) {
	for _, source := range []string{``, `{`, `{"a":}`, `[1,]`, `nul`, `{"a":1} x`, "\xff"} {
		if _, err := parseDocument([]byte(source)); err == nil {
			t.Errorf("%q is taken for JSON", source)
		}
	}
}
