package servers_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/deploy/servers"
	"sourceloop/deploy/servers/serverstest"
)

// patience bounds every wait of a machine that may be busy.
const patience = 5 * time.Minute

// server is what all of them can do.
type server interface {
	Name() string
	Dir() string
	Pid() int
	Start(ctx context.Context) error
	Stop() error
	Kill() error
	Pause() error
	Resume() error
}

// keeper stores numbers on a server through its own protocol.
type keeper struct {
	server
	put   func(ctx context.Context, number int) error
	count func(ctx context.Context) (int, error)
}

func TestAServerComesBackAtItsAddressWithWhatItHad(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) keeper{
		"kafka": onKafka, "redis": onRedis, "postgres": onPostgres, "clickhouse": onClickHouse,
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t)
			if k.Name() != name {
				t.Errorf("its name is %s", k.Name())
			}
			k.mustPut(t, 1)
			for number, end := range map[int]func() error{2: k.Stop, 3: k.Kill} {
				pid := k.Pid()
				must(t, end())
				if k.Pid() != 0 {
					t.Fatalf("process %d was ended and runs", pid)
				}
				must(t, k.Start(t.Context()))
				if k.Pid() == pid {
					t.Errorf("process %d was not ended", pid)
				}
				k.mustPut(t, number)
			}
			if got, err := k.count(t.Context()); err != nil || got != 3 {
				t.Errorf("%d of 3 numbers are there, %v", got, err)
			}
		})
	}
}

func TestAPausedServerDoesNotAnswerAndLosesNothing(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) keeper{
		"kafka": onKafka, "redis": onRedis, "postgres": onPostgres, "clickhouse": onClickHouse,
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t)
			k.mustPut(t, 1)
			must(t, k.Pause())
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if got, err := k.count(ctx); err == nil {
				t.Errorf("it was paused and answered %d", got)
			}
			must(t, k.Resume())
			k.mustPut(t, 2)
			if got, err := k.count(t.Context()); err != nil || got != 2 {
				t.Errorf("%d of 2 numbers are there, %v", got, err)
			}
			must(t, k.Pause())
			must(t, k.Stop()) // A paused one can be stopped, too.
		})
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	_, err := servers.StartRedis(t.Context(), servers.RedisConfig{Args: []string{"--no-such-option", "1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("got %v", err)
	}
}

func TestCloseRemovesTheFolder(t *testing.T) {
	var dir string
	t.Run("redis", func(t *testing.T) { dir = serverstest.Redis(t).Dir() })
	if _, err := os.Stat(dir); dir != "" && !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustPut stores a number, however often it takes: clients need a moment to see
// that their server is back.
func (k keeper) mustPut(t *testing.T, number int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := k.put(ctx, number)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("number %d can't be stored for %s: %v", number, patience, err)
		}
	}
}

func onKafka(t *testing.T) keeper {
	k := serverstest.NewKafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addr), kgo.DefaultProduceTopic("numbers"))
	must(t, err)
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(t.Context(), 1, -1, nil, "numbers")
	must(t, err)
	return keeper{
		server: k,
		put: func(ctx context.Context, number int) error {
			return client.ProduceSync(ctx, &kgo.Record{Value: fmt.Append(nil, number)}).FirstErr()
		},
		count: func(ctx context.Context) (int, error) {
			ends, err := admin.ListEndOffsets(ctx, "numbers")
			if err != nil {
				return 0, err
			}
			end, _ := ends.Lookup("numbers", 0)
			return int(end.Offset), end.Err
		},
	}
}

func onRedis(t *testing.T) keeper {
	r := serverstest.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	client := redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return keeper{
		server: r,
		put:    func(ctx context.Context, number int) error { return client.SAdd(ctx, "numbers", number).Err() },
		count: func(ctx context.Context) (int, error) {
			n, err := client.SCard(ctx, "numbers").Result()
			return int(n), err
		},
	}
}

func onPostgres(t *testing.T) keeper {
	p := serverstest.NewPostgres(t)
	dsn, err := p.NewDatabase(t.Context())
	must(t, err)
	db, err := sql.Open("pgx", dsn)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.ExecContext(t.Context(), "CREATE TABLE numbers (number integer PRIMARY KEY)")
	must(t, err)
	return keeper{
		server: p,
		put: func(ctx context.Context, number int) error {
			_, err := db.ExecContext(ctx, "INSERT INTO numbers VALUES ($1) ON CONFLICT DO NOTHING", number)
			return err
		},
		count: func(ctx context.Context) (n int, err error) {
			return n, db.QueryRowContext(ctx, "SELECT count(*) FROM numbers").Scan(&n)
		},
	}
}

func onClickHouse(t *testing.T) keeper {
	c := serverstest.ClickHouse(t)
	options, err := clickhouse.ParseDSN(c.DSN("default"))
	must(t, err)
	conn, err := clickhouse.Open(options)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.Exec(t.Context(), "CREATE TABLE numbers (number UInt64) ENGINE = MergeTree ORDER BY number"))
	return keeper{
		server: c,
		put: func(ctx context.Context, number int) error {
			return conn.Exec(ctx, "INSERT INTO numbers VALUES (?)", number)
		},
		count: func(ctx context.Context) (int, error) {
			var n uint64
			err := conn.QueryRow(ctx, "SELECT uniqExact(number) FROM numbers").Scan(&n)
			return int(n), err
		},
	}
}

// Any program can be handled as a server is.
func TestAProgramIsStartedPausedAndKilled(t *testing.T) {
	p, err := servers.NewProgram(servers.ProgramConfig{
		Name: "sleeper", Command: func() *exec.Cmd { return exec.Command("sleep", "3600") },
		Ready: func(context.Context) error { return nil },
	})
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	if p.Pid() != 0 {
		t.Error("it runs before it was started")
	}
	must(t, p.Start(t.Context()))
	must(t, p.Pause())
	if !p.Paused() {
		t.Error("it was paused and runs")
	}
	must(t, p.Resume())
	until(t, "it to go on", func() bool { return !p.Paused() })
	must(t, p.Kill())
	if p.Pid() != 0 || p.Paused() {
		t.Error("it was killed and is there")
	}
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	again, deadline := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
