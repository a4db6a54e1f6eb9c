package collect

import (
	"strconv"

	"github.com/klauspost/compress/gzip"

	"sourceloop/schema"
)

// keptBuffer is up to what size a batch's buffers are used again.
const keptBuffer = 256 << 10

// batch is one request's work, pooled.
type batch struct {
	raw, inflated []byte
	gzip          *gzip.Reader
	reader        reader
	draft         draft

	hit        schema.Hit // encoded and overwritten hit by hit
	traits     schema.Traits
	properties []byte
	id         [16]byte

	arena   []byte // keys and values, one behind the other
	ends    []int  // in arena: of a key, of its value, of the next key …
	keys    [][]byte
	values  [][]byte
	dead    []*schema.DeadRecord
	items   int // read
	faults  []fault
	refused []verdict
}

func newBatch() *batch { return &batch{} }

// reset forgets a request. A batch that grew large is not used again.
func (b *batch) reset() bool {
	if cap(b.raw) > keptBuffer || cap(b.inflated) > keptBuffer || cap(b.arena) > keptBuffer {
		return false
	}
	b.reader = reader{names: b.reader.names[:0]}
	b.draft = draft{}
	b.hit.Reset()
	b.traits.Reset()
	clear(b.keys)
	clear(b.values)
	clear(b.dead)
	b.arena, b.ends, b.keys, b.values, b.dead = b.arena[:0], b.ends[:0], b.keys[:0], b.values[:0], b.dead[:0]
	b.faults, b.refused, b.items = b.faults[:0], nil, 0
	return true
}

// accepted counts the hits that are to be appended.
func (b *batch) accepted() int { return len(b.ends) / 2 }

// add encodes the hit at hand behind the others.
func (b *batch) add() {
	b.arena = appendHitKey(b.arena, b.hit.Workspace, b.hit.Visitor)
	b.ends = append(b.ends, len(b.arena))
	b.arena = appendRecord(b.arena, &b.hit)
	b.ends = append(b.ends, len(b.arena))
}

// appendHitKey is schema.HitKey without an allocation.
func appendHitKey(to []byte, workspace uint32, visitor string) []byte {
	return append(append(strconv.AppendUint(to, uint64(workspace), 10), '/'), visitor...)
}

// records cuts the arena, which grows no more, into keys and values.
func (b *batch) records() (keys, values [][]byte) {
	start := 0
	for i := 0; i+1 < len(b.ends); i += 2 {
		b.keys = append(b.keys, b.arena[start:b.ends[i]:b.ends[i]])
		b.values = append(b.values, b.arena[b.ends[i]:b.ends[i+1]:b.ends[i+1]])
		start = b.ends[i+1]
	}
	return b.keys, b.values
}

// refuse notes a fault of the item at hand, which has just been counted.
func (b *batch) refuse(f fault, id string) {
	b.faults = append(b.faults, f)
	b.refused = append(b.refused, verdict{Index: b.items - 1, ID: cut(clean(id), maxID), Reason: f.words})
}
