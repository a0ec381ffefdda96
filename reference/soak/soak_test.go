package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/reference/internal/pgtest"
)

// A short run of each engine; make soak has the long ones.
func TestNothingAcknowledgedIsLostWhenReceiversAndDatabaseAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	program := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/receiver").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	for _, o := range []options{
		{engine: "sqlite", replicas: 1, kills: 8},
		{engine: "postgres", replicas: 3, kills: 12},
	} {
		t.Run(o.engine, func(t *testing.T) {
			o.receiver, o.senders, o.seed, o.pause = program, 4, 7, 200*time.Millisecond
			ok, err := run(t.Context(), o)
			switch {
			case errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "":
				t.Skip(err)
			case err != nil:
				t.Fatal(err)
			case !ok:
				t.Error("events were lost or processed twice, see the figures above")
			}
		})
	}
}
