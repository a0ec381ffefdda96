package delivery

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/endpoint"
	"github.com/moncreneau/hookcheck/simulator/standin/store"
)

func TestGoneSwitchesTheEndpointOffAndKeepsItsQueue(t *testing.T) {
	bubble(t, Options{Schedule: Schedule{time.Second}}, func(t *testing.T, r *rig) {
		w := r.endpoint("a", answering(http.StatusGone))
		r.run(func(context.Context) {
			id := r.event()[0].ID
			time.Sleep(time.Hour)
			if got := r.webhook(w.ID); got.Active || got.OffReason == "" {
				t.Errorf("after 410 it is %+v", got)
			}
			if n := len(r.requests()); n != 1 {
				t.Errorf("%d requests to an endpoint that is gone, want 1", n)
			}
			if made := r.event(); len(made) != 0 {
				t.Errorf("an endpoint that is off gets %d deliveries", len(made))
			}
			r.mu.Lock()
			r.handlers["a"] = answering(http.StatusOK)
			r.mu.Unlock()
			on := true
			service := endpoint.Service{Store: r.store, Clock: r.engine.Clock, Policy: r.engine.Policy}
			if _, err := service.Update(t.Context(), w.ID, endpoint.Registration{Active: &on}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if d := r.delivery(id); d.State != store.Delivered {
				t.Errorf("switched on again, the delivery is %s", d.State)
			}
		})
	})
}

func TestLongFailureSwitchesTheEndpointOff(t *testing.T) {
	bubble(t, Options{Schedule: Schedule{time.Minute}, SwitchOff: 24 * time.Hour}, func(t *testing.T, r *rig) {
		w := r.endpoint("a", answering(http.StatusInternalServerError))
		r.run(func(context.Context) {
			for range 23 { // one event an hour, each failing twice
				r.event()
				time.Sleep(time.Hour)
			}
			if !r.webhook(w.ID).Active {
				t.Fatal("switched off before 24 h of failure")
			}
			r.mu.Lock()
			r.handlers["a"] = answering(http.StatusOK)
			r.mu.Unlock()
			r.event()
			time.Sleep(time.Hour)
			if got := r.webhook(w.ID); !got.FailingSince.IsZero() {
				t.Fatal("one success does not end the row of failures")
			}
			r.mu.Lock()
			r.handlers["a"] = answering(http.StatusInternalServerError)
			r.mu.Unlock()
			for range 26 {
				r.event()
				time.Sleep(time.Hour)
			}
			if got := r.webhook(w.ID); got.Active || got.OffReason != "it failed for 24h without one success" {
				t.Errorf("after more than 24 h of failure it is %+v", got)
			}
		})
	})
}

func TestASlowEndpointIsBoundedAndHoldsUpNobody(t *testing.T) {
	bubble(t, Options{Concurrency: 3}, func(t *testing.T, r *rig) {
		under, most := 0, 0
		r.endpoint("a", func(_ http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			under++
			most = max(most, under)
			r.mu.Unlock()
			<-req.Context().Done() // never answers
			r.mu.Lock()
			under--
			r.mu.Unlock()
		})
		r.endpoint("b", answering(http.StatusOK))
		r.run(func(context.Context) {
			for range 30 {
				r.event()
			}
			time.Sleep(time.Second)
			toB := 0
			for _, request := range r.requests() {
				if request.host == "b" {
					toB++
				}
			}
			if toB != 30 || most != 3 {
				t.Errorf("after 1 s b has %d of 30 events, and a %d requests at once, want 3", toB, most)
			}
		})
	})
}

func TestShutdownPutsBackWhatIsUnderWay(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *rig) {
		r.endpoint("a", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		var id int64
		r.run(func(context.Context) {
			id = r.event()[0].ID
			time.Sleep(time.Second)
			if d := r.delivery(id); d.State != store.Sending {
				t.Errorf("while the endpoint hangs the delivery is %s", d.State)
			}
		})
		if d := r.delivery(id); d.State != store.Pending || d.Attempts != 0 {
			t.Errorf("after the shutdown it is %s with %d attempts, want pending with none", d.State, d.Attempts)
		}
	})
}

func TestAStateThatCannotBeReadEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.endpoint("a", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		ended := make(chan error)
		go func() { ended <- r.engine.Run(t.Context()) }()
		r.event()
		synctest.Wait() // an attempt is under way
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		r.engine.notify()
		if err := <-ended; err == nil {
			t.Error("Run ends without an error")
		}
	})
}

func TestAProcessThatDiedWhileSendingSendsAgain(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, r *rig) {
		r.endpoint("a", answering(http.StatusOK))
		id := r.event()[0].ID
		r.do(func(tx *store.Tx) error { return tx.SetDelivery(id, store.Sending, time.Time{}) })
		r.run(func(context.Context) {
			time.Sleep(time.Second)
			if d := r.delivery(id); d.State != store.Delivered {
				t.Errorf("it is %s", d.State)
			}
		})
	})
}

func TestRotationSignsWithOneOfTwoSecrets(t *testing.T) {
	for signWith, want := range map[store.SignWith]int{ // attempts of 4 that the old secret verifies
		store.SignNew:       0,
		store.SignPrevious:  4,
		store.SignAlternate: 2,
	} {
		t.Run(string(signWith), func(t *testing.T) {
			bubble(t, Options{}, func(t *testing.T, r *rig) {
				w := r.endpoint("a", answering(http.StatusOK))
				service := endpoint.Service{Store: r.store, Clock: r.engine.Clock, Policy: r.engine.Policy}
				rotated, err := service.Rotate(t.Context(), w.ID, endpoint.Rotation{Overlap: time.Hour, SignWith: signWith})
				if err != nil || rotated.Secret == testSecret || rotated.PreviousSecret != testSecret {
					t.Fatalf("%+v, %v", rotated, err)
				}
				byOld := func() (n int) {
					for _, request := range r.requests() {
						if len(request.header.Values("X-Moncreneau-Signature")) != 1 {
							t.Error("a delivery has not exactly one signature")
						}
						if request.verified {
							n++
						}
					}
					return n
				}
				r.run(func(context.Context) {
					for range 4 {
						r.event()
					}
					time.Sleep(time.Second)
					if n := byOld(); n != want {
						t.Errorf("during the overlap %d of 4 attempts are signed with the old secret, want %d", n, want)
					}
					time.Sleep(time.Hour)
					r.event()
					time.Sleep(time.Second)
					if n := byOld() - want; n != 0 {
						t.Error("after the overlap an attempt is signed with the old secret")
					}
				})
			})
		})
	}
}
