package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestWhatIsHeldOfContactsIsBounded: in ranges that end where memory does, two readers see every row of every contact once, all of a contact
// in one range; and after each block no more rows are held than may be, unless they are of the first pile, or of one contact.
func TestWhatIsHeldOfContactsIsBounded(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 18))
	for range 60 {
		rows := make([]funnelRow, random.IntN(3000))
		contacts := 1 + random.IntN(60)
		for i := range rows {
			rows[i].entity, rows[i].moment = uint64(random.IntN(contacts)), uint64(i)
		}
		most := 1 + random.IntN(400)
		seenInPiles(t, rows, most, 1+random.IntN(6))
		seenInRows(t, rows, most)
	}
}

// TestHeavyContactsTakeFewRanges: those with more rows than may be held take a range more each, or two, wherever they lie among others.
func TestHeavyContactsTakeFewRanges(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 19))
	const contacts, each, heavy, most = 1000, 10, 1750, 1500
	for heavies := range 4 {
		rows, of := make([]funnelRow, contacts*each+heavies*heavy), random.Perm(contacts)
		for i := range rows {
			if rows[i].entity = uint64(i / each); i >= contacts*each {
				rows[i].entity = uint64(of[(i-contacts*each)/heavy])
			}
			rows[i].moment = uint64(i)
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		fewest := (len(rows) + most - 1) / most
		if n := seenInRows(t, rows, most); n > fewest*4/3+2*heavies+1 {
			t.Errorf("%d rows, %d contacts of which have %d each, take %d ranges of %d", len(rows), heavies, heavy, n, most)
		}
	}
}

// once notes whom a range saw.
type once struct {
	ranges map[uint64]int // by contact
	rows   map[uint64]bool
}

func (o *once) see(t *testing.T, place int, entity, moment uint64) {
	t.Helper()
	if before, known := o.ranges[entity]; known && before != place {
		t.Fatalf("a contact is seen in the ranges %d and %d", before, place)
	}
	if o.rows[moment] {
		t.Fatal("a row is seen twice")
	}
	o.ranges[entity], o.rows[moment] = place, true
}

func (o *once) end(t *testing.T, rows []funnelRow, ranges, most int) {
	t.Helper()
	if len(o.rows) != len(rows) {
		t.Fatalf("%d of %d rows are seen", len(o.rows), len(rows))
	}
	if ranges > most {
		t.Fatalf("%d rows take %d ranges; at most %d may be", len(rows), ranges, most)
	}
}

func seenInPiles(t *testing.T, rows []funnelRow, most, bits int) {
	t.Helper()
	spare := &sync.Pool{New: func() any { return new([chunkRows]pileDeed) }}
	seen := once{map[uint64]int{}, map[uint64]bool{}}
	place := 0
	for low := uint64(0); ; place++ {
		held := &heldPiles{most: most}
		for range 2 {
			held.all = append(held.all, newPiles(pileRows<<bits>>1, pileOrderOf(ByContact, low, math.MaxUint64), spare))
		}
		var readers sync.WaitGroup
		for i, p := range held.all {
			readers.Go(func() {
				for from := i * len(rows) / 2; from < (i+1)*len(rows)/2; from += 50 {
					p.mu.Lock()
					for _, row := range rows[from:min(from+50, (i+1)*len(rows)/2)] {
						if p.takes(row.entity) {
							p.add(pileDeed{entity: row.entity, moment: row.moment})
						}
					}
					p.mu.Unlock()
					held.shed()
				}
			})
		}
		readers.Wait()
		if n := held.rows(); n > most && held.all[0].top > 1 {
			t.Fatalf("%d rows are held in %d piles; at most %d may be", n, held.all[0].top, most)
		}
		for _, p := range held.all {
			for _, pile := range p.all {
				for _, chunk := range pile {
					for _, deed := range chunk {
						seen.see(t, place, deed.entity, deed.moment)
					}
				}
			}
		}
		last := held.last()
		if last == math.MaxUint64 {
			break
		}
		low = last + 1
	}
	seen.end(t, rows, place+1, 64*(len(rows)+64))
}

func seenInRows(t *testing.T, rows []funnelRow, most int) (ranges int) {
	t.Helper()
	seen := once{map[uint64]int{}, map[uint64]bool{}}
	place := 0
	for low := uint64(0); ; place++ {
		held := &heldRows{most: most}
		held.begin(low)
		for from := 0; from < len(rows); from += 50 {
			if held.add(rows[from:min(from+50, len(rows))]); len(held.rows) > most && several(held.rows) {
				t.Fatalf("%d rows are held; at most %d may be", len(held.rows), most)
			}
		}
		for i := range held.rows {
			seen.see(t, place, held.rows[i].entity, held.rows[i].moment)
		}
		if held.high == math.MaxUint64 {
			break
		}
		low = held.high + 1
	}
	// Two ranges that follow each other have at least as many rows as one is cut to.
	seen.end(t, rows, place+1, 2*len(rows)/(most-most/8)+2)
	return place + 1
}

// several tells whether rows are of more than one contact.
func several(rows []funnelRow) bool {
	return slices.ContainsFunc(rows, func(row funnelRow) bool { return row.entity != rows[0].entity })
}
