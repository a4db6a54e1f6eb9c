package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// What is taken at once when everybody is credited. Memory is bounded by it
// and by no number of the workspace's: some 2 KB a session in ClickHouse, and 5
// KB a contact here.
const (
	everybodyAtOnce = 10_000
	visitsAtOnce    = 250_000
)

// attributeEverybody computes all conversions of a workspace. In the table of
// sessions those of a few browsers lie everywhere, so that looking for them
// costs what reading all of it does. For more contacts than are looked up at
// once, it is read a single time: what they need of it is copied into a table
// of this connection's own, which is sorted by browser, and which hides the
// other one. The server drops it when the connection ends, however it does;
// where the driver then makes another one, statements read the table that all
// have: they give the same, and take longer.
func (s *Sink) attributeEverybody(ctx context.Context, workspace uint32, version uint64) (err error) {
	all, err := s.everybody(ctx, workspace)
	if err != nil {
		return err
	}
	contacts := because(schema.CauseRules, all)
	if len(contacts) <= s.attributeAtOnce {
		return s.crediting().attributeAll(ctx, workspace, contacts, version, false)
	}
	options := Options(s.config)
	options.MaxOpenConns, options.MaxIdleConns, options.ConnMaxLifetime = 1, 1, 7*24*time.Hour
	conn, err := driver.Open(options)
	if err != nil {
		return fmt.Errorf("cannot use the ClickHouse configuration: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := s.copySessions(ctx, conn, workspace); err != nil {
		return err
	}
	c := crediting{conn: conn, goals: s.config.Goals, atOnce: s.everybodyAtOnce, visits: s.visitsAtOnce}
	return c.attributeAll(ctx, workspace, contacts, version, false)
}

// copySessions makes the connection's own table of sessions.
func (s *Sink) copySessions(ctx context.Context, conn chdriver.Conn, workspace uint32) error {
	for _, name := range []string{"copied_sessions", "copy_sessions"} {
		sql, err := statements.ReadFile("sql/" + name + ".sql")
		if err != nil {
			return fmt.Errorf("cannot find the statement %s: %w", name, err)
		}
		err = conn.Exec(ctx, string(sql), driver.Named("workspace", workspace), driver.Named("database", s.config.Database),
			driver.Named("goals", s.hasGoals(workspace)))
		if err != nil {
			return explain("copy the sessions of contacts", err)
		}
	}
	return nil
}

// hasGoals tells whether goals are looked for in what sessions hold.
func (s *Sink) hasGoals(workspace uint32) bool {
	if s.config.Goals == nil {
		return false
	}
	w, known := s.config.Goals.Workspace(workspace)
	return known && len(w.Goals) > 0
}

// everybody gives who has, or may get, conversions, in the order of the table.
func (s *Sink) everybody(ctx context.Context, workspace uint32) ([]schema.ID, error) {
	var all []schema.ID
	err := s.each(ctx, "attribute_everybody", func(rows chdriver.Rows) error {
		var id string
		err := rows.Scan(&id)
		all = append(all, schema.ID([]byte(id)))
		return err
	}, driver.Named("workspace", workspace))
	slices.SortFunc(all, schema.ID.Compare)
	return all, err
}
