package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

//go:embed sql/*.sql
var statements embed.FS

// Visitor names one browser of one workspace.
type Visitor struct {
	Workspace uint32
	ID        string // the sourceloop_id
}

// each runs a named statement on the sink's own connections.
func (s *Sink) each(ctx context.Context, name string, scan func(chdriver.Rows) error, args ...any) error {
	return each(ctx, s.conn, name, scan, args...)
}

// each runs a named statement and hands its rows to scan, one after another.
func each(ctx context.Context, conn chdriver.Conn, name string, scan func(chdriver.Rows) error, args ...any) error {
	sql, err := statements.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return fmt.Errorf("cannot find the statement %s: %w", name, err)
	}
	rows, err := conn.Query(ctx, string(sql), args...)
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

// parameters of statements about visitors: the pairs fall apart into two
// lists, so an answer may hold visitors of another workspace's name.
func visitorParameters(visitors []Visitor) (args []any, wanted map[Visitor]bool) {
	wanted = make(map[Visitor]bool, len(visitors))
	var workspaces []uint32
	var names []string
	for _, v := range visitors {
		wanted[v] = true
		workspaces = append(workspaces, v.Workspace)
		names = append(names, v.ID)
	}
	slices.Sort(workspaces)
	slices.Sort(names)
	return []any{
		driver.Named("workspaces", slices.Compact(workspaces)), driver.Named("visitors", slices.Compact(names)),
	}, wanted
}

// VisitorHits gives the newest hits of each of these visitors, each hit once,
// in no order: what a partition that lost its state is rebuilt from.
func (s *Sink) VisitorHits(ctx context.Context, visitors []Visitor, newest uint32) (map[Visitor][]*schema.Hit, error) {
	hits := make(map[Visitor][]*schema.Hit)
	if len(visitors) == 0 {
		return hits, nil
	}
	args, wanted := visitorParameters(visitors)
	args = append(args, driver.Named("newest", newest))
	err := s.each(ctx, "visitor_hits", func(rows chdriver.Rows) error {
		h, err := scanHit(rows)
		if err != nil {
			return err
		}
		if v := (Visitor{h.GetWorkspace(), h.GetVisitor()}); wanted[v] {
			hits[v] = append(hits[v], h)
		}
		return nil
	}, args...)
	return hits, err
}

func scanHit(rows chdriver.Rows) (*schema.Hit, error) {
	var id, properties string
	var kind int32
	h := &schema.Hit{}
	traits := &schema.Traits{}
	err := rows.Scan(&h.Workspace, &id, &h.Visitor, &h.At, &h.Received, &kind, &h.Url, &h.Referrer, &h.Title, &h.Name,
		&properties, &traits.Email, &traits.Phone, &traits.Name, &traits.UserId, &h.UserAgent, &h.Tz, &h.Country,
		&h.CountrySource, &h.Device, &h.Browser, &h.Os, &h.Bot, &h.ClockShift,
		&h.AdConsent, &h.Fbp, &h.Fbc, &h.LiFatId)
	h.Id, h.Type = []byte(id), schema.HitType(kind)
	if properties != "" {
		h.Properties = []byte(properties)
	}
	if traits.Email != "" || traits.Phone != "" || traits.Name != "" || traits.UserId != "" {
		h.Traits = traits
	}
	return h, err
}

// SessionKeys gives the keys of these visitors' sessions that stand, by day
// and id. Their hashes are unknown, so they count as not acknowledged.
func (s *Sink) SessionKeys(ctx context.Context, visitors []Visitor) (map[Visitor][]*schema.WrittenKey, error) {
	keys := make(map[Visitor][]*schema.WrittenKey)
	if len(visitors) == 0 {
		return keys, nil
	}
	args, wanted := visitorParameters(visitors)
	err := s.each(ctx, "session_keys", func(rows chdriver.Rows) error {
		var v Visitor
		var id string
		k := &schema.WrittenKey{}
		if err := rows.Scan(&v.Workspace, &v.ID, &k.Day, &id); err != nil {
			return err
		}
		if k.Session = []byte(id); wanted[v] {
			keys[v] = append(keys[v], k)
		}
		return nil
	}, args...)
	return keys, err
}

