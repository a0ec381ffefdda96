package main

import (
	"context"

	"github.com/moncreneau/hookcheck/reference/internal/drive"
	"github.com/moncreneau/hookcheck/reference/internal/pgtest"
)

func (o options) withPostgres() server {
	return server{"receiver, PostgreSQL", func(ctx context.Context) (*drive.Process, func(), error) {
		database, err := pgtest.Start(ctx)
		if err != nil {
			return nil, nil, err
		}
		p, err := o.startIn(ctx, "", "DATABASE_URL="+database.URL)
		return p, func() { _ = database.Stop() }, err
	}}
}
