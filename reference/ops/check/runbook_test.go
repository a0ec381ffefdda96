package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/reference"
)

var (
	heading = regexp.MustCompile(`(?m)^#+ `)
	code    = regexp.MustCompile("(?s)```sh.*?```|`[^`\n]+`")
	comment = regexp.MustCompile(`(?m) +# .*$`) // in a shell's commands
	link    = regexp.MustCompile(`\]\(([^)#]+)`)
	grep    = regexp.MustCompile(`grep '"(\w+)":"([^"]+)"'`)
)

// TestTheRunbooksSayTheSame compares what a translation must not change: the outline,
// the commands, and the names of metrics and variables.
func TestTheRunbooksSayTheSame(t *testing.T) {
	english, french := string(read(t, "../../docs/runbook.md")), string(read(t, "../../docs/runbook.fr.md"))
	if e, f := heading.FindAllString(english, -1), heading.FindAllString(french, -1); !slices.Equal(e, f) {
		t.Errorf("%d and %d headings, or of other levels", len(e), len(f))
	}
	// A sentence may name things in another order in French.
	e, f := commands(english), commands(french)
	slices.Sort(e)
	slices.Sort(f)
	for i := range min(len(e), len(f)) {
		if e[i] != f[i] {
			t.Fatalf("English has %s where French has %s", e[i], f[i])
		}
	}
	if len(e) != len(f) {
		t.Errorf("%d and %d pieces of code", len(e), len(f))
	}
}

func commands(text string) []string {
	return code.FindAllString(comment.ReplaceAllString(text, ""), -1)
}

// TestWhatTheRunbookSearchesForIsLogged starts from the command that a person on call
// would paste.
func TestWhatTheRunbookSearchesForIsLogged(t *testing.T) {
	sources, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range sources {
		source.Write(read(t, name))
	}
	searches := grep.FindAllStringSubmatch(string(read(t, "../../docs/runbook.md")), -1)
	if len(searches) == 0 {
		t.Error("it searches for nothing")
	}
	for _, search := range searches {
		field, text := search[1], search[2]
		if field == "eventId" { // whose value is an example
			continue
		}
		var line bytes.Buffer
		log := reference.NewLog(&line)
		log.Error().Msg(text)
		if !strings.Contains(line.String(), fmt.Sprintf("%q:%q", field, text)) || !strings.Contains(source.String(), strconv.Quote(text)) {
			t.Errorf("%s finds nothing; a line would be %s", search[0], &line)
		}
	}
}

func TestTheRunbookKnowsEveryMetricAndVariable(t *testing.T) {
	runbook := string(read(t, "../../docs/runbook.md"))
	for name := range exportedSeries(t) {
		name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "webhook") && !strings.Contains(runbook, "`"+name+"`") {
			t.Errorf("nothing is said of the metric %s", name)
		}
	}
	for _, name := range readVariables(t) {
		if strings.HasPrefix(name, "OTEL_") {
			continue // OpenTelemetry's own, of which there are many
		}
		if !strings.Contains(runbook, name) {
			t.Errorf("nothing is said of the variable %s", name)
		}
	}
}

func TestLinksOfTheRunbooksLeadSomewhere(t *testing.T) {
	for _, name := range []string{"runbook.md", "runbook.fr.md"} {
		for _, match := range link.FindAllStringSubmatch(string(read(t, "../../docs/"+name)), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			if _, err := os.Stat("../../docs/" + match[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
