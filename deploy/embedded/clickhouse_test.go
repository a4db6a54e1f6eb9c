package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/deploy/embedded"
)

func createHits(t *testing.T, conn driver.Conn) {
	t.Helper()
	err := conn.Exec(t.Context(), "CREATE TABLE hits (id UInt64, url String) ENGINE = ReplacingMergeTree ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
}

func insertHits(t *testing.T, conn driver.Conn, from, to uint64) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO hits")
	if err != nil {
		t.Fatal(err)
	}
	for id := from; id < to; id++ {
		if err := batch.Append(id, "https://example.test/"+strconv.FormatUint(id, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

func wantHits(t *testing.T, conn driver.Conn, want uint64) {
	t.Helper()
	var count, distinct uint64
	row := conn.QueryRow(t.Context(), "SELECT count(), uniqExact(url) FROM hits FINAL")
	if err := row.Scan(&count, &distinct); err != nil {
		t.Fatal(err)
	}
	if count != want || distinct != want {
		t.Errorf("%d hits with %d distinct URLs, want %d", count, distinct, want)
	}
}

func TestClickHouseKeepsRowsOverARestart(t *testing.T) {
	dir := t.TempDir()
	first := startClickHouse(t, dir)
	conn := connect(t, first.DSN("default"))
	createHits(t, conn)
	insertHits(t, conn, 0, 50_000)
	wantHits(t, conn, 50_000)
	insertHits(t, conn, 25_000, 75_000)
	wantHits(t, conn, 75_000)
	pid := first.Pid()
	closeClickHouse(t, first)
	closeClickHouse(t, first)
	if alive(pid) {
		t.Error("the child lives on after Close")
	}
	select {
	case <-first.Done():
	default:
		t.Error("Done is open after Close")
	}
	if err := first.Err(); err != nil {
		t.Errorf("Err after Close is %v, want nil", err)
	}

	second := startClickHouse(t, dir)
	if first.Password() == second.Password() {
		t.Error("two runs have the same password")
	}
	wantHits(t, connect(t, second.DSN("default")), 75_000)
}

func TestClickHouseKeepsRowsWhenTheChildIsKilled(t *testing.T) {
	dir := t.TempDir()
	ch := startClickHouse(t, dir)
	conn := connect(t, ch.DSN("default"))
	createHits(t, conn)
	insertHits(t, conn, 0, 10_000)
	if err := syscall.Kill(ch.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ch.Done()
	if err := ch.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Err of a killed child is %v, want it to say so", err)
	}
	again := startClickHouse(t, dir) // Without Close: the folder is free when the child is gone.
	wantHits(t, connect(t, again.DSN("default")), 10_000)
}

func TestClickHouseKeepsRowsWhenTheParentIsKilled(t *testing.T) {
	config := clickHouseConfig(t, "")
	if config.Engine.Library == "" {
		t.Skip("the parent in this test runs the library, and a clickhouse binary was found first")
	}
	dir := t.TempDir()
	r, kill := startParent(t, dir, config.Engine.Library)
	conn := connect(t, r.DSN)
	createHits(t, conn)
	insertHits(t, conn, 0, 10_000)
	produce(t, r.Kafka, 100)
	kill()

	// At once, on the same ports as the dying child, as a demo that keeps its ports does.
	config.Dir = filepath.Join(dir, "clickhouse")
	u, err := url.Parse(r.DSN)
	if err != nil {
		t.Fatal(err)
	}
	if config.TCPPort, err = strconv.Atoi(u.Port()); err != nil {
		t.Fatal(err)
	}
	ch, err := embedded.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer closeClickHouse(t, ch)
	eventually(t, "the child of the killed parent ends", func() bool { return !alive(r.Child) })
	wantHits(t, connect(t, ch.DSN("default")), 10_000)

	k := startKafka(t, filepath.Join(dir, "kafka"))
	wantRecords(t, k.Addr(), 100)
}

func TestClickHouseUsers(t *testing.T) {
	ch := startClickHouse(t, t.TempDir())
	admin := connect(t, ch.DSN("default"))
	createHits(t, admin)
	insertHits(t, admin, 0, 10)

	wrong := strings.Replace(ch.DSN("default"), ch.Password(), "of-another-run", 1)
	tests := []struct{ name, dsn, query, want string }{
		{"the writer reads", ch.DSN("default"), "SELECT count() FROM hits", ""},
		{"the writer manages no users", ch.DSN("default"), "CREATE USER somebody", "privileges"},
		{"the reader reads", ch.ReaderDSN("default"), "SELECT count() FROM hits SETTINGS max_threads = 1", ""},
		{"the reader does not write", ch.ReaderDSN("default"), "INSERT INTO hits VALUES (1, 'x')", "privileges|readonly"},
		{"the reader reads no files", ch.ReaderDSN("default"), "SELECT * FROM file('/etc/passwd', LineAsString)", "privileges|readonly"},
		{"the reader calls no addresses", ch.ReaderDSN("default"), "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", "privileges|readonly"},
		{"the password of another run", wrong, "SELECT 1", "Authentication failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := connect(t, tt.dsn).Exec(t.Context(), tt.query)
			if !saysOneOf(err, tt.want) {
				t.Errorf("%s: %v, want %q", tt.query, err, tt.want)
			}
		})
	}
}

// The library starts itself as a user without a password, which must be of no use to anybody else.
func TestClickHouseEnginesOwnUserIsOfNoUse(t *testing.T) {
	ch := startClickHouse(t, t.TempDir())
	admin := connect(t, ch.DSN("default"))
	createHits(t, admin)
	insertHits(t, admin, 0, 10)
	engine := strings.Replace(ch.DSN("default"), embedded.WriterUser+":"+ch.Password(), "default:", 1)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	queries := []string{
		"SELECT * FROM hits", "SELECT * FROM file('" + secret + "', LineAsString)", "INSERT INTO FUNCTION file('" + secret + "') SELECT 1",
		"SYSTEM STOP LISTEN TCP", "SYSTEM SHUTDOWN", "SHOW PROCESSLIST", "KILL QUERY WHERE 1", "SET max_threads = 1", "SET profile = 'reader'",
		"CREATE TEMPORARY TABLE x (a UInt8)", "SELECT count() FROM numbers(10)", "SHOW TABLES",
	}
	for range 3 {
		for _, query := range queries {
			if err := connect(t, engine).Exec(t.Context(), query); !saysOneOf(err, "Quota|privileges|Authentication failed") {
				t.Errorf("%s as default: %v, want a refusal", query, err)
			}
			for _, parameters := range []string{"", "&profile=default", "&session_id=1"} {
				answer, err := post("http://"+ch.HTTPAddr()+"/?query="+url.QueryEscape(query)+parameters, "")
				if err != nil || !strings.HasPrefix(answer, "Code: ") {
					t.Errorf("%s%s as default over HTTP: %q, %v; want a refusal", query, parameters, answer, err)
				}
			}
		}
	}
	wantHits(t, admin, 10)
	if err := ch.Err(); err != nil {
		t.Error(err)
	}
}

// saysOneOf compares an error with alternatives; "" wants none.
func saysOneOf(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	for _, words := range strings.Split(want, "|") {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

func post(to, body string) (string, error) {
	resp, err := http.Post(to, "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}

func TestClickHouseIsConfiguredForAnEmbeddedEngine(t *testing.T) {
	dir := t.TempDir()
	conn := connect(t, startClickHouse(t, dir).DSN("default"))
	// A log's table appears with its first entries.
	if err := conn.Exec(t.Context(), "SYSTEM FLUSH LOGS"); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, query, want string }{
		{"memory", "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'", "2147483648"},
		{"mark cache", "SELECT value FROM system.server_settings WHERE name = 'mark_cache_size'", "134217728"},
		{"primary index cache", "SELECT value FROM system.server_settings WHERE name = 'primary_index_cache_size'", "134217728"},
		{"inserts are written before they are acknowledged", "SELECT toString(getSetting('async_insert'))", "false"},
		{"time zone", "SELECT toString(toDateTime(0))", "1970-01-01 00:00:00"},
		{"no log tables", "SELECT arrayStringConcat(groupArray(name), ',') FROM system.tables WHERE database = 'system' AND name LIKE '%_log'", ""},
		{"functions", "SELECT toString(windowFunnel(10)(t, e = 'a', e = 'b')) FROM values('t DateTime, e String', (1, 'a'), (2, 'b'))", "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			if err := conn.QueryRow(t.Context(), tt.query).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("%s: %q, want %q", tt.query, got, tt.want)
			}
		})
	}
	for _, name := range []string{"config.xml", "users.xml"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want it readable by its owner only", name, info.Mode())
		}
	}
}

func TestClickHouseMergesAndMutates(t *testing.T) {
	conn := connect(t, startClickHouse(t, t.TempDir()).DSN("default"))
	createHits(t, conn)
	for range 5 {
		insertHits(t, conn, 0, 1000)
	}
	for _, query := range []string{"OPTIMIZE TABLE hits FINAL", "ALTER TABLE hits DELETE WHERE id >= 10 SETTINGS mutations_sync = 2"} {
		if err := conn.Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	var raw uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM hits").Scan(&raw); err != nil {
		t.Fatal(err)
	}
	if raw != 10 {
		t.Errorf("%d rows, want 10", raw)
	}
}

func TestClickHouseSaysWhyItDoesNotStart(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	noLibrary := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(noLibrary, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	startClickHouse(t, used)

	tests := []struct {
		name   string
		change func(*embedded.ClickHouseConfig)
		want   []string
	}{
		{"a folder in use", func(c *embedded.ClickHouseConfig) { c.Dir = used },
			[]string{"another sourceloop is running", "--data"}},
		{"a port in use", func(c *embedded.ClickHouseConfig) {
			c.HTTPPort = occupied.Addr().(*net.TCPAddr).Port
			c.StartTimeout = 300 * time.Millisecond
		}, []string{"port is in use", occupied.Addr().String(), "choose another port"}},
		{"a file that is no library", func(c *embedded.ClickHouseConfig) { c.Engine = embedded.Engine{Library: noLibrary} },
			[]string{"cannot load the ClickHouse library", noLibrary}},
		{"a child that is no sourceloop", func(c *embedded.ClickHouseConfig) { c.Executable, c.Args = "/bin/false", nil },
			[]string{"ended by itself"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := clickHouseConfig(t, t.TempDir())
			tt.change(&config)
			ch, err := embedded.StartClickHouse(t.Context(), config)
			if err == nil {
				closeClickHouse(t, ch)
				t.Fatal("it started")
			}
			for _, words := range tt.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
		})
	}
}

// The library's own words must come through: here from a configuration with a wrong value.
func TestClickHouseChildReportsTheEnginesWords(t *testing.T) {
	engine := clickHouseConfig(t, "").Engine
	if engine.Library == "" {
		t.Skip("this test runs the library, and a clickhouse binary was found first")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.xml")
	if err := os.WriteFile(config, []byte("<clickhouse><listen_host>127.0.0.1</listen_host><tcp_port>banana</tcp_port></clickhouse>"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], embedded.ChildCommand, "-library", engine.Library, "-config", config, "-data", filepath.Join(dir, "data"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the child ended with %v, want exit code 1", err)
	}
	if !strings.Contains(string(out), "cannot run ClickHouse") || !strings.Contains(string(out), "banana") {
		t.Errorf("the child said %q, want the engine's words about the port", out)
	}
}

func TestClickHouseStartStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ch, err := embedded.StartClickHouse(ctx, clickHouseConfig(t, t.TempDir()))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want it to be the context's", err)
	}
	if ch != nil {
		closeClickHouse(t, ch)
	}
}

func TestRemoveDirDeletesTheFolderAfterTheEnd(t *testing.T) {
	config := clickHouseConfig(t, filepath.Join(t.TempDir(), "clickhouse"))
	config.RemoveDir = true
	ch, err := embedded.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	closeClickHouse(t, ch)
	if _, err := os.Stat(config.Dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// What the engine says could hold personal data: nothing of queries, also of those that fail.
func TestClickHouseSaysNothingOfQueries(t *testing.T) {
	config := clickHouseConfig(t, t.TempDir())
	var said bytes.Buffer
	config.Output = &said
	ch, err := embedded.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, ch.DSN("default"))
	createHits(t, conn)
	insertHits(t, conn, 0, 100)
	wantHits(t, conn, 100)
	if err := conn.Exec(t.Context(), "SELECT nonsense"); err == nil {
		t.Error("nonsense was understood")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	closeClickHouse(t, ch)
	if said.Len() > 0 {
		t.Errorf("it said %d bytes: %.500s", said.Len(), said.String())
	}
}
