package report

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"text/template"
	"time"

	"github.com/ClickHouse/ch-go"
	clickhouse "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
	"sourceloop/schema/clickhouse/farewell"
)

//go:embed sql/*.sql
var files embed.FS

// Reader holds the connections and the parsed statements. It is safe for
// concurrent use.
type Reader struct {
	conn         driver.Conn
	columnar     *columnar
	rooms        rooms
	crowds       chan struct{} // a place for every large one that is gathered
	mostCrowd    int           // bytes
	kept         *keeper
	funnels      *sync.Pool // of funnelRows: as large as former questions needed; two for each turn, and what is idle is the collector's
	chunks       *sync.Pool // of piles
	turns        turns      // of funnels
	funnelLimits funnelLimits
	memory       *funnelMemory
	resting      *restingMemory
	copies       *atomic.Pointer[[]schema.JourneyCopy] // that stood at the last question
	listing      listing
	replays      replayLimits
	mostSets     int // of states, under Shapley
	limit        time.Duration
	bytes        int64 // that one statement may read; 0 for any
	statements   *template.Template
	channels     Channels // nil for none
}

// New opens connections that reports are read through; options should name a
// user who may only read. limit bounds one statement, 30 s when zero.
func New(options *clickhouse.Options, limit time.Duration) (*Reader, error) {
	statements, err := template.ParseFS(files, "sql/*.sql")
	if err != nil {
		return nil, fmt.Errorf("cannot read the statements of reports: %w", err)
	}
	conn, err := clickhouse.Open(farewell.Options(options))
	if err != nil {
		return nil, fmt.Errorf("cannot use the ClickHouse configuration: %w", err)
	}
	if limit == 0 {
		limit = 30 * time.Second
	}
	r := &Reader{conn: conn, columnar: newColumnar(options, limit), rooms: newRooms(), crowds: make(chan struct{}, 1), mostCrowd: mostCrowd, turns: newTurns(limit), funnelLimits: usualLimits(limit), copies: &atomic.Pointer[[]schema.JourneyCopy]{}, funnels: &sync.Pool{New: func() any { return &funnelRows{} }}, chunks: &sync.Pool{New: func() any { return new([chunkRows]pileDeed) }}, listing: usualListing(), replays: usualReplay(limit), mostSets: mostSets, limit: limit, statements: statements}
	r.kept = newKeeper(Scoped{reader: r}.activeParts, r.columnar.with)
	r.memory = newFunnelMemory(funnelBytes, r.lookForState)
	r.resting = newRestingMemory(sessionBytes, r.lookForResting)
	return r, nil
}

// Close ends the connections.
func (r *Reader) Close() error {
	r.kept.close()
	r.memory.close()
	r.resting.close()
	return errors.Join(r.conn.Close(), r.columnar.close())
}

// Ping tells whether ClickHouse answers.
func (r *Reader) Ping(ctx context.Context) error {
	return explain("reach ClickHouse", r.conn.Ping(ctx))
}

// ReadAtMost bounds what one statement may read, in bytes before compression; 0
// is no bound. It is called before anything is asked.
func (r *Reader) ReadAtMost(bytes int64) { r.bytes = bytes }

// settings are those of every statement.
func (r *Reader) settings() clickhouse.Settings {
	settings := clickhouse.Settings{
		"readonly": 2, "max_execution_time": max(1, int(r.limit.Seconds())), "timeout_overflow_mode": "throw",
		// A version of a row never leaves its partition, since partitions follow from sort keys.
		"do_not_merge_across_partitions_select_final": 1,
	}
	if r.bytes > 0 {
		settings["max_bytes_to_read"], settings["read_overflow_mode"] = r.bytes, "throw"
	}
	return settings
}

// For binds every query to one workspace; days are those of its zone.
func (r *Reader) For(workspace *schema.Workspace) Scoped {
	return Scoped{reader: r, workspace: workspace.ID, zone: workspace.Zone, settings: workspace.Settings}
}

