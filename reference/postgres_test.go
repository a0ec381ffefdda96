package reference

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/moncreneau/hookcheck/reference/internal/pgtest"
)

// postgresURL is of an empty database in the server that the tests share.
func postgresURL(t *testing.T) string {
	t.Helper()
	testServer.once.Do(func() { testServer.Server, testServer.err = pgtest.Start(context.Background()) })
	if testServer.err != nil {
		if errors.Is(testServer.err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
			t.Skip(testServer.err)
		}
		t.Fatal(testServer.err)
	}
	conn, err := pgx.Connect(t.Context(), testServer.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	testServer.databases++
	name := fmt.Sprintf("test_%d", testServer.databases)
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	config := conn.Config()
	return fmt.Sprintf("postgres://postgres@%s:%d/%s", config.Host, config.Port, name)
}

var testServer struct {
	*pgtest.Server
	once      sync.Once
	err       error
	databases int
}

func TestMain(m *testing.M) {
	code := m.Run()
	if testServer.Server != nil {
		if err := testServer.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
