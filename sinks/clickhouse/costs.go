package clickhouse

import (
	"context"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Costs keeps what workspaces paid for ads. It is safe for concurrent use.
type Costs struct {
	conn chdriver.Conn
	now  func() time.Time
}

// OpenCosts opens a connection of its own, for a process that writes nothing
// else. The migrations must have run by the first call.
func OpenCosts(config Config, now func() time.Time) (*Costs, error) {
	conn, err := driver.Open(Options(config))
	if err != nil {
		return nil, fmt.Errorf("cannot use the ClickHouse configuration: %w", err)
	}
	return &Costs{conn: conn, now: now}, nil
}

// Close ends the connections.
func (c *Costs) Close() error { return c.conn.Close() }

// Store keeps all of the costs, or none of them when it fails: they are one
// block, and the table has one partition. Each replaces the one about the same
// day, source, medium and campaign; within costs, each of these must be once.
func (c *Costs) Store(ctx context.Context, workspace uint32, costs []schema.AdCost) error {
	const op = "store what ads cost"
	version, err := c.version(ctx, workspace)
	if err != nil {
		return explain(op, err)
	}
	batch, err := c.conn.PrepareBatch(ctx, "INSERT INTO ad_costs (workspace, day, source, medium, campaign, version, currency, micros, clicks, impressions)")
	if err != nil {
		return explain(op, err)
	}
	for i := range costs {
		row := &costs[i]
		day, err := time.Parse(time.DateOnly, row.Day)
		if err == nil {
			err = batch.Append(workspace, day, row.Source, row.Medium, row.Campaign, version, row.Currency, row.Micros, row.Clicks, row.Impressions)
		}
		if err != nil {
			return explain(op, fmt.Errorf("cannot write row %d: %w", i, err))
		}
	}
	return explain(op, batch.Send())
}

// version is now, and above all that were given before: a clock may go back.
func (c *Costs) version(ctx context.Context, workspace uint32) (uint64, error) {
	newest, err := c.number(ctx, "newest_cost", driver.Named("workspace", workspace))
	return max(uint64(c.now().UnixMicro()), newest+1), err
}

// Delete removes the costs of some days, of one source unless it is "", and
// tells how many there were. Nobody sees them when it returns.
func (c *Costs) Delete(ctx context.Context, workspace uint32, from, to, source string) (uint64, error) {
	const op = "delete what ads cost"
	which := []any{driver.Named("workspace", workspace), driver.Named("from", from), driver.Named("to", to), driver.Named("source", source)}
	n, err := c.number(ctx, "costs_between", which...)
	if err != nil || n == 0 {
		return 0, explain(op, err)
	}
	sql, err := statements.ReadFile("sql/delete_costs.sql")
	if err != nil {
		return 0, fmt.Errorf("cannot find the statement delete_costs: %w", err)
	}
	return n, explain(op, c.conn.Exec(ctx, string(sql), which...))
}

// number runs a named statement that gives one.
func (c *Costs) number(ctx context.Context, name string, args ...any) (n uint64, err error) {
	sql, err := statements.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return 0, fmt.Errorf("cannot find the statement %s: %w", name, err)
	}
	return n, c.conn.QueryRow(ctx, string(sql), args...).Scan(&n)
}
