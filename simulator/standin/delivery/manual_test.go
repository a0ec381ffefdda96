package delivery

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/problem"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

func TestRedeliverTwiceAtOnceIsReallyAtOnce(t *testing.T) {
	bubble(t, Options{Concurrency: 1}, func(t *testing.T, r *rig) {
		under, most := 0, 0
		r.endpoint("a", func(http.ResponseWriter, *http.Request) {
			r.mu.Lock()
			under++
			most = max(most, under)
			r.mu.Unlock()
			time.Sleep(time.Second)
			r.mu.Lock()
			under--
			r.mu.Unlock()
		})
		r.run(func(ctx context.Context) {
			id := r.event()[0].ID
			time.Sleep(2 * time.Second)
			made, err := r.engine.Redeliver(ctx, id, Again{Times: 2})
			if err != nil || len(made) != 2 {
				t.Fatalf("%v, %v", made, err)
			}
			if most != 2 {
				t.Errorf("at most %d at the same time, want 2", most)
			}
			requests := r.requests()
			if len(requests) != 3 || requests[1].after != requests[2].after || requests[1].wireID == requests[2].wireID {
				t.Errorf("%d requests, at %v", len(requests), times(requests))
			}
			for _, d := range made {
				if got := r.delivery(d.ID); got.State != store.Delivered || got.Reason != store.Redelivery {
					t.Errorf("%+v", got)
				}
			}
		})
	})
}

func TestRedeliverLater(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *rig) {
		r.endpoint("a", answering(http.StatusOK))
		r.run(func(ctx context.Context) {
			id := r.event()[0].ID
			time.Sleep(time.Second)
			if _, err := r.engine.Redeliver(ctx, id, Again{Delay: time.Hour}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
			if got := times(r.requests()); len(got) != 2 || got[1] != time.Hour+time.Second {
				t.Errorf("requests at %v", got)
			}
		})
	})
}

func TestATamperedDeliveryIsWrongOnceAndSaysNothingAboutTheEndpoint(t *testing.T) {
	bubble(t, Options{Schedule: Schedule{time.Second}}, func(t *testing.T, r *rig) {
		w := r.endpoint("a", answering(http.StatusOK))
		r.run(func(ctx context.Context) {
			id := r.event()[0].ID
			time.Sleep(time.Second)
			r.mu.Lock()
			r.handlers["a"] = answering(http.StatusUnauthorized)
			r.mu.Unlock()
			made, err := r.engine.Redeliver(ctx, id, Again{Tamper: "body-byte"})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			requests := r.requests()
			if len(requests) != 2 || requests[1].verified || string(requests[0].body) == string(requests[1].body) {
				t.Errorf("%d requests, the last one verified: %t", len(requests), requests[1].verified)
			}
			if d := r.delivery(made[0].ID); d.State != store.Failed || d.Fault != "body-byte" {
				t.Errorf("%+v", d)
			}
			if !r.webhook(w.ID).FailingSince.IsZero() {
				t.Error("refusing what is wrong counts as a failure of the endpoint")
			}
		})
	})
}

func TestLogNamesTheTypeOfWhatIsSentByHand(t *testing.T) {
	var logged bytes.Buffer // read when the engine has ended
	bubble(t, Options{Log: slog.New(slog.NewTextHandler(&logged, nil))}, func(t *testing.T, r *rig) {
		w := r.endpoint("a", answering(http.StatusOK))
		r.run(func(ctx context.Context) {
			id := r.event()[0].ID
			time.Sleep(time.Second)
			_, err := r.engine.Redeliver(ctx, id, Again{})
			_, testErr := r.engine.Test(ctx, w.ID, generator.Event("appointment.created"))
			if err != nil || testErr != nil {
				t.Fatal(err, testErr)
			}
		})
		if n := strings.Count(logged.String(), "type=appointment.created"); n != 3 {
			t.Errorf("%d of 3 lines name the type:\n%s", n, logged.String())
		}
	})
}

func TestRedeliverRefuses(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *rig) {
		r.endpoint("a", answering(http.StatusOK))
		r.run(func(ctx context.Context) {
			id := r.event()[0].ID
			time.Sleep(time.Second)
			for name, c := range map[string]struct {
				id    int64
				again Again
				code  problem.Code
			}{
				"an unknown delivery": {id + 99, Again{}, problem.NotFound},
				"too many":            {id, Again{Times: 101}, problem.InvalidFieldValue},
				"less than none":      {id, Again{Times: -1}, problem.InvalidFieldValue},
				"a delay into the past": {
					id, Again{Delay: -1}, problem.InvalidFieldValue},
				"an unknown way to tamper": {id, Again{Tamper: "nicely"}, problem.InvalidFieldValue},
			} {
				var p *problem.Error
				if _, err := r.engine.Redeliver(ctx, c.id, c.again); !errors.As(err, &p) || p.Code != c.code {
					t.Errorf("%s: %v, want %s", name, err, c.code)
				}
			}
		})
	})
}

func TestTestSaysWhatCameBack(t *testing.T) {
	bubble(t, Options{Schedule: Schedule{time.Second}}, func(t *testing.T, r *rig) {
		w := r.endpoint("a", answering(http.StatusTeapot))
		r.run(func(ctx context.Context) {
			attempt, err := r.engine.Test(ctx, w.ID, generator.Event("appointment.completed"))
			if err != nil || attempt.Status != http.StatusTeapot || attempt.Number != 1 {
				t.Errorf("%+v, %v", attempt, err)
			}
			time.Sleep(time.Hour)
			if n := len(r.requests()); n != 1 {
				t.Errorf("a test was sent %d times", n)
			}
		})
	})
}
