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
	below map[string]int32 // the codes of a fork's first texts; only read
}

func newNames() *names { return &names{codes: make(map[string]int32)} }

// fork gives names that begin as these, which are not changed by what is added there and
// must not be changed any more.
func (n *names) fork() *names {
	return &names{codes: make(map[string]int32), below: n.codes, texts: n.texts[:len(n.texts):len(n.texts)]}
}

// code is the number of a text, which is copied if it gets one.
func (n *names) code(text []byte) int32 {
	if code, ok := n.codes[string(text)]; ok { // Copies nothing.
		return code
	}
	if code, ok := n.below[string(text)]; ok {
		return code
	}
	return n.add(string(text))
}

// codeOf is the number of a text, which is held if it gets one.
func (n *names) codeOf(text string) int32 {
	if code, known := n.find(text); known {
		return code
	}
	return n.add(text)
}

func (n *names) add(text string) int32 {
	code := int32(len(n.texts)) // There are fewer than touches, of which there are fewer than 2^31.
	n.texts = append(n.texts, text)
	n.codes[text] = code
	return code
}

// find gives a text's number, if it has one.
func (n *names) find(text string) (code int32, known bool) {
	if code, known = n.codes[text]; !known {
		code, known = n.below[text]
	}
	return code, known
}

func (n *names) clear() {
	clear(n.codes)
	clear(n.texts) // Rows of an answer may still hold some of them, and this nothing.
	n.texts = n.texts[:0]
}

// codedColumn gathers a column of arrays of LowCardinality(String) as numbers:
// the texts of a block's dictionary are looked at once, and no text is made for
// any element.
type codedColumn struct {
	*names
	codes []int32 // of the elements of all blocks
	rows  int

	offsets    proto.ColUInt64
	dictionary proto.ColStr // of a block
	places     []int32      // its codes
	keys8      proto.ColUInt8
	keys16     proto.ColUInt16
	keys32     proto.ColUInt32
}

// told is a column of what is told of each text, which of many may be the same.
func (c *codedColumn) told(of func(string) string) *codedColumn {
	t := &codedColumn{names: newNames(), codes: make([]int32, len(c.codes)), rows: c.rows}
	places := make([]int32, len(c.texts))
	for i, text := range c.texts {
		places[i] = t.codeOf(of(text))
	}
	for i, code := range c.codes {
		t.codes[i] = places[code]
	}
	return t
}

// The type of a column, as proto.ColResult asks it.
func (c *codedColumn) Type() proto.ColumnType {
	return proto.ColumnTypeArray.Sub(proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString))
}

// Rows are the arrays of all blocks.
func (c *codedColumn) Rows() int { return c.rows }

// Reset keeps what is there: clear is what begins anew.
func (c *codedColumn) Reset() {}

func (c *codedColumn) clear() {
	c.names.clear()
	c.codes, c.rows = c.codes[:0], 0
}

// trimmed is the column without the room for more, to be read only.
func (c *codedColumn) trimmed() codedColumn {
	return codedColumn{names: &names{codes: c.names.codes, texts: trimmed(c.texts)}, codes: trimmed(c.codes), rows: c.rows}
}

// DecodeState reads the version of a dictionary's form.
func (c *codedColumn) DecodeState(r *proto.Reader) error {
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

// DecodeColumn reads a block's rows behind those that are there.
func (c *codedColumn) DecodeColumn(r *proto.Reader, rows int) error {
	elements, err := decodeOffsets(r, &c.offsets, rows)
	if err != nil {
		return err
	}
	c.rows += rows
	return c.decodeElements(r, elements)
}

// decodeElements reads a dictionary and what of it stands where.
func (c *codedColumn) decodeElements(r *proto.Reader, elements int) error {
	if elements == 0 {
		return nil
	}
	about, err := c.decodeDictionary(r)
	if err != nil {
		return err
	}
	if keys, err := r.Int64(); err != nil || int(keys) != elements {
		return errors.Join(err, errors.New("a dictionary has another number of keys than there are elements"))
	}
	switch about & dictionaryWidth {
	case 0:
		return decodeKeys(r, &c.keys8, c, elements)
	case 1:
		return decodeKeys(r, &c.keys16, c, elements)
	case 2:
		return decodeKeys(r, &c.keys32, c, elements)
	}
	return errors.New("a dictionary's keys are of a width that is not known")
}

// decodeDictionary numbers the texts of a block.
func (c *codedColumn) decodeDictionary(r *proto.Reader) (about int64, err error) {
	if about, err = r.Int64(); err != nil {
		return 0, err
	}
	if about&dictionaryGlobal != 0 || about&dictionaryOwn == 0 {
		return 0, errors.New("a dictionary is not in the block that it belongs to")
	}
	size, err := r.Int64()
	if err != nil {
		return 0, err
	}
	c.dictionary.Reset()
	if err := c.dictionary.DecodeColumn(r, int(size)); err != nil {
		return 0, err
	}
	c.places = c.places[:0]
	for i := range c.dictionary.Rows() {
		c.places = append(c.places, c.code(c.dictionary.RowBytes(i)))
	}
	return about, nil
}

// decodeKeys reads the elements, each the place of a text in the dictionary.
func decodeKeys[K uint8 | uint16 | uint32, C ~[]K, P interface {
	*C
	proto.ColResult
}](r *proto.Reader, keys P, c *codedColumn, elements int) error {
	keys.Reset()
	if err := keys.DecodeColumn(r, elements); err != nil {
		return err
	}
	places := c.places
	for _, key := range *keys {
		if int(key) >= len(places) {
			return errors.New("a key lies outside of its dictionary")
		}
		c.codes = append(c.codes, places[key])
	}
	return nil
}

// forget leaves out the elements of former blocks, and keeps the numbers of texts.
func (c *codedColumn) forget() { c.codes, c.rows = c.codes[:0], 0 }

// tally adds the elements to counts by number, and forgets them.
func (c *codedValues) tally(counts []uint64) []uint64 {
	for len(counts) < len(c.texts) {
		counts = append(counts, 0)
	}
	for _, code := range c.codes {
		counts[code]++
	}
	c.forget()
	return counts
}
