package main

import (
	"context"
	"strconv"
	"time"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// sender delivers one event after another, each until it is acknowledged, as
// moncreneau does, and every tenth once more after that.
type sender struct {
	acknowledged []string
}

func (s *sender) run(ctx context.Context, fleet *fleet, prefix string) {
	for i := 0; ctx.Err() == nil; i++ {
		id := prefix + strconv.Itoa(i)
		if !s.deliver(ctx, fleet, id) {
			return
		}
		s.acknowledged = append(s.acknowledged, id)
		if i%10 == 0 {
			s.deliver(ctx, fleet, id)
		}
	}
}

// deliver returns false if ctx ended before an acknowledgement.
func (s *sender) deliver(ctx context.Context, fleet *fleet, id string) bool {
	for ctx.Err() == nil {
		if status, err := once(ctx, fleet.address(), id); err == nil && status == 200 {
			return true
		}
		time.Sleep(5 * time.Millisecond) // what was killed is coming back
	}
	return false
}

func once(ctx context.Context, address, id string) (int, error) {
	client, err := drive.Dial(ctx, address)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if err := client.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	return client.Deliver(id)
}
