package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

func TestScenarioIsReadAsWritten(t *testing.T) {
	s, err := chaos.Parse("own.yaml", []byte(`
name: own
about: a test
phases:
  - name: first
    events: 3
    rate: 30/m
    types: {appointment.created: 2, appointment.cancelled: 1}
    faults:
      - {fault: delay, probability: 5%, by: 1s..3s}
      - {fault: bad-signature, at: [2], kind: unprefixed}
    downstream: {fail: 2, delay: 1s}
redeliver: [1s, 90s]
expect: {acknowledged: 99.5%, p99: 2s, processed: once}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := s.Phases[0]
	if p.Rate != 0.5 || p.Faults[0].Probability != 0.05 || p.Faults[0].By.Max != 3*time.Second ||
		p.Faults[1].At[0] != 2 || p.Downstream.Delay.Min != time.Second ||
		s.Redeliver[1] != chaos.Duration(90*time.Second) || s.Expect.Acknowledged != 0.995 {
		t.Errorf("read %+v", s)
	}
}

func TestBadScenarioNamesLineAndField(t *testing.T) {
	const good = `name: own
phases:
  - name: first
    events: 3
    rate: 1/s
    faults:
      - {fault: delay, probability: 5%, by: 1s}
expect: {acknowledged: 100%}
`
	if _, err := chaos.Parse("own.yaml", []byte(good)); err != nil {
		t.Fatalf("the scenario that the cases spoil is wrong itself: %v", err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown field":            {"    rate: 1/s", "    rates: 1/s", `own.yaml:5:5: unknown field "rates"`},
		"unknown field in a fault": {"by: 1s", "bye: 1s", `own.yaml:7:41: unknown field "bye"`},
		"bad rate":                 {"1/s", "fast", `own.yaml:5:11: phases[0].rate: "fast": want a rate`},
		"rate of nothing":          {"1/s", "0/s", `own.yaml:5:11: phases[0].rate: "0/s": want a rate above 0`},
		"bad share":                {"5%", "105%", `own.yaml:7:37: phases[0].faults[0].probability: "105%": want a share`},
		"bad range":                {"by: 1s", "by: 3s..1s", `own.yaml:7:45: phases[0].faults[0].by: "3s..1s": the end`},
		"unknown fault":            {"delay,", "delai,", `own.yaml:7:17: phases[0].faults[0].fault: "delai": want one of bad-signature,`},
		"setting of another fault": {"by: 1s", "by: 1s, kind: any", `own.yaml:7:55: phases[0].faults[0].kind: the fault delay takes no such setting`},
		"position beyond the end":  {"probability: 5%", "at: [1, 4]", `own.yaml:7:32: phases[0].faults[0].at[1]: 4: the phase has events 1 to 3`},
		"how often is missing":     {"probability: 5%, ", "", `own.yaml:7:10: phases[0].faults[0]: how often: want probability or at`},
		"both events and lives":    {"events: 3", "events: 3\n    lives: 2", `own.yaml:5:12: phases[0].lives: not together with events`},
		"no rate":                  {"    rate: 1/s\n", "", `own.yaml:3:5: phases[0]: want a rate, or burst: true`},
		"unknown event type":       {"rate: 1/s", "rate: 1/s\n    types: {appointment.moved: 1}", `own.yaml:6:13: phases[0].types: appointment.moved: want one of`},
		"more than memory holds":   {"    events: 3\n    rate: 1/s", "    events: 999999999\n    rate: 99999999/s", `own.yaml:3:5: phases[0]: up to 1e+08 events would wait`},
		"a phase of centuries":     {"events: 3", "events: 999999999", `own.yaml:5:11: phases[0].rate: 1/s: the phase would last longer than a year`},
		"nobody to overtake":       {"delay, probability: 5%, by: 1s", "reorder, probability: 5%", `own.yaml:7:10: phases[0].faults[0].within: 0: want how many`},
		"no expectation":           {"expect: {acknowledged: 100%}", "expect: {within: 5s}", `expect: want at least one expectation`},
		"no expect at all":         {"expect: {acknowledged: 100%}\n", "", `own.yaml:1:1: expect: want at least one`},
		"no such processed":        {"acknowledged: 100%", "processed: twice", `own.yaml:8:21: expect.processed: "twice": want once`},
		"no name":                  {"name: own\n", "", `own.yaml:1:1: name: is missing`},
		"no YAML at all":           {good, "\tx: [", `own.yaml:1:2: `},
		"nothing at all":           {good, "", `own.yaml: the scenario is empty`},
		"a list for a rate":        {"1/s", "[1/s]", `own.yaml:5:11: phases[0].rate: want one value`},
		"a word for a number":      {"events: 3", "events: three", `own.yaml:4:13: phases[0].events: "three": want a whole number`},
		"a fraction for a number":  {"events: 3", "events: 1.5", `own.yaml:4:13: phases[0].events: "1.5": want a whole number`},
		"a word for yes or no":     {"rate: 1/s", "burst: maybe", `own.yaml:5:12: phases[0].burst: "maybe": want true or false`},
		"a word for a weight":      {"rate: 1/s", "rate: 1/s\n    types: {appointment.created: often}", `own.yaml:6:34: phases[0].types.'appointment.created': "often": want a number`},
		"a word for a duration":    {"100%}", "100%, p99: soon}", `own.yaml:8:35: expect.p99: "soon": want a duration`},
		"a second scenario":        {"expect: {acknowledged: 100%}\n", "expect: {acknowledged: 100%}\n---\nname: other\n", `own.yaml:10:5: a second document begins`},
		"more than a number holds": {"events: 3", "events: 99999999999999999999", `own.yaml:4:13: phases[0].events: "99999999999999999999": want a whole number of at most`},
		"no unit":                  {"rate: 1/s", "rate: 1/s\n    pause: 5", `own.yaml:6:12: phases[0].pause: "5": want a duration`},
		"a word among durations":   {"expect:", "redeliver: [1s, later]\nexpect:", `own.yaml:8:17: redeliver[1]: "later": want a duration`},
		"a mapping for a list":     {"    faults:\n      - {fault: delay, probability: 5%, by: 1s}\n", "    faults: {fault: delay}\n", `own.yaml:6:13: phases[0].faults: mapping was used where sequence is expected`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			_, err := chaos.Parse("own.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line:\n%v", err)
			}
		})
	}
}

func TestEveryShippedScenarioCanBeRead(t *testing.T) {
	names := chaos.Shipped()
	if len(names) != 8 {
		t.Errorf("shipped: %v, want 8", names)
	}
	for _, name := range names {
		s, err := chaos.ShippedScenario(name)
		if err != nil || s.Name != name || s.About == "" {
			t.Errorf("%s: name %q, about %q, %v", name, s.Name, s.About, err)
		}
	}
	if _, err := chaos.ShippedScenario("../scenarios/nope"); err == nil || !strings.Contains(err.Error(), "rush-hour") {
		t.Errorf("an unknown name: %v", err)
	}
}
