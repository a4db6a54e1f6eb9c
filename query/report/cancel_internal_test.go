package report

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/schema"
)

// slow says that it has begun, and then takes longer than anybody waits.
const slow = `SELECT toUInt8(sleepEachRow(1)) AS done FROM numbers(3000) WHERE {workspace:UInt32} = 1 AND 'a report that nobody waits for' != ''
SETTINGS max_block_size = 1, max_threads = 1, function_sleep_max_microseconds_per_block = 10000000`

// TestWhoGoesAwayEndsTheStatement: when the context of a question ends, ClickHouse works on it no longer, by whichever client
// it was asked.
func TestWhoGoesAwayEndsTheStatement(t *testing.T) {
	db := embeddedtest.ClickHouse(t)
	r, err := New(db.Options(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	template.Must(r.statements.New("slow.sql").Parse(slow))
	watcher, err := clickhouse.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	running := func() (n uint64) {
		err := watcher.QueryRow(t.Context(),
			"SELECT count() FROM system.processes WHERE current_database = {db:String} AND query LIKE '%nobody waits for%' AND query NOT LIKE '%processes%'",
			clickhouse.Named("db", db.Name)).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	until := func(what string, n uint64) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); running() != n; {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain: %s", what)
			}
		}
	}
	scoped := r.For(&schema.Workspace{ID: 1, Zone: time.UTC})
	for name, ask := range map[string]func(context.Context) error{
		"row by row": func(ctx context.Context) error {
			return scoped.query(ctx, "slow", nil, nil, func(rows driver.Rows) error { return nil })
		},
		"by columns": func(ctx context.Context) error {
			var done proto.ColUInt8
			return scoped.columns(ctx, "slow", nil, nil, proto.Results{{Name: "done", Data: &done}}, func() error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- ask(ctx) }()
			until("the statement to run", 1)
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("who went away was told %v", err)
			}
			until("the statement to end", 0)
		})
	}
}

// TestAQuestionThatReadsTooMuchIsRefused: with words that say what to do, by whichever client.
func TestAQuestionThatReadsTooMuchIsRefused(t *testing.T) {
	db := embeddedtest.ClickHouse(t)
	r, err := New(db.Options(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	template.Must(r.statements.New("wide.sql").Parse("SELECT toUInt8(sum(number)) AS done FROM numbers(1000000) WHERE {workspace:UInt32} = 1"))
	scoped := r.For(&schema.Workspace{ID: 1, Zone: time.UTC})
	var read atomic.Int64
	ask := map[string]func() error{
		"row by row": func() error {
			return scoped.query(t.Context(), "wide", nil, nil, func(rows driver.Rows) error { read.Add(1); return nil })
		},
		"by columns": func() error {
			var done proto.ColUInt8
			return scoped.columns(t.Context(), "wide", nil, nil, proto.Results{{Name: "done", Data: &done}}, func() error { read.Add(1); return nil })
		},
	}
	for name, ask := range ask {
		r.ReadAtMost(1_000_000)
		if err := ask(); schema.KindOf(err) != schema.KindLimited {
			t.Errorf("%s: reading eight million bytes where one may be is answered with %v", name, err)
		}
		r.ReadAtMost(100_000_000)
		if err := ask(); err != nil {
			t.Errorf("%s: within the limit: %v", name, err)
		}
	}
}
