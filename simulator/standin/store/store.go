// Package store keeps the state of the stand-in: appointments, webhooks, and the
// events, deliveries and attempts that came of them. It is SQLite, in a file so
// that the state survives a restart, or in memory.
//
// SQLite rather than a key-value store because the API pages and filters, the
// delivery engine asks what is due for which endpoint, and a change of an
// appointment, its event and the deliveries of it must become true together.
package store

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver
)

//go:embed schema.sql
var schema string

// schemaVersion is kept in the file (PRAGMA user_version). A file of another
// version is refused: nothing in it is worth a migration.
const schemaVersion = 1

// ErrNotFound is returned for an id that names nothing.
var ErrNotFound = errors.New("not found")

// ErrInUse is returned by Open when another process has the file open.
var ErrInUse = errors.New("in use by another process")

// Kind says what a Change is about.
type Kind string

// The kinds of a Change.
const (
	KindAppointment Kind = "appointment"
	KindWebhook     Kind = "webhook"
	KindDelivery    Kind = "delivery"
	KindAccount     Kind = "account"
)

// Change names something that a committed transaction has altered, created or
// deleted. ID is the row's id as text.
type Change struct {
	Kind Kind
	ID   string
}

// Store is the state. Its methods may be called concurrently.
type Store struct {
	db     *sql.DB
	anchor *sql.DB // keeps a database in memory alive; nil with a file

	mu       sync.Mutex
	onCommit []func([]Change)
}

// Open opens the state kept in dir, creating both as needed; an empty dir means
// in memory, gone with Close. credits is what a new account starts with.
func Open(ctx context.Context, dir string, credits int) (*Store, error) {
	s := &Store{}
	var dsn string
	if dir == "" {
		dsn = "file:" + uuid.NewString() + "?mode=memory&cache=shared&"
		anchor, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, fmt.Errorf("stand-in: state in memory: %w", err)
		}
		if err := anchor.PingContext(ctx); err != nil {
			_ = anchor.Close()
			return nil, fmt.Errorf("stand-in: state in memory: %w", err)
		}
		s.anchor = anchor
	} else {
		file, err := prepare(dir)
		if err != nil {
			return nil, fmt.Errorf("stand-in: state in %s: %w", dir, err)
		}
		// An exclusive lock for as long as the file is open: two stand-ins on one
		// state would both send its deliveries. With it WAL needs no shared memory.
		dsn = "file:" + url.PathEscape(file) + "?_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&"
		dsn = strings.ReplaceAll(dsn, "%2F", "/")
	}
	db, err := sql.Open("sqlite", dsn+"_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		s.closeAnchor()
		return nil, fmt.Errorf("stand-in: open state: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer, and with an exclusive lock one reader
	s.db = db
	if err := s.initialise(ctx, credits); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("stand-in: state in %s: %w", dir, err)
	}
	return s, nil
}

// prepare makes the directory and the file, readable by nobody else: the file
// holds webhook secrets.
func prepare(dir string) (file string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if file, err = filepath.Abs(filepath.Join(dir, "standin.db")); err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the directory is the user's choice
	if err != nil {
		return "", err
	}
	return file, f.Close()
}

func (s *Store) initialise(ctx context.Context, credits int) error {
	var version int
	if err := s.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		if strings.Contains(err.Error(), "SQLITE_BUSY") || strings.Contains(err.Error(), "locked") {
			return ErrInUse
		}
		return err
	}
	if version != 0 && version != schemaVersion {
		return fmt.Errorf("standin.db has format %d, this program writes %d: delete it or choose another directory", version, schemaVersion)
	}
	if _, err := s.db.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion)); err != nil {
		if strings.Contains(err.Error(), "SQLITE_BUSY") || strings.Contains(err.Error(), "locked") {
			return ErrInUse
		}
		return err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO account (one, credits) VALUES (1, ?) ON CONFLICT DO NOTHING`, credits)
	return err
}

// Close ends the use of the state.
func (s *Store) Close() error {
	err := s.db.Close()
	s.closeAnchor()
	return err
}

func (s *Store) closeAnchor() {
	if s.anchor != nil {
		_ = s.anchor.Close()
	}
}

// OnCommit has f called after each transaction that changed something, with what
// it changed. f must not block.
func (s *Store) OnCommit(f func([]Change)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCommit = append(s.onCommit, f)
}

// Tx is a transaction.
type Tx struct {
	ctx     context.Context
	tx      *sql.Tx
	changes []Change
}

// Do runs f in a transaction: all of what it does becomes true, or, when it
// returns an error, nothing. A ctx that is done keeps it from beginning. One that
// ends meanwhile does not stop it: that takes milliseconds at most, and a
// transaction that database/sql rolls back on its own is still under way when Do
// has returned.
func (s *Store) Do(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	sqlTx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("state: begin: %w", err)
	}
	tx := &Tx{ctx: ctx, tx: sqlTx}
	if err := f(tx); err != nil {
		_ = sqlTx.Rollback() // the first error says what happened
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("state: commit: %w", err)
	}
	if len(tx.changes) > 0 {
		s.mu.Lock()
		observers := s.onCommit
		s.mu.Unlock()
		for _, f := range observers {
			f(tx.changes)
		}
	}
	return nil
}

func (tx *Tx) changed(kind Kind, id any) {
	tx.changes = append(tx.changes, Change{Kind: kind, ID: fmt.Sprint(id)})
}

func (tx *Tx) exec(query string, args ...any) (sql.Result, error) {
	res, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return res, nil
}

// execOne is exec for a statement that must hit a row.
func (tx *Tx) execOne(query string, args ...any) error {
	res, err := tx.exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("state: %w", err)
	} else if n == 0 {
		return ErrNotFound
	}
	return nil
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// all collects the rows of a query.
func all[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	defer func() { _ = rows.Close() }()
	list := []T{}
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return list, nil
}

// one is the only row of a query, or ErrNotFound.
func one[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	row, err := scan(tx.tx.QueryRowContext(tx.ctx, query, args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return row, ErrNotFound
	case err != nil:
		return row, fmt.Errorf("state: %w", err)
	}
	return row, nil
}

func number(row scanner) (n int, err error) { return n, row.Scan(&n) }

// nanos is t as it is kept; the zero Time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the reverse of nanos.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
