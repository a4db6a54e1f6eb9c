package report

import (
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
)

// gathered is a column of numbers or ids that goes on from block to block, as
// the library's columns do not: they hold one block.
type gathered[T any, C ~[]T, P interface {
	*C
	proto.ColResult
}] struct{ rows []T }

type (
	gatheredInt64  = gathered[int64, proto.ColInt64, *proto.ColInt64]
	gatheredUInt64 = gathered[uint64, proto.ColUInt64, *proto.ColUInt64]
	gatheredUInt8  = gathered[uint8, proto.ColUInt8, *proto.ColUInt8]
	gatheredDay    = gathered[proto.Date32, proto.ColDate32, *proto.ColDate32]
	gatheredFloat  = gathered[float64, proto.ColFloat64, *proto.ColFloat64]
	gatheredID     = gathered[[16]byte, proto.ColFixedStr16, *proto.ColFixedStr16]
)

// The type of the column, as proto.ColResult asks it.
func (g *gathered[T, C, P]) Type() proto.ColumnType { return P(new(C)).Type() }

// Rows are those of all blocks.
func (g *gathered[T, C, P]) Rows() int { return len(g.rows) }

// Reset keeps what is there: clear is what begins anew.
func (g *gathered[T, C, P]) Reset() {}

func (g *gathered[T, C, P]) clear() { g.rows = g.rows[:0] }

func (g *gathered[T, C, P]) bytes() int { return bytesOf(g.rows) }

// DecodeColumn reads a block's rows behind those that are there.
func (g *gathered[T, C, P]) DecodeColumn(r *proto.Reader, rows int) error {
	known := len(g.rows)
	if cap(g.rows) < known+rows {
		g.rows = append(make([]T, 0, max(2*cap(g.rows), known+rows)), g.rows...)
	}
	block := C(g.rows[known:known]) // Reads in place.
	if err := P(&block).DecodeColumn(r, rows); err != nil {
		return err
	}
	g.rows = append(g.rows, block...)
	return nil
}

// gatheredArrays is a column of arrays that goes on likewise.
type gatheredArrays[T any, C ~[]T, P interface {
	*C
	proto.ColResult
}] struct {
	ends     []int // of each row, among the elements of all blocks
	elements gathered[T, C, P]
	offsets  proto.ColUInt64
}

// The type of the column, as proto.ColResult asks it.
func (g *gatheredArrays[T, C, P]) Type() proto.ColumnType {
	return proto.ColumnTypeArray.Sub(g.elements.Type())
}

// Rows are those of all blocks.
func (g *gatheredArrays[T, C, P]) Rows() int { return len(g.ends) }

// Reset keeps what is there: clear is what begins anew.
func (g *gatheredArrays[T, C, P]) Reset() {}

func (g *gatheredArrays[T, C, P]) clear() {
	g.ends = g.ends[:0]
	g.elements.clear()
}

func (g *gatheredArrays[T, C, P]) bytes() int {
	return bytesOf(g.ends) + bytesOf(g.offsets) + g.elements.bytes()
}

// drop leaves out the first n rows; there are more than none.
func (g *gatheredArrays[T, C, P]) drop(n int) {
	begin := g.ends[n-1]
	g.elements.rows = dropped(g.elements.rows, begin)
	g.ends = dropped(g.ends, n)
	for i := range g.ends {
		g.ends[i] -= begin
	}
}

// dropped is a list without its first n elements, in its place.
func dropped[T any](list []T, n int) []T { return list[:copy(list, list[n:])] }

// DecodeColumn reads a block's rows behind those that are there.
func (g *gatheredArrays[T, C, P]) DecodeColumn(r *proto.Reader, rows int) error {
	elements, err := decodeOffsets(r, &g.offsets, rows)
	if err != nil {
		return err
	}
	begin := g.elements.Rows()
	for _, end := range g.offsets {
		g.ends = append(g.ends, begin+int(end))
	}
	return g.elements.DecodeColumn(r, elements)
}

// mostElements bounds what a block is believed to hold.
const mostElements = 1 << 30

// decodeOffsets reads where the arrays of a block end, and tells how many elements they have.
func decodeOffsets(r *proto.Reader, offsets *proto.ColUInt64, rows int) (elements int, err error) {
	offsets.Reset()
	if err := offsets.DecodeColumn(r, rows); err != nil || rows == 0 {
		return 0, err
	}
	var last uint64
	for _, end := range *offsets {
		if end < last {
			return 0, errors.New("an array ends before it begins")
		}
		last = end
	}
	if last > mostElements {
		return 0, fmt.Errorf("a block is said to hold %d elements", last)
	}
	return int(last), nil
}
