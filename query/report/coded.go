package report

import (
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
)

// names are the values of a column, each with a number.
type names struct {
	codes map[string]int32
	texts []string
}

func newNames() *names { return &names{codes: make(map[string]int32)} }

func (n *names) code(text []byte) int32 {
	if code, ok := n.codes[string(text)]; ok { // Copies nothing.
		return code
	}
	code := int32(len(n.texts)) // There are fewer than touches, of which there are fewer than 2^31.
	n.texts = append(n.texts, string(text))
	n.codes[n.texts[code]] = code
	return code
}

// codedColumn reads a column of arrays of texts as numbers: of a dictionary's
// texts, each is looked at once a block, and no text is made for any element.
type codedColumn struct {
	*names
	plain   bool // Array(String), else Array(LowCardinality(String))
	offsets proto.ColUInt64
	codes   []int32 // of the block's elements

	texts  proto.ColStr
	places []int32 // the codes of the dictionary
	keys8  proto.ColUInt8
	keys16 proto.ColUInt16
	keys32 proto.ColUInt32
}

// The type of a column, as proto.ColResult asks it.
func (c *codedColumn) Type() proto.ColumnType {
	inner := proto.ColumnTypeString
	if !c.plain {
		inner = proto.ColumnTypeLowCardinality.Sub(inner)
	}
	return proto.ColumnTypeArray.Sub(inner)
}

// Rows are the arrays of the block.
func (c *codedColumn) Rows() int { return c.offsets.Rows() }

// Reset forgets the block, and keeps the names.
func (c *codedColumn) Reset() {
	c.offsets.Reset()
	c.texts.Reset()
	c.codes = c.codes[:0]
}

// DecodeState reads the version of a dictionary's form.
func (c *codedColumn) DecodeState(r *proto.Reader) error {
	if c.plain {
		return nil
	}
	version, err := r.Int64()
	if err == nil && version != 1 {
		err = fmt.Errorf("the form of a dictionary is %d, and only 1 is known", version)
	}
	return err
}

// What is said of a dictionary: the width of its keys, and where they stand.
const (
	dictionaryWidth  = 0xff
	dictionaryGlobal = 1 << 8
	dictionaryOwn    = 1 << 9
)

// DecodeColumn reads a block's rows.
func (c *codedColumn) DecodeColumn(r *proto.Reader, rows int) error {
	if err := c.offsets.DecodeColumn(r, rows); err != nil {
		return err
	}
	c.codes = c.codes[:0]
	if rows == 0 || c.offsets[rows-1] == 0 {
		return nil
	}
	elements := int(c.offsets[rows-1])
	if c.plain {
		c.texts.Reset()
		if err := c.texts.DecodeColumn(r, elements); err != nil {
			return err
		}
		c.codes = c.encode(c.codes)
		return nil
	}
	return c.decodeDictionary(r, elements)
}

// encode numbers the texts.
func (c *codedColumn) encode(into []int32) []int32 {
	for i := range c.texts.Rows() {
		into = append(into, c.code(c.texts.RowBytes(i)))
	}
	return into
}

func (c *codedColumn) decodeDictionary(r *proto.Reader, elements int) error {
	about, err := r.Int64()
	if err != nil {
		return err
	}
	if about&dictionaryGlobal != 0 || about&dictionaryOwn == 0 {
		return errors.New("a dictionary is not in the block that it belongs to")
	}
	size, err := r.Int64()
	if err != nil {
		return err
	}
	c.texts.Reset()
	if err := c.texts.DecodeColumn(r, int(size)); err != nil {
		return err
	}
	c.places = c.encode(c.places[:0])
	if keys, err := r.Int64(); err != nil || int(keys) != elements {
		return errors.Join(err, errors.New("a dictionary has another number of keys than there are elements"))
	}
	switch about & dictionaryWidth {
	case 0:
		return decodeKeys(r, &c.keys8, &c.codes, c.places, elements)
	case 1:
		return decodeKeys(r, &c.keys16, &c.codes, c.places, elements)
	case 2:
		return decodeKeys(r, &c.keys32, &c.codes, c.places, elements)
	}
	return errors.New("a dictionary's keys are of a width that is not known")
}

// keyColumn is a column of unsigned numbers.
type keyColumn[K uint8 | uint16 | uint32] interface {
	proto.ColResult
	Row(i int) K
}

func decodeKeys[K uint8 | uint16 | uint32](r *proto.Reader, keys keyColumn[K], into *[]int32, places []int32, elements int) error {
	keys.Reset()
	if err := keys.DecodeColumn(r, elements); err != nil {
		return err
	}
	for i := range elements {
		key := int(keys.Row(i))
		if key >= len(places) {
			return errors.New("a key lies outside of its dictionary")
		}
		*into = append(*into, places[key])
	}
	return nil
}
