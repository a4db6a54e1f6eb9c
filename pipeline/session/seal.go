package session

import (
	"bytes"
	"cmp"
	"time"

	"sourceloop/schema"
)

// Settled is how far the visitor's newest hit, and the largest arrival of its
// partition, must be past a session before it is sealed.
const Settled = 72 * time.Hour

// Seal removes the visitor's oldest sessions from the state as long as they
// are settled: progress, the largest arrival in the partition's log so far, is
// 72 h past the last arrival of their hits, and the visitor's newest hit is 72
// h past their last one. It returns them, and leaves in the state the hits of
// the other sessions and the carry. The written keys are the caller's: seal
// only what is known to be stored.
func Seal(w *schema.Workspace, visitor string, st *schema.VisitorState, progress schema.Millis, c Classifier) (sealed []schema.Session) {
	hits := canonical(st.GetHits())
	if len(hits) == 0 || !settled(hits[:1], hits, progress) {
		return nil
	}
	d := derive(w, visitor, st.GetCarry(), hits, c)
	n := 0
	for n+1 < len(d.sessions) && settled(hits[d.firsts[n]:d.firsts[n+1]], hits, progress) {
		n++
	}
	if n == 0 {
		return nil
	}
	open := hits[d.firsts[n]:]
	last := d.ends[n-1]
	st.Carry = last.carry(open[0], st.GetCarry().GetSessions()+uint32(n))
	st.Carry.LandingPage = d.sessions[n-1].Touch.LandingPage
	st.Hits = append([]*schema.Hit(nil), open...)
	return d.sessions[:n]
}

// settled tells whether a stretch of the visitor's hits is 72 h behind.
func settled(stretch, all []*schema.Hit, progress schema.Millis) bool {
	var arrival schema.Millis
	for _, h := range stretch {
		arrival = max(arrival, schema.Millis(h.GetReceived()))
	}
	last, newest := stretch[len(stretch)-1], all[len(all)-1]
	return progress.Sub(arrival) >= Settled &&
		schema.Millis(newest.GetAt()).Sub(schema.Millis(last.GetAt())) >= Settled
}

// carry is what a session leaves behind when it is the last one sealed. open
// is the first hit that stays.
func (r *running) carry(open *schema.Hit, sessions uint32) *schema.Carry {
	return &schema.Carry{
		LastAt: int64(r.lastAt), LastId: r.lastID, StartedAt: int64(r.startedAt),
		Source: r.source, ClickIds: r.clicks, Referrer: r.source.GetReferrer(),
		Sessions: sessions, Settings: r.settings.Version,
		ClosesAt: int64(r.lastAt.Add(r.settings.Timeout)), OpenAt: open.GetAt(), OpenId: open.GetId(),
	}
}

// Late tells whether a hit is from before the seal: it belongs to a sealed
// session, or could change one. Such a hit is kept out of the state.
func Late(carry *schema.Carry, hit *schema.Hit) bool {
	switch {
	case carry == nil, compareKey(hit, carry.GetOpenAt(), carry.GetOpenId()) >= 0:
		return false
	case compareKey(hit, carry.GetLastAt(), carry.GetLastId()) <= 0:
		return true
	}
	return !checked(hit) || hit.GetAt() <= carry.GetClosesAt()
}

func compareKey(h *schema.Hit, at int64, id []byte) int {
	if c := cmp.Compare(h.GetAt(), at); c != 0 {
		return c
	}
	return bytes.Compare(h.GetId(), id)
}
