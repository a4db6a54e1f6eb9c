package spool

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const testSalt = 0x1234

// segmentOf is a segment as a process writes it.
func segmentOf(values ...string) (data []byte, ends []int) {
	c := newCode(testSalt)
	for i, v := range values {
		data = c.appendFrame(data, entry{1_700_000_000_000 + int64(i), []byte("key"), []byte(v)})
		ends = append(ends, len(data))
	}
	return data, ends
}

// found drains a disk with one segment that a former process left.
func found(t *testing.T, data []byte) (values []string, d *disk, s *rig) {
	t.Helper()
	d, k := newDisk(), &kafka{}
	d.put(segmentName{topic, 7, testSalt}.file(waiting), data)
	s = open(t, d, k)
	s.drained(t)
	if bytes := s.metric(t, "backlog_bytes"); bytes != 0 || s.bytes.Load() != 0 {
		t.Errorf("%v bytes wait", bytes)
	}
	return k.values(topic), d, s
}

// TestATornTailIsCutAtEveryByte: what is before it is kept, and it is counted.
func TestATornTailIsCutAtEveryByte(t *testing.T) {
	data, ends := segmentOf(numbered(0, 8)...)
	for size := range len(data) + 1 {
		whole, end := 0, 0
		for whole < len(ends) && ends[whole] <= size {
			end = ends[whole]
			whole++
		}
		values, d, s := found(t, data[:size])
		equal(t, fmt.Sprintf("cut at %d", size), values, numbered(0, whole))
		if cut := s.metric(t, "cut_bytes_total"); cut != float64(size-end) {
			t.Errorf("cut at %d: %v bytes counted, want %d", size, cut, size-end)
		}
		if names := d.names(""); len(names) > 0 || s.metric(t, "damaged_total") > 0 {
			t.Errorf("cut at %d: left %v", size, names)
		}
	}
}

// TestATailOfZerosIsCut: a file system may leave one after a loss of power.
func TestATailOfZerosIsCut(t *testing.T) {
	data, _ := segmentOf(numbered(0, 3)...)
	values, _, s := found(t, append(data, make([]byte, 5000)...))
	equal(t, "Kafka", values, numbered(0, 3))
	if cut := s.metric(t, "cut_bytes_total"); cut != 5000 {
		t.Errorf("%v bytes were cut", cut)
	}
}

// TestAFlippedBitCostsOneRecord: whichever it is. The others arrive in order,
// and the file is kept unless the damage is at its end.
func TestAFlippedBitCostsOneRecord(t *testing.T) {
	data, ends := segmentOf(numbered(0, 4)...)
	for bit := range 8 * len(data) {
		flipped := slices.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		hit := 0
		for ends[hit] <= bit/8 {
			hit++
		}
		values, d, s := found(t, flipped)
		equal(t, fmt.Sprintf("bit %d", bit), values, slices.Delete(numbered(0, 4), hit, hit+1))
		aside, damaged, cut := len(d.names(setAside)), s.metric(t, "damaged_total"), s.metric(t, "cut_bytes_total")
		if last := hit == len(ends)-1; last && (aside != 0 || cut == 0) || !last && (aside != 1 || damaged != 1 || cut != 0) {
			t.Errorf("bit %d, record %d: %d files set aside, %v stretches damaged, %v bytes cut", bit, hit, aside, damaged, cut)
		}
	}
}

// TestDamageIsReportedWithoutWhatIsInIt: it is personal.
func TestDamageIsReportedWithoutWhatIsInIt(t *testing.T) {
	data, ends := segmentOf("anna@example.com", "berta@example.com", "clara@example.com")
	for i := ends[0] + 3; i < ends[1]-5; i++ {
		data[i] ^= 0xff
	}
	values, d, s := found(t, data)
	equal(t, "Kafka", values, []string{"anna@example.com", "clara@example.com"})
	words := s.words.String()
	if !strings.Contains(words, "damaged") || strings.Contains(words, "example.com") {
		t.Errorf("it says: %s", words)
	}
	if name := d.names(setAside); len(name) != 1 || !slices.Equal(d.files[name[0]].data, data) {
		t.Errorf("set aside: %v, with other bytes", name)
	}
}

