package check

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const (
	alertsFile    = "../prometheus/alerts.yaml"
	dashboardFile = "../grafana/dashboard.json"
)

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerts(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(read(t, alertsFile), &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

func TestAlertsAskForWhatTheReceiverExports(t *testing.T) {
	exported := exportedSeries(t)
	for _, rule := range alerts(t) {
		judgeQuery(t, rule.Alert, rule.Expr, exported)
	}
}

func TestEveryAlertHasItsPartInBothRunbooks(t *testing.T) {
	for _, rule := range alerts(t) {
		for _, runbook := range []string{"../../docs/runbook.md", "../../docs/runbook.fr.md"} {
			if !strings.Contains(string(read(t, runbook)), "\n### "+rule.Alert+"\n") {
				t.Errorf("%s has no part %s", runbook, rule.Alert)
			}
		}
		if url := rule.Annotations["runbook_url"]; !strings.HasSuffix(url, "/reference/docs/runbook.md#"+strings.ToLower(rule.Alert)) {
			t.Errorf("%s: the runbook_url is %q", rule.Alert, url)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s: the severity is %q", rule.Alert, rule.Labels["severity"])
		}
	}
}

func TestEveryAlertIsTested(t *testing.T) {
	tests := string(read(t, "../prometheus/alerts_test.yaml"))
	for _, rule := range alerts(t) {
		if !regexp.MustCompile(`alertname: ` + rule.Alert + `\n +exp_alerts:`).MatchString(tests) {
			t.Errorf("no test has %s fire", rule.Alert)
		}
		if !strings.Contains(tests, "alertname: "+rule.Alert+"}") {
			t.Errorf("no test has %s silent", rule.Alert)
		}
	}
}

type dashboard struct {
	Panels []struct {
		ID      int    `json:"id"`
		Title   string `json:"title"`
		GridPos struct {
			X, Y, W, H int
		} `json:"gridPos"`
		Targets []struct {
			Expr         string `json:"expr"`
			LegendFormat string `json:"legendFormat"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name string `json:"name"`
		} `json:"list"`
	} `json:"templating"`
}

func TestTheDashboardAsksForWhatTheReceiverExports(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(read(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("no panels")
	}
	exported := exportedSeries(t)
	ids := map[int]bool{}
	for i, panel := range d.Panels {
		if ids[panel.ID] || panel.Title == "" || len(panel.Targets) == 0 {
			t.Errorf("panel %d %q: its id is there twice, or it has no title or no target", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		for _, other := range d.Panels[:i] {
			a, b := panel.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H || a.X+a.W > 24 {
				t.Errorf("panel %q lies over %q, or beside the grid", panel.Title, other.Title)
			}
		}
		for _, target := range panel.Targets {
			// What Grafana puts in before it asks Prometheus.
			expr := strings.NewReplacer("$__rate_interval", "5m", "$job", "receiver").Replace(target.Expr)
			judgeQuery(t, panel.Title, expr, exported)
		}
	}
}

// fromPrometheus are series that Prometheus itself makes, and labels that it adds.
var (
	seriesFromPrometheus = []string{"up"}
	labelsFromPrometheus = []string{"job", "instance"}
)

// judgeQuery wants a query that parses and asks only for series, labels and values
// that there are.
func judgeQuery(t *testing.T, where, query string, exported map[string]map[string]bool) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	selectors := 0
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selectors++
		if slices.Contains(seriesFromPrometheus, selector.Name) {
			return nil
		}
		has, ok := exported[selector.Name]
		if !ok {
			t.Errorf("%s: the receiver does not export %s", where, selector.Name)
			return nil
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name == labels.MetricName || slices.Contains(labelsFromPrometheus, matcher.Name) {
				continue
			}
			for _, value := range strings.Split(matcher.Value, "|") {
				if !has[matcher.Name+"="+value] {
					t.Errorf("%s: %s has no %s=%q", where, selector.Name, matcher.Name, value)
				}
			}
		}
		return nil
	})
	if selectors == 0 {
		t.Errorf("%s: %q asks for no series", where, query)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
