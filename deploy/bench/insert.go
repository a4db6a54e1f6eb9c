package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	sink "sourceloop/sinks/clickhouse"
)

//go:embed sql/insert_select.sql
var insertSelect string

// insertRows is how many rows one insert has, and mostInserted how many a turn inserts at most.
const (
	insertRows   = 50_000
	mostInserted = 200_000
)

// inserting is a measurement of the sink: rows into the product's table of hits, against the same rows appended one by one
// with clickhouse-go to a table of the same make.
type inserting struct {
	db   *database
	rows []*schema.Hit

	sink   *sink.Sink
	append driver.Conn

	ours, appended, selected []float64 // rows a second
	allocations              []float64 // a row
}

// The databases of the two sides, and of the copy that the server makes by itself.
const (
	insertOurs   = "insert_ours"
	insertAppend = "insert_append"
	insertSelf   = "insert_select"
)

func insert(ctx context.Context, db *database, config Config, report *Report) (err error) {
	n := min(config.Hits, mostInserted)
	m := &inserting{db: db, rows: rowsOf(newTraffic(3, time.Now(), time.Hour).hits(n), time.Now())}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx); err != nil {
		return err
	}
	for range config.rounds() {
		if err := m.round(ctx); err != nil {
			return err
		}
	}
	report.add("insert, hits through the sink, rows a second, against row Append", median(m.ours), median(m.appended), 1.8)
	report.note("insert, allocations a row", median(m.allocations))
	report.note("insert, rows", n)
	report.note("insert, rows a second by INSERT SELECT on the server", median(m.selected))
	report.note("insert, ratio to INSERT SELECT on the server", median(m.ours)/median(m.selected))
	return nil
}

func (m *inserting) open(ctx context.Context) error {
	for _, name := range []string{insertOurs, insertAppend, insertSelf} {
		options, err := clickhouse.ParseDSN(m.db.server.DSN(name))
		if err != nil {
			return fmt.Errorf("cannot read ClickHouse's address: %w", err)
		}
		if err := migrations.Migrate(ctx, options, name); err != nil {
			return err
		}
		config := sink.Config{Addr: options.Addr, Database: name, User: options.Auth.Username, Password: options.Auth.Password, Every: time.Millisecond}
		switch name {
		case insertOurs:
			m.sink, err = sink.New(ctx, config)
		case insertAppend:
			m.append, err = clickhouse.Open(sink.Options(config))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *inserting) close() error {
	var all []error
	if m.sink != nil {
		all = append(all, m.sink.Close())
	}
	if m.append != nil {
		all = append(all, m.append.Close())
	}
	return errors.Join(all...)
}

// round lets every side insert all rows, compares what they stored, and empties the tables.
func (m *inserting) round(ctx context.Context) error {
	for _, turn := range []struct {
		into *[]float64
		do   func(context.Context) error
	}{
		{&m.appended, m.byAppend}, {&m.ours, m.bySink}, {&m.selected, m.bySelect},
	} {
		begun := time.Now()
		if err := turn.do(ctx); err != nil {
			return fmt.Errorf("cannot insert: %w", err)
		}
		*turn.into = append(*turn.into, float64(len(m.rows))/time.Since(begun).Seconds())
	}
	if err := m.compare(ctx); err != nil {
		return err
	}
	for _, name := range []string{insertOurs, insertAppend, insertSelf} {
		if err := m.db.conn.Exec(ctx, "TRUNCATE TABLE "+name+".hits"); err != nil {
			return fmt.Errorf("cannot empty a table: %w", err)
		}
	}
	return nil
}

func (m *inserting) bySink(ctx context.Context) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for some := range slices.Chunk(m.rows, insertRows) {
		if err := m.sink.Write(ctx, &sink.Batch{Hits: some}); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	m.allocations = append(m.allocations, float64(after.Mallocs-before.Mallocs)/float64(len(m.rows)))
	return nil
}

func (m *inserting) byAppend(ctx context.Context) error {
	for some := range slices.Chunk(m.rows, insertRows) {
		batch, err := m.append.PrepareBatch(ctx, "INSERT INTO hits")
		if err != nil {
			return err
		}
		for _, h := range some {
			err := batch.Append(h.Workspace, h.Id, math.MaxUint64-uint64(h.Received), h.Visitor, time.UnixMilli(h.At), time.UnixMilli(h.Received),
				int8(h.Type), h.Url, h.Referrer, h.Title, h.Name, h.Properties, h.Traits.GetEmail(), h.Traits.GetPhone(), h.Traits.GetName(),
				h.Traits.GetUserId(), h.UserAgent, h.Tz, h.Country, h.CountrySource, h.Device, h.Browser, h.Os, h.Bot, h.ClockShift,
				h.AdConsent, h.Fbp, h.Fbc, h.LiFatId)
			if err != nil {
				return errors.Join(err, batch.Abort())
			}
		}
		if err := batch.Send(); err != nil {
			return err
		}
	}
	return nil
}

func (m *inserting) bySelect(ctx context.Context) error { return m.db.conn.Exec(ctx, insertSelect) }

// compare fails when the tables do not hold the same rows.
func (m *inserting) compare(ctx context.Context) error {
	var sums [2]uint64
	for i, name := range []string{insertOurs, insertAppend} {
		query := "SELECT sum(cityHash64(*)) FROM " + name + ".hits"
		if err := m.db.conn.QueryRow(ctx, query).Scan(&sums[i]); err != nil {
			return fmt.Errorf("cannot compare what was stored: %w", err)
		}
	}
	if sums[0] != sums[1] || sums[0] == 0 {
		return errors.New("cannot compare: the sink stored other rows than row Append")
	}
	return nil
}