// TestDamageInWhatWasFsyncedIsNoTornTail: this process knows what it wrote.
func TestDamageInWhatWasFsyncedIsNoTornTail(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k)
	s.put(t, numbered(0, 3)...)
	file := d.files[d.names(waiting)[0]]
	file.data[len(file.data)-1] ^= 1
	k.set(false)
	s.drained(t)
	equal(t, "Kafka", k.values(topic), numbered(0, 2))
	if s.metric(t, "damaged_total") != 1 || len(d.names(setAside)) != 1 {
		t.Error("the damage was taken for a torn tail")
	}
}

// TestDamageLargerThanAWindowIsPassed, and what begins in one and ends in the
// next is found.
func TestDamageLargerThanAWindowIsPassed(t *testing.T) {
	first, _ := segmentOf("first")
	long := strings.Repeat("x", chunkBytes)
	last, _ := segmentOf(long)
	for _, damage := range []int{2*windowBytes + 100, windowBytes - 100} {
		values, d, s := found(t, slices.Concat(first, make([]byte, damage), last))
		if !slices.Equal(values, []string{"first", long}) {
			t.Errorf("behind %d damaged bytes: %d values", damage, len(values))
		}
		if got := s.metric(t, "damaged_bytes_total"); got != float64(damage) || len(d.names(setAside)) != 1 {
			t.Errorf("%v bytes are damaged, not %d", got, damage)
		}
	}
}

// TestARecordIsNeverMadeOfAnother: a value that holds a whole frame of another
// segment is no frame here, whatever is damaged before it.
func TestARecordIsNeverMadeOfAnother(t *testing.T) {
	forged := newCode(testSalt+1).appendFrame(nil, entry{1, []byte("another's key"), []byte("forged")})
	data, _ := segmentOf("first", string(forged), "last")
	data[frameSize([]byte("key"), []byte("first"))] ^= 1 // the length of the second
	values, _, _ := found(t, data)
	for _, v := range values {
		if v == "forged" {
			t.Error("it was taken for a record")
		}
	}
	if !slices.Contains(values, "last") {
		t.Errorf("got %q", values)
	}
}

// TestADeletedFileStopsNothing: somebody may tidy up by hand.
func TestADeletedFileStopsNothing(t *testing.T) {
	d, k := newDisk(), &kafka{away: true}
	s := open(t, d, k, func(c *Config) { c.segmentBytes = 100 })
	s.put(t, numbered(0, 10)...)
	if err := d.remove(d.names(waiting)[1]); err != nil {
		t.Fatal(err)
	}
	k.set(false)
	s.drained(t)
	if got := k.values(topic); len(got) < 6 || len(got) > 8 {
		t.Errorf("got %q", got)
	}
}

func TestNamesOfSegments(t *testing.T) {
	for _, name := range []segmentName{{"hits", 1, 0}, {"a.b-c_d", 1 << 63, 1<<64 - 1}} {
		for _, ending := range []string{waiting, setAside} {
			if got, e, ok := parseName(name.file(ending)); !ok || got != name || e != ending {
				t.Errorf("%v %s became %v %s", name, ending, got, e)
			}
		}
	}
	for _, no := range []string{"lock", "", ".spool", "hits.1.2.spool", "hits.00000000000000000001.9f86d081884c7d65", ".00000000000000000001.9f86d081884c7d65.spool",
		"hits.00000000000000000001.9f86d081884c7d65.spool.bak", "hits.+0000000000000000001.9f86d081884c7d65.spool"} {
		if n, _, ok := parseName(no); ok {
			t.Errorf("%q is taken for a segment: %v", no, n)
		}
	}
}
