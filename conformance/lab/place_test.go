package lab

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/target"
)

// placed is a target that is never started.
type placed struct {
	target.Target
	lifecycle bool
}

func (p placed) Lifecycle() bool { return p.lifecycle }

// trial is an experiment that does nothing.
func trial(p Plan) Experiment {
	return Define(p, func(context.Context, *Run) (int, error) { return 0, nil })
}

// placing places the experiments and returns their names by bench: those at
// once, and those in turn behind a bar.
func placing(t *testing.T, cfg config.Config, plans ...Plan) [][]string {
	t.Helper()
	l, err := New(Options{Config: cfg, Target: placed{lifecycle: cfg.Receiver.Kind() != "url"}})
	if err != nil {
		t.Fatal(err)
	}
	var experiments []Experiment
	for _, p := range plans {
		experiments = append(experiments, trial(p))
	}
	l.place(experiments)
	if len(l.scheduled) != len(plans) {
		t.Errorf("%d of %d experiments are scheduled", len(l.scheduled), len(plans))
	}
	var out [][]string
	for _, b := range l.benches {
		var names []string
		for _, s := range b.atOnce {
			names = append(names, s.experiment.plan().Name)
		}
		for _, s := range b.inTurn {
			names = append(names, "|"+s.experiment.plan().Name)
		}
		out = append(out, names)
	}
	return out
}

var placedPlans = []Plan{
	{Name: "one", Requests: 5}, {Name: "counts", Counts: true, Requests: 5},
	{Name: "troubled", Setting: Troubled, Requests: 5}, {Name: "flood", Setting: Alone, Tight: true, Requests: 200}, {Name: "kill", Setting: Alone, Requests: 5},
}

func TestExperimentsArePlacedByTheCompanyTheyCanBear(t *testing.T) {
	started, running := config.Default(), config.Default()
	started.Receiver.Exec = []string{"receiver"}
	running.Receiver.URL = "http://127.0.0.1/"
	metrics := config.DefaultMetrics()
	logs := config.DefaultLogs()
	with := func(cfg config.Config, observe config.Observe) config.Config {
		cfg.Observe = observe
		return cfg
	}
	for name, c := range map[string]struct {
		cfg  config.Config
		want [][]string
	}{
		"each disturbance has a receiver of its own":              {with(started, config.Observe{Logs: &logs}), [][]string{{"one", "counts"}, {"troubled"}, {"|flood"}, {"|kill"}}},
		"with totals only, whoever counts is alone":               {with(started, config.Observe{Metrics: &metrics}), [][]string{{"one"}, {"troubled"}, {"|counts"}, {"|flood"}, {"|kill"}}},
		"with nothing that counts, nobody is alone for it":        {started, [][]string{{"one", "counts"}, {"troubled"}, {"|flood"}, {"|kill"}}},
		"a running receiver is lent to harmful ones at the end":   {running, [][]string{{"one", "counts", "troubled", "|flood", "|kill"}}},
		"a running receiver with totals is lent to all who count": {with(running, config.Observe{Metrics: &metrics}), [][]string{{"one", "troubled", "|counts", "|flood", "|kill"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := placing(t, c.cfg, placedPlans...); !slices.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("placed %v\nwant   %v", got, c.want)
			}
		})
	}
}

func TestUnderALimitThatCannotBeSetNoReceiverGetsMoreThanAWindowHolds(t *testing.T) {
	cfg := config.Default() // 100 in a minute, of which 90 are used
	cfg.Receiver.Exec = []string{"receiver"}
	got := placing(t, cfg, Plan{Name: "30", Requests: 30}, Plan{Name: "large", Requests: 120}, Plan{Name: "60", Requests: 60}, Plan{Name: "40", Requests: 40}, Plan{Name: "50", Requests: 50})
	want := [][]string{{"large"}, {"60", "30"}, {"50", "40"}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("packed %v, want %v", got, want)
	}
}

func TestInstancesStartWithTheLimitThatSuitsThem(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		tight  bool
		want   config.RateLimit
	}{
		"a limit that cannot be set is as declared": {func(*config.Config) {}, true, config.RateLimit{Requests: 100, Window: time.Minute}},
		"no limit is no limit":                      {func(c *config.Config) { c.Declare.RateLimit = config.RateLimit{None: true} }, true, config.RateLimit{None: true}},
		"a limit that can be set is out of the way": {func(c *config.Config) { c.Receiver.Env = map[string]string{"L": "{{.RateLimit.Requests}}"} }, false, generous},
		"and is low for those who want to meet it":  {func(c *config.Config) { c.Receiver.Exec = []string{"r", "{{.RateLimit.Window}}"} }, true, tight},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			cfg.Receiver.Exec = []string{"receiver"}
			c.change(&cfg)
			if got := (&Lab{cfg: cfg}).limitFor(c.tight); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestWhatAConfigurationMakesObservable(t *testing.T) {
	metrics, logs := config.DefaultMetrics(), config.DefaultLogs()
	command := &config.Command{Exec: []string{"count"}}
	for name, c := range map[string]struct {
		url     bool
		observe config.Observe
		want    Need
	}{
		"nothing":                   {false, config.Observe{}, Lifecycle},
		"the sink":                  {false, config.Observe{Sink: config.DefaultSink()}, Lifecycle | Sink | Effects | PerEvent},
		"metrics":                   {false, config.Observe{Metrics: &metrics}, Lifecycle | Metrics | Effects | DeadLetters},
		"logs":                      {false, config.Observe{Logs: &logs}, Lifecycle | Logs | Effects | PerEvent | DeadLetters},
		"a command":                 {false, config.Observe{Command: command}, Lifecycle | Effects | PerEvent},
		"a URL":                     {true, config.Observe{}, 0},
		"a URL's logs are not seen": {true, config.Observe{Logs: &logs, Command: command}, 0},
		"a URL's metrics":           {true, config.Observe{Metrics: &metrics}, Metrics | Effects | DeadLetters},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			cfg.Observe = c.observe
			cfg.Receiver.Exec = []string{"receiver"}
			if c.url {
				cfg.Receiver.Exec, cfg.Receiver.URL = nil, "http://127.0.0.1/"
			}
			got := Available(cfg)
			if got != c.want {
				t.Errorf("got %v, want %v", got.Names(), c.want.Names())
			}
			everything := Effects | Sink | PerEvent | Metrics | Logs | Lifecycle | DeadLetters
			if missing := everything.Missing(got); len(missing) != len((everything &^ got).Names()) {
				t.Errorf("%d sources are named for %d needs", len(missing), len((everything &^ got).Names()))
			}
		})
	}
}
