package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func do(t *testing.T, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Do(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// deliver keeps a webhook and n deliveries in the given state.
func deliver(t *testing.T, s *Store, n int, state State) {
	t.Helper()
	do(t, s, func(tx *Tx) error {
		if err := tx.PutWebhook(Webhook{ID: "wh_1", URL: "http://localhost/", Active: true}); err != nil {
			return err
		}
		for i := range n {
			id := fmt.Sprintf("evt_%s_%d", state, i)
			if err := tx.AddEvent(Event{ID: id, Type: "appointment.created", Body: []byte("{}")}); err != nil {
				return err
			}
			if err := tx.AddDelivery(&Delivery{EventID: id, WebhookID: "wh_1", State: state, NextAt: time.Unix(int64(n-i), 0)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestATransactionThatFailsChangesNothingAndTellsNobody(t *testing.T) {
	s := open(t)
	told := 0
	s.OnCommit(func([]Change) { told++ })
	broken := errors.New("broken")
	err := s.Do(t.Context(), func(tx *Tx) error {
		if err := tx.SetCredits(3); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || told != 0 {
		t.Errorf("%v, told %d times", err, told)
	}
	do(t, s, func(tx *Tx) error {
		credits, err := tx.Credits()
		if credits != 10 {
			t.Errorf("%d credits, want 10", credits)
		}
		return err
	})
}

func TestAContextThatIsDoneBeginsNothing(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Do(ctx, func(*Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestDueTakesTheLongestDueFirstAndOnlyOnce(t *testing.T) {
	s := open(t)
	deliver(t, s, 5, Pending) // due at 5, 4, 3, 2, 1 s
	for _, want := range []string{"[5 4]", "[3]", "[]"} {
		do(t, s, func(tx *Tx) error {
			list, err := tx.Due("wh_1", time.Unix(3, 0), 2)
			ids := []int64{}
			for _, d := range list {
				ids = append(ids, d.ID)
			}
			if fmt.Sprint(ids) != want {
				t.Errorf("due at 3 s: %v, want %s", ids, want)
			}
			return err
		})
	}
	do(t, s, func(tx *Tx) error {
		next, err := tx.NextDue("wh_1")
		if !next.Equal(time.Unix(4, 0)) {
			t.Errorf("next due at %s", next)
		}
		return err
	})
}

func TestPruneForgetsOldFinishedDeliveriesOnly(t *testing.T) {
	s := open(t)
	deliver(t, s, 3, Pending)
	deliver(t, s, 10, Delivered)
	do(t, s, func(tx *Tx) error { return tx.Prune(4) })
	do(t, s, func(tx *Tx) error {
		list, err := tx.Deliveries(DeliveryFilter{}, 100)
		ids := []int64{}
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		if fmt.Sprint(ids) != "[13 12 11 10 3 2 1]" {
			t.Errorf("left are %v", ids)
		}
		if _, err := tx.Event("evt_delivered_0"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the event of a forgotten delivery: %v", err)
		}
		return err
	})
}

func TestDeletingAWebhookForgetsItsDeliveries(t *testing.T) {
	s := open(t)
	deliver(t, s, 2, Delivered)
	do(t, s, func(tx *Tx) error { return tx.DeleteWebhook("wh_1") })
	do(t, s, func(tx *Tx) error {
		list, err := tx.Deliveries(DeliveryFilter{}, 100)
		if len(list) != 0 {
			t.Errorf("%d deliveries are left", len(list))
		}
		return err
	})
	if err := s.Do(t.Context(), func(tx *Tx) error { return tx.DeleteWebhook("wh_1") }); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleting it again: %v", err)
	}
}

func TestAPIKeysAreNotKept(t *testing.T) {
	s := open(t)
	do(t, s, func(tx *Tx) error { return tx.AddAPIKey("mk_test_hunter2", APIKey{Hint: "…ter2"}) })
	var kept int
	if err := s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM api_keys WHERE digest LIKE '%hunter2%' OR hint LIKE '%hunter2%'`).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d rows hold the key, %v", kept, err)
	}
}
