package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
)

// expressServers are the guide's recommendation: Node, Express, a Redis queue and
// workers. Once Redis brings everything to the disk before it answers, as the receiver
// does, and once each second, as it is usually run.
func (o options) expressServers() []server {
	for _, program := range []string{"node", "redis-server", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Printf("  Express and Redis are left out: %v\n", err)
			return nil
		}
	}
	return []server{
		o.withExpress("Express, Redis", "always"),
		o.withExpress("Express, Redis fsync/s", "everysec"),
	}
}

func (o options) withExpress(name, fsync string) server {
	return server{name, func(ctx context.Context) (*drive.Process, func(), error) {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return nil, nil, err
		}
		env := []string{
			"MONCRENEAU_WEBHOOK_SECRET=" + drive.Secret, "DATA_DIR=" + dir, "RATE_LIMIT=none", "APPENDFSYNC=" + fsync,
			"NODE_PATH=/usr/share/nodejs", "NODE_ENV=production",
		}
		p, err := drive.Start(ctx, o.express, env, "node", "receiver.js")
		return p, func() { _ = os.RemoveAll(dir) }, err
	}}
}
