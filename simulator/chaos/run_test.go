package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/chaos"
	"github.com/moncreneau/hookcheck/simulator/emitter"
)

// run sends a plan and returns its result and its record.
func run(ctx context.Context, t *testing.T, r *chaos.Runner, p chaos.Plan) (chaos.Result, []byte) {
	t.Helper()
	tally := chaos.NewTally()
	var out bytes.Buffer
	write := chaos.WriteRecords(&out)
	err := r.Run(ctx, p.Source(), func(record chaos.Record) error {
		if err := write(record); err != nil {
			return err
		}
		return tally.Add(record)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tally.Result(), out.Bytes()
}

// unhurried is a scenario with a third of its events, a third as fast, and
// without bounds on latency: a test machine under load says nothing about them.
// In full the scenarios are run by the tests of the command line.
func unhurried(t *testing.T, name string) chaos.Scenario {
	s := shipped(t, name)
	s.Expect.P50, s.Expect.P99, s.Expect.Max = 0, 0, 0
	for i := range s.Phases {
		p := &s.Phases[i]
		p.Events, p.Lives, p.Rate = (p.Events+2)/3, (p.Lives+2)/3, p.Rate/3
	}
	return s
}

// patience is how long an attempt may take where time is not what is tested.
const patience = time.Minute

func explain(r chaos.Result) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s)\n%+v\n%v\n", r.Verdict, r.Reason, r.Counts, r.Outcomes)
	for _, x := range r.Expectations {
		fmt.Fprintf(&out, "%s: %s, want %s, got %s %v\n", x.Name, x.Status, x.Want, x.Got, x.Problems)
	}
	return out.String()
}

// rehearsal is a shipped scenario against a receiver with some flaws.
type rehearsal struct {
	scenario chaos.Scenario
	flaws    flaws
}

// rehearse runs all at the same time, because most of each is waiting, and
// returns their results by name.
func rehearse(t *testing.T, all map[string]rehearsal) map[string]chaos.Result {
	t.Helper()
	var mu sync.Mutex
	results := map[string]chaos.Result{}
	var runs sync.WaitGroup
	for name, c := range all {
		url, sink := startReceiver(t, c.flaws)
		runs.Go(func() {
			tally := chaos.NewTally()
			r := &chaos.Runner{URL: url, Secret: secret, Effects: sink, Timeout: patience}
			if err := r.Run(t.Context(), chaos.Plan{Scenario: c.scenario, Seed: 1}.Source(), tally.Add); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = tally.Result()
		})
	}
	runs.Wait()
	return results
}

func TestEachShippedScenarioPassesACorrectReceiver(t *testing.T) {
	t.Parallel()
	all := map[string]rehearsal{}
	for _, name := range chaos.Shipped() {
		all[name] = rehearsal{scenario: unhurried(t, name)}
	}
	for name, result := range rehearse(t, all) {
		if result.Verdict != chaos.Passed {
			t.Errorf("%s: %s", name, explain(result))
		}
	}
}

func TestEachShippedScenarioFailsAReceiverWithAFlaw(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		flaws flaws
		fails string
	}{
		"rush-hour":           {flaws{shortQueue: true}, "processed"},
		"duplicate-storm":     {flaws{forgetsIDs: true}, "processed"},
		"out-of-order":        {flaws{refusesOldTimes: true}, "acknowledged"},
		"poison":              {flaws{validatesNot: true}, "broken"},
		"outage-and-catch-up": {flaws{shortQueue: true}, "processed"},
		"hostile-sender":      {flaws{trustsAnyone: true}, "broken"},
		"slow-network":        {flaws{forgetsIDs: true}, "processed"},
		"long-tail":           {flaws{givesUpAtOnce: true}, "processed"},
	}
	all := map[string]rehearsal{}
	for name, c := range cases {
		s := unhurried(t, name)
		s.Redeliver = s.Redeliver[:1]                 // what is never taken need not be sent for long
		s.Expect.Within = chaos.Duration(time.Second) // nor what is lost be waited for
		all[name] = rehearsal{scenario: s, flaws: c.flaws}
	}
	for name, result := range rehearse(t, all) {
		if want := cases[name].fails; result.Verdict != chaos.Failed || !strings.Contains(result.Reason, want) {
			t.Errorf("%s: want %s to fail\n%s", name, want, explain(result))
		}
	}
}

