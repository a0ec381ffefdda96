package chaos_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/chaos"
)

// small is the result of a run that needs no receiver: its record is written here.
func small(t *testing.T) chaos.Result {
	t.Helper()
	tally := chaos.NewTally()
	second := time.Second
	for _, r := range []chaos.Record{
		{Header: &chaos.Header{
			Scenario: chaos.Scenario{Name: "own", About: "<script>alert(1)</script>", Expect: chaos.Expectations{
				Acknowledged: 1, P99: chaos.Duration(second), Broken: chaos.Refused,
			}},
			Seed: 7, Plan: "abc", Target: "http://127.0.0.1:1/hook", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}},
		{Attempt: &chaos.Attempt{Event: 1, EventID: "evt_1", DeliveryID: "dlv_1", Expect: chaos.Accept, Total: 3 * time.Millisecond, Status: 200}},
		{Attempt: &chaos.Attempt{Event: 2, EventID: "evt_2", DeliveryID: "dlv_2", Expect: chaos.Accept, Start: second, Total: second, Error: "emit: send: EOF"}},
		{Attempt: &chaos.Attempt{Event: 3, EventID: "evt_3", DeliveryID: "dlv_3", Expect: chaos.Refuse, Faults: []string{"bad-signature/empty"},
			Start: 5 * second, Total: 2 * time.Millisecond, Status: 500}},
		{End: &chaos.End{Planned: 3, Duration: 6 * second}},
	} {
		if err := tally.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return tally.Result()
}

func TestReportAsJSONIsAsItWasPublished(t *testing.T) {
	var out bytes.Buffer
	if err := small(t).WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "result.json"))
	if err != nil || !bytes.Equal(out.Bytes(), golden) {
		t.Errorf("result.json changes for those who read it: %v\n%s", err, out.String())
	}
	var back chaos.Result
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Verdict != chaos.Failed {
		t.Errorf("%v, verdict %q", err, back.Verdict)
	}
}

func TestReportPageNeedsNothingElseAndEscapesWhatItShows(t *testing.T) {
	var out bytes.Buffer
	if err := small(t).WriteHTML(&out, "hookcheck chaos run own --seed 7"); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{"own: <span class=\"failed\">failed", "hookcheck chaos run own --seed 7", "evt_2", "connection closed", "Latency over time", "bad-signature/empty"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") || regexp.MustCompile(`(src|href|url\()=?["']?(https?:)?//`).MatchString(page) {
		t.Error("the page has a script in it, or fetches something")
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
		decoder := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("a chart is not well-formed: %v\n%s", err, svg)
			}
		}
	}
}
