package main

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// slowConnections measures what others notice of 1,000 connections that never finish
// their request, half of them in the middle of the head and half in the body. They are
// opened anew whenever the receiver has had enough of one.
func slowConnections(ctx context.Context, o options) error {
	p, clean, err := o.withSQLite().start(ctx)
	if err != nil {
		return err
	}
	defer clean()
	defer p.Stop()
	others := load{p.Address, 4, o.duration}
	alone, err := others.run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  4 connections alone:                  %v\n", alone)

	holding, stop := context.WithCancel(ctx)
	var held sync.WaitGroup
	defer held.Wait()
	defer stop()
	const slow = 1000
	opened := make(chan error, slow)
	for i := range slow {
		request := "POST /webhooks/moncreneau HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
		if i%2 == 0 {
			request += "\r\n{"
		}
		held.Go(func() { hold(holding, p.Address, request, opened) })
	}
	for range slow {
		select {
		case err := <-opened:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	beside, err := others.run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  4 connections beside %d slow ones:  %v\n", slow, beside)
	return nil
}

// hold keeps a connection with the beginning of a request open until ctx ends.
func hold(ctx context.Context, address, request string, opened chan<- error) {
	for first := true; ctx.Err() == nil; first = false {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if first {
			opened <- err
		}
		if err != nil {
			return
		}
		_, _ = fmt.Fprint(conn, request)
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = conn.Read(make([]byte, 1)) // until the receiver closes it
		stop()
		_ = conn.Close()
	}
}
