//go:build !linux

package load

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
)

// errLinux is what Run returns elsewhere: the loop is written for epoll.
var errLinux = errors.New("full speed needs Linux; package emitter sends everywhere")

func resolve(context.Context, *url.URL) (netip.AddrPort, error) { return netip.AddrPort{}, errLinux }

func (l *lane) run(context.Context, netip.AddrPort) error { return errLinux }
