package standin_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin"
	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

func TestStateAndWaitingRetriesSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var well atomic.Bool
	r := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	options := standin.Options{Data: dir, Schedule: delivery.Schedule{time.Second}}
	s, stop := startUntilStopped(t, options)
	r.register(s)
	s.call("POST", "/api/v1/appointments", `{"departmentId":5,"dateTime":"2026-01-20T10:00:00","name":"A"}`).want(201)
	first := r.next()
	if _, err := standin.New(t.Context(), options); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second one on the same state: %v, want ErrInUse", err)
	}
	stop()
	well.Store(true)

	s = start(t, options)
	second := r.next()
	if string(first.body) != string(second.body) || first.header.Get("X-Moncreneau-Delivery") == second.header.Get("X-Moncreneau-Delivery") {
		t.Error("after the restart the retry is not the same event under a new delivery id")
	}
	s.call("GET", "/api/v1/appointments/1", "").want(200)
	if info, err := os.Stat(filepath.Join(dir, "standin.db")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file with the secrets: %v, %v", info.Mode(), err)
	}
}

func TestAStateOfAnotherFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "standin.db"), []byte("this is no database, and it is long enough to have a header of 100 bytes, which is what SQLite looks at first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := standin.New(t.Context(), standin.Options{Data: dir}); err == nil {
		t.Error("a file that is no database is opened")
	}
}
