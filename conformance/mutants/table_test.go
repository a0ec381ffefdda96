package mutants

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/catalogue"
)

func TestEveryRequirementIsCaughtByAMutant(t *testing.T) {
	for _, r := range catalogue.All() {
		if !slices.ContainsFunc(All(), func(m Mutant) bool { return slices.Contains(m.Caught, r.ID) }) {
			t.Errorf("%s %q: no mutant makes it fail, so nothing shows that it can", r.ID, r.Title)
		}
	}
}

func TestMutantsNameRequirementsThatExist(t *testing.T) {
	for _, m := range All() {
		if len(m.Caught) == 0 {
			t.Errorf("%s: is to be caught by nothing", m.Name)
		}
		for _, id := range append(slices.Clone(m.Caught), m.MayFail...) {
			if _, err := catalogue.Find(id); err != nil && id != anything {
				t.Errorf("%s: %v", m.Name, err)
			}
		}
		if (len(m.MayFail) > 0) != (m.Because != "") {
			t.Errorf("%s: what may fail needs a reason, and only that", m.Name)
		}
	}
}

func TestMutantsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.Name] {
			t.Errorf("%s stands twice in the table", m.Name)
		}
		seen[m.Name] = true
	}
}

func TestTheReceiverKnowsItsDefects(t *testing.T) {
	files, err := filepath.Glob("receiver/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the receiver: %v", err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, m := range All() {
		if m.defect() == "" {
			continue // a defect of the runbook or the certificate
		}
		if !strings.Contains(source.String(), strconv.Quote(m.defect())) && !strings.HasPrefix(m.Name, "metrics-without-") {
			t.Errorf("the receiver has no defect %q", m.defect())
		}
	}
}

func TestThePageSaysWhatTheTableSays(t *testing.T) {
	m := Matrix{Complete: true}
	for _, r := range catalogue.Listing(catalogue.All()) {
		m.Requirements = append(m.Requirements, Requirement{ID: r.ID, Level: r.Level})
	}
	for _, mutant := range All() {
		m.Outcomes = append(m.Outcomes, Outcome{Mutant: mutant})
	}
	var page strings.Builder
	if err := m.WriteMarkdown(&page); err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../docs/mutants.md")
	if err != nil {
		t.Fatal(err)
	}
	if page.String() != string(committed) {
		t.Error("docs/mutants.md is out of date: run make mutants")
	}
}
