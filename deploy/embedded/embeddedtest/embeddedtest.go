// Package embeddedtest gives tests real engines in one line each: ClickHouse, Kafka and Redis as package embedded runs
// them, on free loopback ports, gone when the test is.
//
//	func TestSomething(t *testing.T) {
//		db := embeddedtest.ClickHouse(t)          // an empty database of this test's own
//		conn, err := clickhouse.Open(db.Options())
//		broker := embeddedtest.Kafka(t)           // host:port
//		redis := embeddedtest.Redis(t)            // host:port
//
// One ClickHouse serves all tests of a test binary; it ends when the binary does. Nothing is needed in TestMain. Where
// the library is missing, a test is skipped with words, unless the environment variable REQUIRE contains "clickhouse":
// then it fails.
package embeddedtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/deploy/embedded"
)

// Database is a test's own database on a real ClickHouse.
type Database struct {
	Addr     string // host:port of the native protocol.
	HTTPAddr string // host:port of the HTTP interface.
	Name     string // The database; tables named without one are in it.
	Username string
	Password string
	DSN      string // All of that for clickhouse-go's ParseDSN, database/sql or goose; with LZ4.
	// ReaderDSN signs in as a user who may only read.
	ReaderDSN string
}

// Options are a fresh copy of what clickhouse.Open and clickhouse.OpenDB take.
func (d Database) Options() *clickhouse.Options {
	return &clickhouse.Options{
		Addr:        []string{d.Addr},
		Auth:        clickhouse.Auth{Database: d.Name, Username: d.Username, Password: d.Password},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		DialTimeout: 30 * time.Second,
	}
}

// ClickHouse gives the test an empty database, which is dropped when the test ends.
func ClickHouse(t testing.TB) Database {
	t.Helper()
	engine := Engine(t)
	ch, err := shared(engine)
	if err != nil {
		t.Fatal(err)
	}
	db := Database{
		Addr: ch.Addr(), HTTPAddr: ch.HTTPAddr(), Name: "test_" + strings.ToLower(rand.Text()),
		Username: embedded.WriterUser, Password: ch.Password(),
	}
	db.DSN, db.ReaderDSN = ch.DSN(db.Name), ch.ReaderDSN(db.Name)
	execute(t, ch, "CREATE DATABASE "+db.Name)
	t.Cleanup(func() { execute(t, ch, "DROP DATABASE "+db.Name+" SYNC") })
	return db
}

func execute(t testing.TB, ch *embedded.ClickHouse, query string) {
	t.Helper()
	options, err := clickhouse.ParseDSN(ch.DSN("default"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Not the test's context: that one is done when the clean-up runs.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := conn.Exec(ctx, query); err != nil {
		t.Fatalf("cannot run %q: %v (engine: %v)", query, err, ch.Err())
	}
}

// Engine finds what embedded.StartClickHouse can run: as the program does, and in the cache of the repository that the
// test is in. Without one the test is skipped, or fails where REQUIRE asks for clickhouse.
func Engine(t testing.TB) embedded.Engine {
	t.Helper()
	engine, err := embedded.FindEngine()
	if err == nil {
		return engine
	}
	root, rootErr := moduleRoot()
	if rootErr == nil {
		library := embedded.LibraryIn(filepath.Join(root, ".cache", "chdb"))
		if _, statErr := os.Stat(library); statErr == nil && os.Getenv(embedded.LibraryVariable) == "" {
			return embedded.Engine{Library: library}
		}
	}
	if strings.Contains(os.Getenv("REQUIRE"), "clickhouse") {
		t.Fatal(errors.Join(err, rootErr))
	}
	t.Skipf("not tested, because it needs ClickHouse: %v", err)
	return embedded.Engine{}
}

// moduleRoot is the folder of go.mod, above the working directory of a test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("cannot find the module: no go.mod above the working directory")
		}
		dir = parent
	}
}

// shared starts the one ClickHouse of this test binary, at its first use. Starting takes a second or two, a hundred tests
// would wait for minutes; hence this one piece of state outside a test.
func shared(engine embedded.Engine) (*embedded.ClickHouse, error) {
	one.once.Do(func() { one.ch, one.err = start(engine) })
	return one.ch, one.err
}

var one struct {
	once sync.Once
	ch   *embedded.ClickHouse
	err  error
}

// start leaves nobody to call Close: the child ends when this process does, and deletes the folder, its own program
// file included.
func start(engine embedded.Engine) (*embedded.ClickHouse, error) {
	dir, err := os.MkdirTemp("", "sourceloop-clickhouse-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for ClickHouse: %w", err)
	}
	child, err := BuildChild(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ch, err := embedded.StartClickHouse(context.Background(), embedded.ClickHouseConfig{
		Dir: dir, Engine: engine, Executable: child, MaxMemory: 2 << 30, CacheSize: 32 << 20, RemoveDir: true,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return ch, nil
}

// BuildChild builds the program that embedded.ClickHouseConfig.Executable takes where the program under test is a test
// binary, which has no subcommands. Args stays empty.
func BuildChild(dir string) (executable string, err error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	executable = filepath.Join(dir, "chchild")
	cmd := exec.Command("go", "build", "-o", executable, "./deploy/embedded/chchild")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the ClickHouse child: %w\n%s", err, out)
	}
	return executable, nil
}

// Kafka starts a broker of the test's own on an empty folder, without fsync, and gives its host:port. It closes after the
// test: close clients before, in a Cleanup.
func Kafka(t testing.TB) string {
	t.Helper()
	k, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k.Addr()
}

// Redis starts an empty Redis of the test's own, and gives its host:port.
func Redis(t testing.TB) string {
	t.Helper()
	r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.Addr()
}