// Scoped asks about one workspace and can't see another.
type Scoped struct {
	reader    *Reader
	workspace uint32
	zone      *time.Location
	settings  []schema.Settings // by From; costs are placed by them
}

// query runs a named statement. data fills the places in it that can't be
// bound, and must come from allow-lists. arguments are name, value pairs.
func (s Scoped) query(ctx context.Context, name string, data any, arguments map[string]any, scan func(driver.Rows) error) error {
	var sql bytes.Buffer
	if err := s.reader.statements.ExecuteTemplate(&sql, name+".sql", data); err != nil {
		return fmt.Errorf("cannot build the statement %s: %w", name, err)
	}
	args := []any{clickhouse.Named("workspace", s.workspace)}
	for key, value := range arguments {
		args = append(args, clickhouse.Named(key, value))
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(s.reader.settings()))
	rows, err := s.reader.conn.Query(ctx, sql.String(), args...)
	if err != nil {
		return explain("read "+name, err)
	}
	for err == nil && rows.Next() {
		err = scan(rows)
	}
	if closed := rows.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = rows.Err()
	}
	return explain("read "+name, err)
}

// Codes of ClickHouse's ErrorCodes.cpp that a reader can do something about.
const (
	codeRows    = 158
	codeTimeout = 159
	codeMemory  = 241
	codeBytes   = 307
	codeRegexp  = 427
	codeDenied  = 497
)

func explain(op string, err error) error {
	var e *schema.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	kind, text := schema.KindUnavailable, "the report could not be read because ClickHouse did not answer; try again in a moment"
	if code, refused := exceptionCode(err); refused {
		switch code {
		case codeTimeout:
			kind, text = schema.KindLimited, "the report took too long; ask for fewer days"
		case codeRows:
			kind, text = schema.KindLimited, "the report has too many different rows; ask for fewer days"
		case codeBytes:
			kind, text = schema.KindLimited, "the report would read more than one question may; ask for fewer days, or have the operator raise the limit (SOURCELOOP_REPORT_BYTES)"
		case codeMemory:
			kind, text = schema.KindLimited, "the report needed too much memory; ask for fewer days"
		case codeRegexp:
			kind, text = schema.KindInvalid, "a regular expression was not understood; see github.com/google/re2/wiki/Syntax"
		default:
			kind, text = schema.KindInternal, "ClickHouse refused the report's statement"
		}
	}
	e = schema.E(op, kind, "%s", text)
	e.Err = err
	return e
}

// exceptionCode is what ClickHouse refused with, by whichever client.
func exceptionCode(err error) (code int32, refused bool) {
	var e *clickhouse.Exception
	if errors.As(err, &e) {
		return e.Code, true
	}
	if e, ok := ch.AsException(err); ok {
		return int32(e.Code), true
	}
	return 0, false
}

func invalid(format string, args ...any) error {
	return schema.E("read a report", schema.KindInvalid, format, args...)
}

// Period is a stretch of time, its end excluded.
type Period struct {
	Begin, End schema.Millis
}

// Days are calendar days, both included, in the workspace's zone; each as
// 2006-01-02.
func (s Scoped) Days(from, to string) (Period, error) {
	begin, err := s.day("from", from)
	if err != nil {
		return Period{}, err
	}
	last, err := s.day("to", to)
	if err != nil {
		return Period{}, err
	}
	if last.Before(begin) {
		return Period{}, invalid("to (%s) lies before from (%s); exchange them", to, from)
	}
	return Period{schema.MillisOf(begin), schema.MillisOf(last.AddDate(0, 0, 1))}, nil
}

func (s Scoped) day(name, text string) (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, s.zone)
	if err != nil || day.Year() < 1971 || day.Year() > 2200 {
		return time.Time{}, invalid("%s must be a day such as 2026-11-23, and is %q", name, text)
	}
	return day, nil
}

// arguments adds the period's bounds to a statement's parameters.
func (p Period) arguments() map[string]any {
	return map[string]any{"begin": int64(p.Begin), "end": int64(p.End)}
}
