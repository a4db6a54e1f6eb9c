package report_test

import (
	"math/rand/v2"
	"testing"
	"time"

	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/query/report"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

// store is a real ClickHouse with two workspaces, whose rows come in through
// the same sink as in production.
type store struct {
	t      *testing.T
	sink   *sink.Sink
	costs  *sink.Costs
	reader *report.Reader
	db     embeddedtest.Database
	conn   driver.Conn // for questions of a test's own
	narrow *rand.Rand  // draws how funnels are read; nil for as usual
}

func open(t *testing.T) *store {
	t.Helper()
	db := embeddedtest.ClickHouse(t)
	if err := migrations.Migrate(t.Context(), db.Options(), db.Name); err != nil {
		t.Fatal(err)
	}
	s, err := sink.New(t.Context(), sink.Config{
		Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password, Every: time.Millisecond, Settle: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	reader, err := report.New(db.Options(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := clickhouse.Open(db.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	costs, err := sink.OpenCosts(sink.Config{Addr: []string{db.Addr}, Database: db.Name, User: db.Username, Password: db.Password}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := costs.Close(); err != nil {
			t.Error(err)
		}
	})
	return &store{t: t, db: db, sink: s, costs: costs, reader: reader, conn: conn}
}

func (s *store) write(b *sink.Batch) {
	s.t.Helper()
	if err := s.sink.Write(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) attribute(workspace uint32, version uint64) {
	s.t.Helper()
	if err := s.sink.Attribute(s.t.Context(), workspace, nil, version); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) in(workspace uint32) report.Scoped {
	return s.reader.For(&schema.Workspace{ID: workspace, Zone: time.UTC})
}

// at reads a moment of the test's own month: 3T10:00 is the third, at ten.
func at(t *testing.T, text string) schema.Millis {
	t.Helper()
	moment, err := time.Parse("2006-01-2T15:04", "2026-09-"+text)
	if err != nil {
		t.Fatal(err)
	}
	return schema.MillisOf(moment)
}

func hitID(parts ...string) schema.ID { return schema.Derive(append([]string{"hit"}, parts...)...) }
