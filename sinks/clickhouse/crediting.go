package clickhouse

import (
	"context"
	"fmt"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// attributeAtOnce is how many contacts are looked up at once: enough that the
// planning of statements does not count, and few enough that what is known of
// them fits in memory.
const attributeAtOnce = 1000

// crediting computes conversions by one connection, on which the name sessions
// means the sessions of all browsers that matter: the table, or a copy of it.
type crediting struct {
	conn   chdriver.Conn
	goals  Goals
	atOnce int // contacts that are looked up at once
	visits int // how much one statement takes of sessions, as attribute_weights.sql weighs them; any number when 0
}

func (c *crediting) each(ctx context.Context, name string, scan func(chdriver.Rows) error, args ...any) error {
	return each(ctx, c.conn, name, scan, args...)
}

// attributeAll computes the conversions of these contacts.
func (c *crediting) attributeAll(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64, anew bool) error {
	for some := range slices.Chunk(contacts, c.atOnce) {
		if err := c.attribute(ctx, workspace, some, version, anew); err != nil {
			return err
		}
	}
	return nil
}

func (c *crediting) attribute(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64, anew bool) error {
	ids := make([]schema.ID, len(contacts))
	for i, contact := range contacts {
		ids[i] = contact.Contact
	}
	k, err := c.know(ctx, workspace, ids)
	if err != nil {
		return err
	}
	portions, err := c.portions(ctx, workspace, k.conversions())
	if err != nil {
		return err
	}
	for _, conversions := range portions {
		if err := c.compute(ctx, workspace, conversions, contacts, version, anew); err != nil {
			return err
		}
	}
	return nil
}

// portions are conversions as statements take them: each joins at most
// c.visits sessions, unless a single conversion has more.
func (c *crediting) portions(ctx context.Context, workspace uint32, conversions []conversion) ([][]conversion, error) {
	if c.visits == 0 || len(conversions) == 0 {
		return slices.Collect(slices.Chunk(conversions, max(1, len(conversions)))), nil
	}
	weights, err := c.weights(ctx, workspace, conversions)
	if err != nil {
		return nil, err
	}
	var portions [][]conversion
	begin, heavy := 0, 0
	for i := range conversions {
		weight := 0
		for _, b := range conversions[i].browsers {
			weight += weights[b.visitor]
		}
		if heavy += weight; heavy > c.visits && i > begin {
			portions = append(portions, conversions[begin:i])
			begin, heavy = i, weight
		}
	}
	return append(portions, conversions[begin:]), nil
}

// weights are how much the sessions of browsers are that conversions look at.
func (c *crediting) weights(ctx context.Context, workspace uint32, conversions []conversion) (map[string]int, error) {
	weights := make(map[string]int)
	for i := range conversions {
		for _, b := range conversions[i].browsers {
			weights[b.visitor] = 0
		}
	}
	visitors := make([]string, 0, len(weights))
	for visitor := range weights {
		visitors = append(visitors, visitor)
	}
	err := c.each(ctx, "attribute_weights", func(rows chdriver.Rows) error {
		var visitor string
		var weight uint64
		err := rows.Scan(&visitor, &weight)
		weights[visitor] = int(weight)
		return err
	}, driver.Named("workspace", workspace), driver.Named("visitors", visitors))
	return weights, err
}

// compute appends what differs of some conversions. What was read before goes
// with the statement, so that it reads nothing but the sessions of their
// browsers and what stands of these conversions.
func (c *crediting) compute(ctx context.Context, workspace uint32, conversions []conversion, contacts []schema.Recredit, version uint64, anew bool) error {
	tables, err := askedTables(conversions)
	if err == nil {
		tables, err = addCauses(tables, contacts)
	}
	if err != nil {
		return fmt.Errorf("cannot attribute conversions: %w", err)
	}
	sql, err := statements.ReadFile("sql/attribute.sql")
	if err != nil {
		return fmt.Errorf("cannot find the statement attribute: %w", err)
	}
	ctx = driver.Context(ctx, driver.WithExternalTable(tables...))
	err = c.conn.Exec(ctx, string(sql), driver.Named("workspace", workspace), driver.Named("version", version), driver.Named("anew", anew))
	return explain("attribute conversions", err)
}
