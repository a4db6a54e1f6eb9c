package report

import "reflect"

// rooms keep what credits were read into for the next questions: to make it
// anew takes as long as a tenth of a question.
type rooms chan *touchRows

// At most so many are kept, of which none is larger than that. What is more is
// left to the collector.
const (
	roomsKept = 2
	roomBytes = 128 << 20
)

func newRooms() rooms { return make(rooms, roomsKept) }

// take gives room that nothing else uses, to be put back when nothing of it is
// used any longer.
func (r rooms) take() *touchRows {
	select {
	case rows := <-r:
		return rows
	default:
		return &touchRows{}
	}
}

func (r rooms) put(rows *touchRows) {
	rows.clear() // Nothing that was erased is held until the next question.
	if rows.bytes() > roomBytes {
		return
	}
	select {
	case r <- rows:
	default:
	}
}

// bytes is how much room there is, texts left out.
func (r *touchRows) bytes() int {
	n := r.starts.bytes() + r.leftOut.bytes() + r.matched.bytes() + r.browsers.bytes() + bytesOf(r.newest.slots) +
		r.happened.bytes() + r.known.bytes() + r.identified.bytes() + r.id.bytes() + r.contact.bytes() + r.version.bytes() + r.counted.bytes() + r.value.bytes()
	for _, column := range r.spare {
		n += column.bytes()
	}
	for _, s := range r.sharers {
		for _, sum := range s.sums {
			n += bytesOf(sum.slots)
		}
	}
	return n
}

// used is about how much of the room is taken, texts included.
func (r *touchRows) used() int {
	const row, touch, code = 120, 10, 4 // The columns that every row and every touch has; and one more of each touch.
	n := row*r.Rows() + (touch+code*len(r.columns))*r.starts.elements.Rows()
	for _, column := range r.columns {
		n += column.names.bytes()
	}
	return n
}

// bytes is the room of a column, texts left out.
func (c *codedColumn) bytes() int {
	return bytesOf(c.codes) + bytesOf(c.names.texts) + bytesOf(c.offsets) + bytesOf(c.keys8) + bytesOf(c.keys16) + bytesOf(c.keys32)
}

// placeBytes is about what a text's place in a map takes.
const placeBytes = 48

// bytes is about what the texts and their places take.
func (n *names) bytes() int {
	bytes := placeBytes * len(n.codes)
	for _, text := range n.texts {
		bytes += len(text)
	}
	return bytes
}

func bytesOf[T any](list []T) int {
	return cap(list) * int(reflect.TypeFor[T]().Size())
}
