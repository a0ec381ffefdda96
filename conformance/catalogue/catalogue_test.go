package catalogue

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/fixtures"
	"github.com/moncreneau/hookcheck/simulator/fault"
)

// Ids stand in configurations, scripts and reports of others. One that changes
// its meaning, its level or its profile is for the changelog, and this list
// makes sure that nobody does it in passing.
func TestIdsLevelsAndProfilesAreStable(t *testing.T) {
	var now strings.Builder
	for _, r := range All() {
		fmt.Fprintln(&now, r.ID, r.Level, r.Profile())
	}
	listed, err := os.ReadFile("testdata/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	if now.String() != string(listed) {
		t.Errorf("the catalogue has changed; if that is meant, testdata/requirements.txt becomes\n%s", now.String())
	}
}

func TestEveryRequirementIsComplete(t *testing.T) {
	prefixes := map[Item]string{
		Signature: "SIG", Acknowledgement: "ACK", Idempotency: "IDEM", Retries: "RET", Validation: "VAL", RateLimit: "RATE",
		Security: "SEC", HTTPS: "TLS", Logging: "LOG", Metrics: "MET", Documentation: "DOC",
	}
	seen, titles := map[string]bool{}, map[string]string{}
	for _, r := range All() {
		if !regexp.MustCompile("^" + prefixes[r.Item] + `-\d\d$`).MatchString(r.ID) {
			t.Errorf("%s is no id for the item %s", r.ID, r.Item)
		}
		if seen[r.ID] {
			t.Errorf("%s stands twice", r.ID)
		}
		seen[r.ID] = true
		if other := titles[r.Title]; other != "" {
			t.Errorf("%s and %s have the same title", r.ID, other)
		}
		titles[r.Title] = r.ID
		if r.Level != Must && r.Level != Should {
			t.Errorf("%s has the level %q", r.ID, r.Level)
		}
		for name, text := range map[string]string{"title": r.Title, "why": r.Why, "mend": r.Mend, "guide": r.Guide} {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is %q", r.ID, name, text)
			}
		}
		if strings.HasSuffix(r.Title, ".") || !strings.HasSuffix(r.Why, ".") || !strings.HasSuffix(r.Mend, ".") {
			t.Errorf("%s: a title is no sentence with a full stop, why and mend are", r.ID)
		}
		if len(r.Experiments()) == 0 || r.check.judge == nil {
			t.Errorf("%s has nothing that decides it", r.ID)
		}
		if found, err := Find(r.ID); err != nil || found.Title != r.Title {
			t.Errorf("%s is not found: %v", r.ID, err)
		}
	}
	for _, item := range Items() {
		if !slices.ContainsFunc(All(), func(r Requirement) bool { return r.Item == item }) {
			t.Errorf("nothing is asked of the item %s", item)
		}
	}
}

// References such as "see VAL-17" must lead somewhere.
func TestRequirementsReferToOnesThatExist(t *testing.T) {
	for _, r := range All() {
		for _, id := range regexp.MustCompile(`\b[A-Z]{3,4}-\d\d\b`).FindAllString(r.Why+r.Mend+r.Title, -1) {
			if _, err := Find(id); err != nil {
				t.Errorf("%s refers to %s", r.ID, id)
			}
		}
	}
	sources, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if !strings.HasSuffix(source.Name(), ".go") || strings.HasSuffix(source.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(source.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`see ([A-Z]{3,4}-\d\d)\b`).FindAllSubmatch(text, -1) {
			if _, err := Find(string(match[1])); err != nil {
				t.Errorf("%s: %v", source.Name(), err)
			}
		}
	}
}

// An experiment's name seeds its events: two of the same name would send the
// same ids and take each other's effects for their own.
func TestExperimentsHaveNamesOfTheirOwnAndCountTheirRequests(t *testing.T) {
	named := map[string]lab.Experiment{}
	for _, r := range All() {
		for _, e := range r.Experiments() {
			plan := reflect.ValueOf(e).Elem().FieldByName("Plan").Interface().(lab.Plan)
			if other, ok := named[plan.Name]; ok && other != e {
				t.Errorf("two experiments are called %q", plan.Name)
			}
			named[plan.Name] = e
			if plan.Requests <= 0 && r.Item != HTTPS && r.Item != Documentation {
				t.Errorf("%q sends %d requests", plan.Name, plan.Requests)
			}
		}
	}
}

func TestEveryKindOfWrongSignatureBelongsToOneRequirement(t *testing.T) {
	owners := map[fault.BadSignatureKind][]string{}
	for _, k := range refusedSignatures {
		for _, kind := range k.kinds {
			owners[kind] = append(owners[kind], k.id)
		}
	}
	for _, kind := range fault.BadSignatureKinds() {
		if slices.Contains(invalidBodies, kind) {
			continue // judged with the order of signature and payload
		}
		if len(owners[kind]) != 1 {
			t.Errorf("%s belongs to %v", kind, owners[kind])
		}
		delete(owners, kind)
	}
	delete(owners, firstRight)
	delete(owners, lastRight)
	for kind, ids := range owners {
		t.Errorf("%v ask for the kind %q, which nobody sends", ids, kind)
	}
}

func TestEveryRuleOfTheContractBelongsToOneRequirement(t *testing.T) {
	for _, rule := range fixtures.Default().Rules() {
		var owners []string
		var binding bool
		for _, k := range refusedPayloads {
			if k.mine(brokenEvent{rule: rule}) {
				owners = append(owners, k.id)
				binding = k.level == Must
			}
		}
		if len(owners) != 1 {
			t.Errorf("%s belongs to %v", rule.ID, owners)
			continue
		}
		if binding && rule.Level != fixtures.Must {
			t.Errorf("%s is binding in %s, and is not in the contract", rule.ID, owners[0])
		}
	}
}
