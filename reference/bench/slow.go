package main

import (
	"context"
	"fmt"
	"net"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// slowConnections measures what others notice of 1,000 connections that never finish
// their request. They are opened anew whenever the receiver has had enough of one.
func slowConnections(ctx context.Context, o options) error {
	p, clean, err := o.withSQLite().start(ctx)
	if err != nil {
		return err
	}
	defer clean()
	defer p.Stop()
	holding, stop := context.WithCancel(ctx)
	defer stop()
	const slow = 1000
	opened := make(chan struct{}, slow)
	for range slow {
		go hold(holding, p, opened)
	}
	for range slow {
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f, err := load{p.Address, 4, o.duration}.run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  beside %d slow connections, 4 others: %8.0f/s  p50 %s  p99 %s\n", slow, f.perSecond, f.p50, f.p99)
	return nil
}

func hold(ctx context.Context, p *drive.Process, opened chan<- struct{}) {
	for first := true; ctx.Err() == nil; first = false {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Address)
		if err != nil {
			return
		}
		_, _ = fmt.Fprint(conn, "POST /webhooks/moncreneau HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
		if first {
			opened <- struct{}{}
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = conn.Read(make([]byte, 1)) // until the receiver closes it
		stop()
		_ = conn.Close()
	}
}
