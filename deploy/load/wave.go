package load

import (
	"cmp"
	"slices"
	"time"

	"sourceloop/schema"
)

// waveHits is about how many hits are planned before they are sent: it bounds the memory of a run.
const waveHits = 50_000

// wave is a number of units that are sent together.
type wave struct {
	units      []*unit
	sendings   []sending // in the order in which they are sent
	duplicates int
	late       int
	wrongClock int
}

// sending is a hit on its way.
type sending struct {
	order   schema.Millis // when it would arrive in a world where sending takes as long as it does
	browser *browser
	hit     *hit
}

// wave plans the next units, nil after the last.
func (p *planner) wave() *wave {
	w := &wave{}
	for len(w.sendings) < waveHits {
		u := p.next()
		if u == nil {
			break
		}
		w.units = append(w.units, u)
		w.send(p, u)
	}
	if len(w.units) == 0 {
		return nil
	}
	slices.SortStableFunc(w.sendings, func(a, b sending) int {
		return cmp.Or(cmp.Compare(a.browser.skew, b.browser.skew), cmp.Compare(a.order, b.order))
	})
	return w
}

// send plans in which order a unit's hits arrive: one in eight a little out of order, one in thirty hours or days late,
// one in forty twice.
func (w *wave) send(p *planner, u *unit) {
	r := p.config.random("way", p.unit)
	for _, s := range u.sessions {
		for _, h := range s.hits {
			order := h.at
			switch n := r.IntN(120); {
			case n < 4:
				order += schema.Millis(r.Int64N(int64(3 * 24 * time.Hour / time.Millisecond)))
				w.late++
			case n < 19:
				order += schema.Millis(r.Int64N(int64(10 * time.Minute / time.Millisecond)))
			}
			w.sendings = append(w.sendings, sending{order, s.browser, h})
			if r.IntN(40) == 0 && s.browser.skew == 0 {
				w.sendings = append(w.sendings, sending{order + schema.Millis(r.Int64N(48*3_600_000)), s.browser, h})
				w.duplicates++
			}
			if s.browser.skew != 0 {
				w.wrongClock++
			}
		}
	}
}

// batches cuts what is to be sent into requests of at most some hits. Those of one request share a clock.
func (w *wave) batches(most int) [][]sending {
	var all [][]sending
	for rest := w.sendings; len(rest) > 0; {
		n := 1
		for n < len(rest) && n < most && rest[n].browser.skew == rest[0].browser.skew {
			n++
		}
		all = append(all, rest[:n])
		rest = rest[n:]
	}
	return all
}

// batchHits is how many hits one request holds at most when nobody says.
const batchHits = 500
