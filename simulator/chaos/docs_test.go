package chaos_test

import (
	"os"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func TestScenarioInTheDocumentationIsOne(t *testing.T) {
	page, err := os.ReadFile("../../docs/chaos.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if _, err := chaos.Parse("docs/chaos.md", []byte(text)); !found || err != nil {
		t.Error(err)
	}
	for _, name := range append(chaos.FaultNames(), chaos.Conditions()...) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/chaos.md does not say what %s is", name)
		}
	}
}