// parseScenario reads a scenario of a test's own.
func parseScenario(t *testing.T, text string) chaos.Scenario {
	t.Helper()
	s, err := chaos.Parse("own.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSameSeedPutsTheSameBytesOnTheWire(t *testing.T) {
	t.Parallel()
	scenario := parseScenario(t, `
name: own
phases:
  - events: 60
    burst: true
    faults:
      - {fault: bad-signature, probability: 30%}
      - {fault: malformed, probability: 30%}
      - {fault: clock-skew, probability: 30%, by: 1h..2h}
      - {fault: chunked, probability: 20%}
      - {fault: duplicate, probability: 20%, concurrent: true}
expect: {broken: refused}
`)
	first, second := requestBytes(t, scenario), requestBytes(t, scenario)
	if len(first) < 60 || !slices.Equal(first, second) {
		t.Errorf("%d and %d requests, which differ", len(first), len(second))
	}
}

// requestBytes sends a scenario and returns each request as it came off the
// wire, without the receiver's own address, in an order that does not depend on
// which connection was faster.
func requestBytes(t *testing.T, s chaos.Scenario) []string {
	t.Helper()
	var mu sync.Mutex
	var requests []string
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Connection", "close") // one connection, one request
		}),
	}
	recording := &recordingListener{Listener: listener, done: func(request []byte) {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, strings.ReplaceAll(string(request), listener.Addr().String(), "HOST"))
	}}
	go func() { _ = server.Serve(recording) }()
	result, _ := run(t.Context(), t,
		&chaos.Runner{URL: "http://" + listener.Addr().String() + "/hook", Secret: secret},
		chaos.Plan{Scenario: s, Seed: 42})
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	recording.wait.Wait()
	if len(requests) != result.Counts.Attempts {
		t.Errorf("%d attempts, %d requests", result.Counts.Attempts, len(requests))
	}
	slices.Sort(requests)
	return requests
}

type recordingListener struct {
	net.Listener
	done func([]byte)
	wait sync.WaitGroup
}

func (l *recordingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.wait.Add(1)
	return &recordingConn{Conn: conn, listener: l}, nil
}

type recordingConn struct {
	net.Conn
	listener *recordingListener
	mu       sync.Mutex
	read     bytes.Buffer
	once     sync.Once
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read.Write(p[:n])
	return n, err
}

func (c *recordingConn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.read.Len() > 0 {
			c.listener.done(c.read.Bytes())
		}
		c.listener.wait.Done()
	})
	return c.Conn.Close()
}

func TestAWeekOfRedeliveriesOnAVirtualClock(t *testing.T) {
	t.Parallel()
	scenario := parseScenario(t, `
name: week
phases:
  - {events: 1, burst: true}
redeliver: [5s, 5m, 30m, 2h, 5h, 10h, 24h, 48h, 79h]
expect: {acknowledged: 100%}
`)
	var mu sync.Mutex
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, r.Header.Get(emitter.HeaderDelivery))
		if len(ids) < 10 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	clock := clockwork.NewFakeClock()
	advanced := make(chan error, 1)
	go func() {
		for _, wait := range scenario.Redeliver {
			if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
				advanced <- err
				return
			}
			clock.Advance(time.Duration(wait))
		}
		advanced <- nil
	}()
	result, record := run(t.Context(), t, &chaos.Runner{URL: server.URL, Secret: secret, Clock: clock},
		chaos.Plan{Scenario: scenario, Seed: 1})
	if err := <-advanced; err != nil {
		t.Fatal(err)
	}
	if result.Verdict != chaos.Passed || result.Counts.Attempts != 10 || result.Duration.Duration() < 7*24*time.Hour {
		t.Errorf("after %s\n%s", result.Duration.Duration(), explain(result))
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 10 {
		t.Errorf("delivery ids came again: %v\n%s", ids, record)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	first := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		first = false
	}))
	defer server.Close()
	clock := clockwork.NewFakeClock()
	go func() {
		if clock.BlockUntilContext(t.Context(), 1) == nil {
			clock.Advance(time.Minute)
		}
	}()
	result, _ := run(t.Context(), t, &chaos.Runner{URL: server.URL, Secret: secret, Clock: clock},
		chaos.Plan{Scenario: parseScenario(t, `
name: own
phases: [{events: 1, burst: true}]
redeliver: [1s]
expect: {acknowledged: 100%}
`)})
	if result.Verdict != chaos.Passed || result.Duration.Duration() != time.Minute {
		t.Errorf("after %s\n%s", result.Duration.Duration(), explain(result))
	}
}

func TestWhatNobodySawIsNoSuccess(t *testing.T) {
	t.Parallel()
	scenario := parseScenario(t, `
name: own
phases: [{events: 2, burst: true}]
expect: {acknowledged: 100%, processed: once}
`)
	url, _ := startReceiver(t, flaws{})
	result, _ := run(t.Context(), t, &chaos.Runner{URL: url, Secret: secret}, chaos.Plan{Scenario: scenario})
	if result.Verdict != chaos.NoVerdict || !strings.Contains(result.Reason, "not observed: processed") {
		t.Error(explain(result))
	}
}

