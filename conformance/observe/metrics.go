package observe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/moncreneau/hookcheck/conformance/config"
)

// Metrics observes a Prometheus endpoint. Labels are summed over.
type Metrics struct {
	Names config.Metrics
	// BaseURL is the receiver's, which changes when it is restarted.
	BaseURL func() string
}

// Snapshot is one reading of the four metrics. A name that the receiver does
// not export is missing in Present and counts as 0: a counter with labels
// appears with its first increment.
type Snapshot struct {
	Received, Processed, Failed float64
	// Processing is the number of observations of the processing time.
	Processing float64
	Present    map[string]bool
	// Types are the types of the metrics present: counter, histogram, summary, gauge, untyped.
	Types map[string]string
}

const (
	scrapeTimeout = 5 * time.Second
	scrapeLimit   = 16 << 20 // bytes
)

// Name is "metrics".
func (Metrics) Name() string { return "metrics" }

// PerEvent is false: counters do not tell events apart.
func (Metrics) PerEvent() bool { return false }

// Count is the total of processed events since the receiver was started.
func (m Metrics) Count(ctx context.Context, _ string) (int, error) {
	s, err := m.Read(ctx)
	return int(s.Processed), err
}

// Read scrapes the endpoint.
func (m Metrics) Read(ctx context.Context) (Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	url := m.Names.Path
	if strings.HasPrefix(url, "/") {
		url = m.BaseURL() + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Snapshot{}, fmt.Errorf("metrics: %w", err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Snapshot{}, fmt.Errorf("metrics: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Snapshot{}, fmt.Errorf("metrics: GET %s answered %s", m.Names.Path, res.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(http.MaxBytesReader(nil, res.Body, scrapeLimit))
	if err != nil {
		return Snapshot{}, fmt.Errorf("metrics: GET %s is not in Prometheus' text format: %w", m.Names.Path, err)
	}
	s := Snapshot{Present: map[string]bool{}, Types: map[string]string{}}
	for name, into := range map[string]*float64{
		m.Names.Received: &s.Received, m.Names.Processed: &s.Processed,
		m.Names.Failed: &s.Failed, m.Names.Processing: &s.Processing,
	} {
		if family, ok := families[name]; ok {
			s.Present[name], s.Types[name] = true, strings.ToLower(family.GetType().String())
			*into = total(family)
		}
	}
	return s, nil
}

// total sums a family over its labels; of histograms and summaries, the counts.
func total(family *dto.MetricFamily) (sum float64) {
	for _, m := range family.GetMetric() {
		switch {
		case m.GetHistogram() != nil:
			sum += float64(m.GetHistogram().GetSampleCount())
		case m.GetSummary() != nil:
			sum += float64(m.GetSummary().GetSampleCount())
		case m.GetCounter() != nil:
			sum += m.GetCounter().GetValue()
		case m.GetGauge() != nil:
			sum += m.GetGauge().GetValue()
		default:
			sum += m.GetUntyped().GetValue()
		}
	}
	return sum
}
