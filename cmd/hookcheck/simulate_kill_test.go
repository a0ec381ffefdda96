package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What was being sent when the process was killed is sent again by the next one,
// and nothing of the state is lost.
func TestSimulateSurvivesBeingKilled(t *testing.T) {
	t.Setenv(secretVariable, "whsec_test")
	type delivery struct{ id, body string }
	got := make(chan delivery, 10)
	hang := make(chan struct{})
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- delivery{r.Header.Get("X-Moncreneau-Delivery"), string(body)}
		if asked.Add(1) == 1 {
			<-hang
		}
	}))
	defer server.Close()
	defer close(hang)
	next := func() delivery {
		t.Helper()
		select {
		case d := <-got:
			return d
		case <-time.After(30 * time.Second):
			t.Fatal("no delivery comes")
			return delivery{}
		}
	}

	dir := t.TempDir()
	start := func() (process *exec.Cmd, base string) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		process = exec.CommandContext(ctx, os.Args[0], "simulate", "--listen", "127.0.0.1:0", "--data", dir, "--endpoint", server.URL)
		process.Env = append(os.Environ(), asCommand+"=1")
		var stdout output
		process.Stdout = &stdout
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
		return process, stdout.shows(t, `dashboard +(http://[^/\s]+)/`)
	}

	process, base := start()
	req, err := http.NewRequestWithContext(t.Context(), "POST", base+"/api/v1/appointments",
		strings.NewReader(`{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"Aïssatou Diallo"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", "mk_test")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("status %d", res.StatusCode)
	}
	before := next()
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()

	_, base = start()
	after := next()
	if after.body != before.body || after.id == before.id {
		t.Errorf("after the kill came delivery %s with %s, want %s under a new delivery id", after.id, after.body, before.body)
	}
	res, err = http.Get(base + "/_hookcheck/appointments")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), "Aïssatou Diallo") {
		t.Errorf("the appointments after the kill: %s", body)
	}
}
