package report

import (
	"bytes"

	"sourceloop/schema"
)

// sinceEver is earlier than anything that happened: ClickHouse's moments begin there, in 1900.
const sinceEver = schema.Millis(-2_208_988_800_000)

// looked is the period whose conversions a question looks at: to know the first of a contact it takes all before.
func (q *Credits) looked() Period {
	if q.FirstOnly {
		return Period{sinceEver, q.Period.End}
	}
	return q.Period
}

// firsts are the first conversions of contacts, each the place of a list and of a row there.
type firsts map[schema.ID][2]int

// onlyFirst has of every contact only the first of the conversions that count go on counting, and it only if it happened since a moment.
func onlyFirst(views []*touchRows, begin schema.Millis) {
	first := firsts{}
	for list, v := range views {
		for i, counted := range v.counted.rows {
			if counted != 0 {
				first.stand(views, list, i)
			}
		}
	}
	for _, v := range views {
		for i, happened := range v.happened.rows {
			if happened < int64(begin) {
				v.counted.rows[i] = 0
			}
		}
	}
}

// stand has a row stand for its contact, or not count.
func (f firsts) stand(views []*touchRows, list, i int) {
	r := views[list]
	place, known := f[r.contact.rows[i]]
	if known {
		other := views[place[0]]
		if !r.earlier(i, other, place[1]) {
			r.counted.rows[i] = 0
			return
		}
		other.counted.rows[place[1]] = 0
	}
	f[r.contact.rows[i]] = [2]int{list, i}
}

// earlier tells whether row i happened before a row of another list, or the same one. Of those at one moment ids tell.
func (r *touchRows) earlier(i int, other *touchRows, place int) bool {
	if r.happened.rows[i] != other.happened.rows[place] {
		return r.happened.rows[i] < other.happened.rows[place]
	}
	return bytes.Compare(r.id.rows[i][:], other.id.rows[place][:]) < 0
}
