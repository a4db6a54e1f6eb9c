package spool

import (
	"slices"
	"testing"
)

// FuzzSegment: whatever bytes a segment ends in, the records before them are
// kept in order, no more bytes are made of them than there are, and reading ends.
func FuzzSegment(f *testing.F) {
	whole, ends := segmentOf(numbered(0, 3)...)
	f.Add([]byte{}, uint8(0))
	f.Add(whole, uint8(2))
	f.Add(whole[:ends[1]+5], uint8(1))
	f.Add(append(slices.Clone(whole[3:]), 8, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9), uint8(3))
	f.Add(slices.Repeat([]byte{8, 0, 0, 0}, 100), uint8(3))
	f.Fuzz(func(t *testing.T, tail []byte, before uint8) {
		sent := numbered(0, int(before%8))
		data, _ := segmentOf(sent...)
		values, d, s := found(t, append(data, tail...))
		if len(values) < len(sent) || !slices.Equal(values[:len(sent)], sent) {
			t.Fatalf("of %d records before the damage %q were read", len(sent), values)
		}
		size := 0
		for _, v := range values {
			size += frameSize(nil, []byte(v))
		}
		lost := s.metric(t, "damaged_bytes_total") + s.metric(t, "cut_bytes_total")
		if size+int(lost) > len(data)+len(tail) {
			t.Fatalf("%d bytes of records and %v lost ones were made of %d", size, lost, len(data)+len(tail))
		}
		if aside := len(d.names(setAside)); aside > 0 != (s.metric(t, "damaged_total") > 0) {
			t.Fatalf("%d files were set aside", aside)
		}
	})
}