// Claims hands a workspace's claims to yield, by id.
func (s *Sink) Claims(ctx context.Context, workspace uint32, yield func(*schema.Claim) error) error {
	return s.each(ctx, "claims", func(rows chdriver.Rows) error {
		var id string
		var bond uint8
		c := &schema.Claim{Workspace: workspace}
		if err := rows.Scan(&id, &c.Nodes, &c.Verified, &c.At, &c.Evidence, &c.Method, &c.Name, &c.Received, &bond); err != nil {
			return err
		}
		c.Id, c.Bond = []byte(id), schema.Bond(bond)
		return yield(c)
	}, driver.Named("workspace", workspace))
}

// Facts hands a workspace's conversions before crediting to yield, by id.
func (s *Sink) Facts(ctx context.Context, workspace uint32, yield func(*schema.ConversionFact) error) error {
	return s.each(ctx, "facts", func(rows chdriver.Rows) error {
		var id string
		f := &schema.ConversionFact{Workspace: workspace}
		if err := rows.Scan(&id, &f.Name, &f.Provider, &f.ExternalId, &f.Node, &f.Visitor, &f.At, &f.Value, &f.Currency,
			&f.Url, &f.Page, &f.Message, &f.State, &f.Deleted, &f.Updated, &f.VisitorSince, &f.Received); err != nil {
			return err
		}
		f.Id = []byte(id)
		return yield(f)
	}, driver.Named("workspace", workspace))
}

// ContactIDs gives every id that a contact of the workspace ever had.
func (s *Sink) ContactIDs(ctx context.Context, workspace uint32) ([]schema.ID, error) {
	var ids []schema.ID
	err := s.each(ctx, "contact_ids", func(rows chdriver.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		id, err := schema.IDFromBytes([]byte(text))
		ids = append(ids, id)
		return err
	}, driver.Named("workspace", workspace))
	return ids, err
}

// IdentityNodes gives every node of the workspace that an identity row was
// ever written for.
func (s *Sink) IdentityNodes(ctx context.Context, workspace uint32) ([]schema.Node, error) {
	var nodes []schema.Node
	err := s.each(ctx, "identity_nodes", func(rows chdriver.Rows) error {
		var node string
		err := rows.Scan(&node)
		nodes = append(nodes, schema.Node(node))
		return err
	}, driver.Named("workspace", workspace))
	return nodes, err
}

// Workspaces gives the workspaces that have claims or conversions.
func (s *Sink) Workspaces(ctx context.Context) ([]uint32, error) {
	var workspaces []uint32
	err := s.each(ctx, "workspaces", func(rows chdriver.Rows) error {
		var workspace uint32
		err := rows.Scan(&workspace)
		workspaces = append(workspaces, workspace)
		return err
	})
	slices.Sort(workspaces)
	return workspaces, err
}

// HighestVersion gives the highest version in any of these tables, 0 when
// they are empty, of all that was written before it is asked. Its upper half is
// the last epoch that wrote. Many may ask at once, such as the owners of all
// partitions after a start, and cost no more than a few.
func (s *Sink) HighestVersion(ctx context.Context, tables ...string) (uint64, error) {
	return s.highest(tables).get(ctx)
}

// highest is the question about these tables.
func (s *Sink) highest(tables []string) *shared[uint64] {
	name := strings.Join(tables, " ")
	known, ok := s.asked.Load(name)
	if !ok {
		known, _ = s.asked.LoadOrStore(name, &shared[uint64]{ask: func(ctx context.Context) (uint64, error) {
			ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
			defer cancel()
			return s.highestOf(ctx, tables)
		}})
	}
	return known.(*shared[uint64])
}

func (s *Sink) highestOf(ctx context.Context, tables []string) (uint64, error) {
	var highest uint64
	for _, table := range tables {
		err := s.each(ctx, "highest_version", func(rows chdriver.Rows) error {
			var version uint64
			err := rows.Scan(&version)
			highest = max(highest, version)
			return err
		}, driver.Named("table", table))
		if err != nil {
			return 0, err
		}
	}
	return highest, nil
}
