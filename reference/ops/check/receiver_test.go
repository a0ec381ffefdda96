package check

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/moncreneau/hookcheck/reference"
)

// startReceiver runs the real receiver until the test ends, and returns its address.
func startReceiver(t *testing.T) string {
	t.Helper()
	env := map[string]string{"MONCRENEAU_WEBHOOK_SECRET": "whsec_test", "PORT": "0", "DATA_DIR": t.TempDir()}
	config, err := reference.ConfigFromEnv(func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	listening := make(listeningLog, 1)
	done := make(chan error, 1)
	go func() { done <- reference.Serve(ctx, config, reference.NewLog(listening)) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case address := <-listening:
		return address
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	return ""
}

// listeningLog is a log that passes on the address from the line "Listening".
type listeningLog chan string

func (l listeningLog) Write(line []byte) (int, error) {
	var record struct{ Msg, Address string }
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	if record.Msg == "Listening" {
		l <- record.Address
	}
	return len(line), nil
}

// exportedSeries returns the names of all series that the receiver exports before it
// has had a single delivery, with their labels.
func exportedSeries(t *testing.T) map[string]map[string]bool {
	t.Helper()
	resp, err := http.Get("http://" + startReceiver(t) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]map[string]bool{}
	for _, family := range families {
		names := []string{family.GetName()}
		labels := map[string]bool{}
		if family.GetType().String() == "HISTOGRAM" {
			names = []string{family.GetName() + "_bucket", family.GetName() + "_sum", family.GetName() + "_count"}
			labels["le"] = true
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = true
				labels[label.GetName()+"="+label.GetValue()] = true
			}
		}
		for _, name := range names {
			series[name] = labels
		}
	}
	return series
}

// readVariables are the environment variables that the receiver reads.
func readVariables(t *testing.T) []string {
	t.Helper()
	read := map[string]bool{}
	_, _ = reference.ConfigFromEnv(func(name string) (string, bool) {
		read[name] = true
		return "", false
	})
	return slices.Sorted(maps.Keys(read))
}
