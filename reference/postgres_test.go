package reference

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

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

func TestTheRateLimitOfAllReplicasIsOne(t *testing.T) {
	config := Config{DatabaseURL: postgresURL(t), Workers: 1, AttemptTimeout: time.Minute}
	var replicas []Limiter
	for range 2 {
		q, err := openQueue(t.Context(), config, newRecorder().worker(), zerolog.Nop(), clockwork.NewRealClock())
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		replicas = append(replicas, q.limiter(RateLimit{5, time.Hour}))
	}
	client := netip.MustParseAddr("41.223.45.1")
	for i := range 5 {
		var header fasthttp.ResponseHeader
		if err := replicas[i%2].take(t.Context(), &header, client, true); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if got, want := string(header.Peek("RateLimit-Remaining")), strconv.Itoa(4-i); got != want {
			t.Errorf("request %d: RateLimit-Remaining %q, want %q", i, got, want)
		}
	}
	var header fasthttp.ResponseHeader
	if err := replicas[0].take(t.Context(), &header, client, true); !errors.Is(err, errRateLimit) {
		t.Errorf("the sixth: %v", err)
	}
	// A token comes back every twelve minutes.
	if wait, _ := strconv.Atoi(string(header.Peek("Retry-After"))); wait < 600 || wait > 720 {
		t.Errorf("Retry-After: %q, want a little less than 720", header.Peek("Retry-After"))
	}
	if err := replicas[1].take(t.Context(), &fasthttp.ResponseHeader{}, client, false); err != nil {
		t.Errorf("what is not signed has another budget: %v", err)
	}
}

// Beats are counted, so a replica that is slow for as long as its fellow is slow is not
// taken for dead, however long that is.
func TestOnlyAReplicaThatStandsStillWhileOthersCountIsTakenForDead(t *testing.T) {
	config := Config{DatabaseURL: postgresURL(t), Workers: 1, AttemptTimeout: time.Minute}
	var replicas [2]*postgresQueue
	for i := range replicas {
		q, err := openPostgresQueue(t.Context(), config, newRecorder().worker(), zerolog.Nop(), clockwork.NewRealClock())
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		replicas[i] = q
	}
	one, other := replicas[0], replicas[1]
	seen := map[string]sighting{}
	beat := func(q *postgresQueue, seen map[string]sighting, times int) {
		t.Helper()
		for range times {
			if err := q.beat(t.Context(), seen); err != nil {
				t.Fatal(err)
			}
		}
	}
	accept(t, one, "evt_1")
	beat(one, map[string]sighting{}, 1)
	if _, err := one.pool.Exec(t.Context(), "UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY[$1]", one.replica); err != nil {
		t.Fatal(err)
	}
	state := func() (state string) {
		t.Helper()
		if err := one.pool.QueryRow(t.Context(), "SELECT state::text FROM river_job").Scan(&state); err != nil {
			t.Fatal(err)
		}
		return state
	}
	for range 3 {
		beat(other, seen, deadBeats) // the first only sees how far the other one is
		if got := state(); got != "running" {
			t.Fatalf("the event of a replica that still counts was taken over: it is %s", got)
		}
		beat(one, map[string]sighting{}, 1)
	}
	beat(other, seen, 1+deadBeats)
	if got := state(); got != "available" {
		t.Errorf("the event of a replica that counts no more is %s, want available", got)
	}
}
