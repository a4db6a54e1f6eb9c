package report

import "testing"

// TestARareRowTakesFewStatements: a list of which no row is the one that is looked for is read to its end in few statements, none of
// which takes more memory than it may, whatever the size of rows.
func TestARareRowTakesFewStatements(t *testing.T) {
	const all = 5_000_000
	for _, c := range []struct {
		bytes, most int // of a row, and statements
	}{{0, 15}, {100, 20}, {400, 40}, {100_000, 8000}} {
		l, statements := usualListing(), 0
		for some, read := l.few, 0; read < all; some = l.next(some, some*c.bytes) {
			if some < 1 || statements > 0 && some*c.bytes > behindBytes {
				t.Fatalf("of %d bytes each %d rows are read at a time", c.bytes, some)
			}
			read += some
			statements++
		}
		if statements > c.most {
			t.Errorf("of %d bytes each all rows take %d statements; at most %d were expected", c.bytes, statements, c.most)
		}
	}
	if next := usualListing().next(2, 3*behindBytes); next != 1 {
		t.Errorf("after 2 rows that were too much together %d are read; want 1", next)
	}
}

// TestUsedIsWhatRowsTake: the more rows and touches there are, the more is used, and nothing when none are there, whatever room was kept.
func TestUsedIsWhatRowsTake(t *testing.T) {
	rows := &touchRows{}
	rows.begin(0, &placed{Columns: []string{channelColumn}})
	none := rows.used()
	rows.happened.rows = make([]int64, 1000)
	few := rows.used()
	rows.starts.elements.rows = make([]int64, 5000)
	many := rows.used()
	if few-none < 1000*8 || many-few < 5000*(8+4) {
		t.Errorf("of nothing %d bytes are used, of 1,000 rows %d, with 5,000 touches %d", none, few, many)
	}
	rows.clear()
	if rows.used() > none {
		t.Errorf("when all is cleared %d bytes are used; want no more than %d", rows.used(), none)
	}
}