func TestInterruptedRunEndsAtOnceAndHasNoVerdict(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { interrupt() }))
	defer server.Close()
	result, _ := run(ctx, t, &chaos.Runner{URL: server.URL, Secret: secret}, chaos.Plan{Scenario: parseScenario(t, `
name: own
phases: [{events: 1000, rate: 1/m}]
expect: {acknowledged: 100%}
`)})
	if result.Verdict != chaos.NoVerdict || result.Reason != "the run was interrupted" || result.Counts.Attempts != 1 {
		t.Error(explain(result))
	}
}

// closing answers as handler does, but once on each connection: then it closes it, as
// a server does whose patience with a kept connection ends just as a request goes out.
func closing(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	var used sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		if _, again := used.LoadOrStore(req.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		handler(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestBrokenDeliveryIsNotJudgedByAConnectionThatWasClosedUnderIt(t *testing.T) {
	t.Parallel()
	scenario := parseScenario(t, `
name: own
phases: [{events: 20, rate: 100/s, faults: [{fault: bad-signature, probability: 100%}]}]
expect: {broken: refused}
`)
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		verdict string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, chaos.Passed},
		"taken":   {func(http.ResponseWriter, *http.Request) {}, chaos.Failed},
	} {
		result, record := run(t.Context(), t, &chaos.Runner{URL: closing(t, c.answer), Secret: secret},
			chaos.Plan{Scenario: scenario})
		if result.Verdict != c.verdict || result.Outcomes["connection closed"] > 0 {
			t.Errorf("%s: want %s\n%s", name, c.verdict, explain(result))
		}
		if !bytes.Contains(record, []byte(`"resent":true`)) {
			t.Errorf("%s: the record does not say what was sent again", name)
		}
	}
}

func TestReceiverThatNeverAnswersBrokenDeliveriesFails(t *testing.T) {
	t.Parallel()
	answered := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answered {
			panic(http.ErrAbortHandler)
		}
		answered = true
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	result, _ := run(t.Context(), t, &chaos.Runner{URL: server.URL, Secret: secret}, chaos.Plan{Scenario: parseScenario(t, `
name: own
phases: [{events: 2, rate: 10/s, faults: [{fault: bad-signature, probability: 100%}]}]
expect: {broken: refused}
`)})
	if result.Verdict != chaos.Failed || result.Outcomes["connection closed"] != 1 {
		t.Error(explain(result))
	}
}

func TestNetworkConditions(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"latency":        "200",
		"slow":           "200",
		"byte-at-a-time": "200",
		"reset":          "connection",
		"cut":            "connection",
		"answer-lost":    "connection",
		"unreachable":    "unreachable",
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			url, sink := startReceiver(t, flaws{})
			result, _ := run(t.Context(), t, &chaos.Runner{URL: url, Secret: secret, Effects: sink},
				chaos.Plan{Scenario: parseScenario(t, fmt.Sprintf(`
name: own
phases:
  - events: 1
    burst: true
    faults: [{fault: network, at: [1], condition: %s}]
expect: {processed: at-least-once}
`, condition))})
			for outcome := range result.Outcomes {
				if !strings.Contains(outcome, want) {
					t.Errorf("outcome %q, want %q", outcome, want)
				}
			}
			// The receiver got what the network let through, and only that.
			arrives := want == "200" || condition == "answer-lost"
			if (result.Counts.Effects == 1) != arrives {
				t.Errorf("%d effects; does the request arrive: %t", result.Counts.Effects, arrives)
			}
		})
	}
}

func TestBadURLIsAnErrorBeforeAnythingIsSent(t *testing.T) {
	for _, url := range []string{"", "localhost:8080", "ftp://x/", "http://"} {
		err := (&chaos.Runner{URL: url}).Run(t.Context(), chaos.Plan{}.Source(), func(chaos.Record) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "receiver URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestNobodyListeningIsAnErrorBeforeAnythingIsSent(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	recorded := 0
	err := (&chaos.Runner{URL: closed.URL, Secret: secret}).Run(t.Context(),
		chaos.Plan{Scenario: shipped(t, "poison")}.Source(), func(chaos.Record) error { recorded++; return nil })
	if err == nil || !strings.Contains(err.Error(), "reach the receiver") || recorded > 0 {
		t.Errorf("%d records, error %v", recorded, err)
	}
}
