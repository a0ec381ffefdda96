package effects_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/moncreneau/hookcheck/simulator/effects"
)

func serve(t *testing.T, o effects.Options) (*effects.Sink, string) {
	t.Helper()
	sink, err := effects.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sink)
	t.Cleanup(func() { sink.Close(); server.Close() })
	return sink, server.URL
}

// call returns the status, or 0 when no answer came.
func call(ctx context.Context, url, eventID string) int {
	body := strings.NewReader(fmt.Sprintf(`{"eventId":%q}`, eventID))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestScripts(t *testing.T) {
	type outcomes []effects.Outcome
	for name, c := range map[string]struct {
		script effects.Script
		want   outcomes
		status []int
	}{
		"without a script every call is done": {
			effects.Script{}, outcomes{effects.Done, effects.Done}, []int{200, 200}},
		"fails twice, then is done": {
			effects.Script{Fail: 2}, outcomes{effects.Failed, effects.Failed, effects.Done}, []int{500, 500, 200}},
		"fails for ever with a status of its own": {
			effects.Script{Fail: effects.Always, Status: 503}, outcomes{effects.Failed, effects.Failed}, []int{503, 503}},
		"is reset once, fails once, then is done": {
			effects.Script{Reset: 1, Fail: 1}, outcomes{effects.Reset, effects.Failed, effects.Done}, []int{0, 500, 200}},
		"hangs a while once, then is done": {
			effects.Script{Hang: true, Fail: 1, HangFor: time.Millisecond}, outcomes{effects.Hung, effects.Done}, []int{0, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			sink, url := serve(t, effects.Options{})
			sink.Script("evt_1", c.script)
			for i, want := range c.status {
				if got := call(t.Context(), url, "evt_1"); got != want {
					t.Errorf("call %d: status %d, want %d", i+1, got, want)
				}
			}
			calls, err := sink.Await(t.Context(), "evt_1", func(calls []effects.Call) bool {
				return len(calls) == len(c.want) && calls[len(calls)-1].Outcome != effects.Pending
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if calls[i].Outcome != want || calls[i].End.Before(calls[i].Start) {
					t.Errorf("call %d: %+v, want %s", i+1, calls[i], want)
				}
			}
		})
	}
}

func TestEachEventCountsItsOwnCalls(t *testing.T) {
	sink, url := serve(t, effects.Options{})
	sink.ScriptDefault(effects.Script{Fail: 1})
	sink.Script("evt_2", effects.Script{})
	for _, c := range []struct {
		id   string
		want int
	}{{"evt_1", 500}, {"evt_3", 500}, {"evt_1", 200}, {"evt_2", 200}} {
		if got := call(t.Context(), url, c.id); got != c.want {
			t.Errorf("%s: %d, want %d", c.id, got, c.want)
		}
	}
	if all := sink.All(); len(all) != 4 || effects.CountDone(all) != 2 {
		t.Errorf("all: %+v", all)
	}
}

func TestEventIDIsFoundWhereItIsSaidToBe(t *testing.T) {
	for name, c := range map[string]struct{ rule, header, body, want string }{
		"at the top of the body":          {"body:/eventId", "", `{"eventId":"evt_1"}`, "evt_1"},
		"deep in it, through an array":    {"body:/a/1/id", "", `{"a":[0,{"id":"evt_2"}]}`, "evt_2"},
		"under a key with a slash":        {"body:/a~1b", "", `{"a/b":"evt_3"}`, "evt_3"},
		"as a number, digits kept":        {"body:/id", "", `{"id":12345678901}`, "12345678901"},
		"in a header":                     {"header:Idempotency-Key", "evt_4", ``, "evt_4"},
		"not there":                       {"body:/eventId", "", `{"other":1}`, ""},
		"in something that is no JSON":    {"body:/eventId", "", `eventId`, ""},
		"by default in the body":          {"", "", `{"eventId":"evt_5"}`, "evt_5"},
		"beyond the end of an array":      {"body:/7", "", `[1]`, ""},
		"an object where an id should be": {"body:/eventId", "", `{"eventId":{}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			sink, _ := serve(t, effects.Options{EventID: c.rule})
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("Idempotency-Key", c.header)
			sink.ServeHTTP(httptest.NewRecorder(), r)
			if calls := sink.Calls(c.want); len(calls) != 1 || string(calls[0].Body) != c.body {
				t.Errorf("calls for %q: %+v of %+v", c.want, calls, sink.All())
			}
		})
	}
}

func TestEventIDRuleThatCannotBeUnderstoodIsAnError(t *testing.T) {
	for _, rule := range []string{"eventId", "body:eventId", "header:", "query:id"} {
		if _, err := effects.New(effects.Options{EventID: rule}); err == nil || !strings.Contains(err.Error(), rule) {
			t.Errorf("%q: %v", rule, err)
		}
	}
}

func TestDelayIsTheClocks(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sink, url := serve(t, effects.Options{Clock: clock})
	sink.Script("evt_1", effects.Script{Delay: time.Hour})
	status := make(chan int)
	go func() { status <- call(context.WithoutCancel(t.Context()), url, "evt_1") }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if calls := sink.Calls("evt_1"); len(calls) != 1 || calls[0].Outcome != effects.Pending {
		t.Errorf("before the hour is over: %+v", calls)
	}
	clock.Advance(time.Hour)
	if got := <-status; got != 200 {
		t.Errorf("status %d", got)
	}
	if c := sink.Calls("evt_1")[0]; c.End.Sub(c.Start) != time.Hour {
		t.Errorf("took %s", c.End.Sub(c.Start))
	}
}

func TestCallerThatLeavesIsSeenAsGone(t *testing.T) {
	for name, c := range map[string]struct {
		script effects.Script
		want   effects.Outcome
	}{
		"from a delay": {effects.Script{Delay: time.Hour}, effects.Abandoned},
		"from a hang":  {effects.Script{Hang: true}, effects.Hung},
	} {
		t.Run(name, func(t *testing.T) {
			sink, url := serve(t, effects.Options{})
			sink.Script("evt_1", c.script)
			ctx, leave := context.WithCancel(t.Context())
			gone := make(chan int)
			go func() { gone <- call(ctx, url, "evt_1") }()
			if _, err := sink.Await(t.Context(), "evt_1", func(calls []effects.Call) bool { return len(calls) == 1 }); err != nil {
				t.Fatal(err)
			}
			leave()
			<-gone
			if _, err := sink.Await(t.Context(), "evt_1", func(calls []effects.Call) bool { return calls[0].Outcome == c.want }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAwaitEndsWithItsContextAndSaysWhatItSaw(t *testing.T) {
	sink, url := serve(t, effects.Options{})
	call(t.Context(), url, "evt_1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls, err := sink.Await(ctx, "evt_1", func(calls []effects.Call) bool { return len(calls) == 2 })
	if !errors.Is(err, context.Canceled) || len(calls) != 1 {
		t.Errorf("%d calls, error %v", len(calls), err)
	}
}

func TestCloseReleasesWhatIsHeld(t *testing.T) {
	sink, url := serve(t, effects.Options{})
	sink.ScriptDefault(effects.Script{Hang: true})
	status := make(chan int)
	go func() { status <- call(context.WithoutCancel(t.Context()), url, "") }()
	if _, err := sink.Await(t.Context(), "", func(calls []effects.Call) bool { return len(calls) == 1 }); err != nil {
		t.Fatal(err)
	}
	sink.Close()
	sink.Close()
	if got := <-status; got != 0 {
		t.Errorf("a hanging call was answered %d", got)
	}
}

func ExampleSink() {
	sink, err := effects.New(effects.Options{EventID: "header:Idempotency-Key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	sink.Script("evt_1", effects.Script{Fail: 1, Status: http.StatusServiceUnavailable})
	server := httptest.NewServer(sink)
	defer server.Close()

	for range 2 { // what a receiver would do: call, and call again when it fails
		req, _ := http.NewRequest(http.MethodPost, server.URL, nil)
		req.Header.Set("Idempotency-Key", "evt_1")
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
	for _, c := range sink.Calls("evt_1") {
		fmt.Println(c.Outcome, c.Status)
	}
	// Output:
	// failed 503
	// done 200
}

func TestQuietEndsWhenNothingHasHappenedForAWhile(t *testing.T) {
	clock := clockwork.NewFakeClock()
	sink, url := serve(t, effects.Options{Clock: clock})
	sink.Script("evt_1", effects.Script{Delay: time.Second})
	call(t.Context(), url, "evt_2")
	go call(context.WithoutCancel(t.Context()), url, "evt_1")
	if _, err := sink.Await(t.Context(), "evt_1", func(calls []effects.Call) bool { return len(calls) == 1 }); err != nil {
		t.Fatal(err)
	}
	quiet := make(chan error, 1)
	go func() { quiet <- sink.Quiet(t.Context(), time.Minute) }()
	advance := func(waiters int, d time.Duration) {
		t.Helper()
		if err := clock.BlockUntilContext(t.Context(), waiters); err != nil {
			t.Fatal(err)
		}
		clock.Advance(d)
	}
	advance(2, time.Second) // the call is pending and Quiet waits; now the call ends
	if _, err := sink.Await(t.Context(), "evt_1", func(calls []effects.Call) bool { return calls[0].Outcome == effects.Done }); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-quiet:
		t.Fatalf("quiet while a call was pending: %v", err)
	default:
	}
	advance(2, time.Minute) // what Quiet first waited for, and what it waits for since
	if err := <-quiet; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sink.Quiet(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}
