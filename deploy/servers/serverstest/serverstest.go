// Package serverstest gives tests the real servers of package servers in one
// line each.
//
//	func TestSomething(t *testing.T) {
//		brokers := serverstest.Kafka(t).Addr          // shared by the test binary
//		redis := serverstest.Redis(t)                 // this test's own
//		dsn := serverstest.Database(t)                // a new database on a shared PostgreSQL
//		clickhouse := serverstest.ClickHouse(t)       // this test's own, outside of the product
//
// Kafka and PostgreSQL take seconds to start, so that one of each serves all
// tests of a binary; they end, and their folders go, when the binary ends in any
// way. Who stops or kills one starts its own with New.
//
// A server that is not on this machine skips the test with words, unless the
// environment variable REQUIRE names it: then the test fails.
package serverstest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/deploy/servers"
)

// one is a server that all tests of a binary share: starting a new one for each
// would take minutes. Hence this one piece of state outside a test.
type one[S any] struct {
	once   sync.Once
	server S
	err    error
	life   io.Closer // open as long as this process lives
}

var shared struct {
	kafka    one[*servers.Kafka]
	postgres one[*servers.Postgres]
}

// get starts the server at its first use.
func (o *one[S]) get(t testing.TB, name string, start func(context.Context, string) (S, error)) S {
	t.Helper()
	o.once.Do(func() {
		var dir string
		if dir, o.life, o.err = orphan(name); o.err == nil {
			o.server, o.err = start(context.Background(), dir)
		}
	})
	need(t, name, o.err)
	return o.server
}

// orphan makes a folder that is removed when this process has ended in any way:
// a shell waits for the end of its input, whose other end is life.
func orphan(name string) (dir string, life io.Closer, err error) {
	if dir, err = os.MkdirTemp("", "sourceloop-"+name+"-"); err != nil {
		return "", nil, err
	}
	// The server is killed at the same moment, and may write for one more.
	mourner := exec.Command("sh", "-c", `cat >/dev/null; sleep 1; rm -rf -- "$0"`, dir)
	mourner.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if life, err = mourner.StdinPipe(); err == nil {
		err = mourner.Start()
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, life, nil
}

// need skips or fails the test for which a server did not start.
func need(t testing.TB, name string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, servers.ErrMissing) && !Required(name):
		t.Skipf("not tested on %s: %v", name, err)
	default:
		t.Fatal(err)
	}
}

// Required tells whether the environment's REQUIRE names this server.
func Required(name string) bool { return strings.Contains(os.Getenv("REQUIRE"), name) }

// Kafka is an Apache Kafka that all tests of the binary share: topics and groups
// of one are seen by the others, unless they are named for their test.
func Kafka(t testing.TB) *servers.Kafka {
	t.Helper()
	return shared.kafka.get(t, "kafka", func(ctx context.Context, dir string) (*servers.Kafka, error) {
		return servers.StartKafka(ctx, servers.KafkaConfig{Dir: dir})
	})
}

// NewKafka is an Apache Kafka of the test's own.
func NewKafka(t testing.TB) *servers.Kafka {
	t.Helper()
	k, err := servers.StartKafka(context.Background(), servers.KafkaConfig{})
	return own(t, "kafka", k, err)
}

// Postgres is a PostgreSQL that all tests of the binary share.
func Postgres(t testing.TB) *servers.Postgres {
	t.Helper()
	return shared.postgres.get(t, "postgres", func(ctx context.Context, dir string) (*servers.Postgres, error) {
		return servers.StartPostgres(ctx, servers.PostgresConfig{Dir: dir})
	})
}

// NewPostgres is a PostgreSQL of the test's own.
func NewPostgres(t testing.TB) *servers.Postgres {
	t.Helper()
	p, err := servers.StartPostgres(context.Background(), servers.PostgresConfig{})
	return own(t, "postgres", p, err)
}

// Database is the address of a new, empty database on the shared PostgreSQL.
func Database(t testing.TB) string {
	t.Helper()
	dsn, err := Postgres(t).NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// Redis is an empty Redis of the test's own.
func Redis(t testing.TB, args ...string) *servers.Redis {
	t.Helper()
	r, err := servers.StartRedis(context.Background(), servers.RedisConfig{Args: args})
	return own(t, "redis", r, err)
}

// ClickHouse is an empty ClickHouse of the test's own, outside of the product.
func ClickHouse(t testing.TB) *servers.ClickHouse {
	t.Helper()
	engine := embeddedtest.Engine(t)
	child, err := embeddedtest.BuildChild(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.StartClickHouse(context.Background(), servers.ClickHouseConfig{Engine: engine, Executable: child})
	return own(t, "clickhouse", c, err)
}

// own gives the test a server that is closed after it.
func own[S interface{ Close() error }](t testing.TB, name string, server S, err error) S {
	t.Helper()
	need(t, name, err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}
