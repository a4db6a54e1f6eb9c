package clickhouse

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// The types of the columns hits.type and sessions.items_type. No item is of
// the type ads.
const (
	hitTypeEnum  = "Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4, 'ads' = 5)"
	itemTypeEnum = "Enum8('unspecified' = 0, 'pageview' = 1, 'event' = 2, 'identify' = 3, 'leave' = 4)"
)

// enumColumn holds values of one Enum8 as numbers, without a look-up by name.
type enumColumn struct {
	proto.ColInt8
	kind proto.ColumnType
}

// Type is the enum's full type, as the server declares it.
func (c *enumColumn) Type() proto.ColumnType { return c.kind }

// lowCardinality is a column of strings that repeat.
func lowCardinality() *proto.ColLowCardinality[string] { return new(proto.ColStr).LowCardinality() }

// millisColumn holds DateTime64(3, 'UTC').
func millisColumn() *proto.ColDateTime64Raw {
	return new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC).Raw()
}

func arrayOf[T any](data proto.ColumnOf[T]) *proto.ColArr[T] { return &proto.ColArr[T]{Data: data} }

// endRow closes the array of one row, after its elements were appended to
// Data one by one.
func endRow[T any](c *proto.ColArr[T]) { c.Offsets = append(c.Offsets, uint64(c.Data.Rows())) }

func millis(m schema.Millis) proto.DateTime64 { return proto.DateTime64(m) }

// fixed reads an id of the wire; a missing one is zero.
func fixed(b []byte) [16]byte {
	var id [16]byte
	copy(id[:], b)
	return id
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// prepared is an insert whose columns are filled again and again.
type prepared struct {
	table string
	into  string
	input proto.Input
}

func prepare(table string, input proto.Input) prepared {
	return prepared{table: table, into: input.Into(table), input: input}
}

func (p *prepared) rows() int { return p.input[0].Data.Rows() }
