package session_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

// FuzzState: whatever Redis gives back for a visitor, sessions come out of it in
// order, and sealing takes whole ones and leaves the others as they were.
func FuzzState(f *testing.F) {
	hits := make([]*schema.Hit, 3)
	for i := range hits {
		id := schema.NewHitID(epoch, [10]byte{byte(i)})
		hits[i] = &schema.Hit{
			Id: id[:], At: int64(epoch) + int64(i)*100*3600_000, Received: int64(epoch), Type: schema.HitType(1 + i%3),
			Url: "https://shop.example/?gclid=1", Traits: &schema.Traits{Email: "a@x.example"},
		}
	}
	for _, st := range []*schema.VisitorState{
		{}, {Hits: hits}, {Hits: slices.Concat(hits, hits)}, {Hits: []*schema.Hit{{}, {Id: []byte("short"), At: -1 << 63}}},
		{Hits: hits, Carry: &schema.Carry{LastAt: int64(epoch) - 1, ClosesAt: int64(epoch), OpenAt: int64(epoch), OpenId: hits[0].GetId()}},
	} {
		value, err := proto.Marshal(st)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value, int64(epoch)+1<<40)
	}
	w := workspace(f, func(*schema.Settings) {})
	f.Fuzz(func(t *testing.T, value []byte, progress int64) {
		st := &schema.VisitorState{}
		if proto.Unmarshal(value, st) != nil || len(st.GetHits()) > 200 {
			return
		}
		before := session.Derive(w, "v", st.GetCarry(), st.GetHits(), simple{})
		for i := range before {
			if before[i].EndedAt < before[i].StartedAt || i > 0 && before[i].StartedAt < before[i-1].EndedAt {
				t.Errorf("session %d is out of order: %+v", i, before[i])
			}
		}
		session.Claims(w, st.GetHits(), before, identity.Rules{})
		sealed := session.Seal(w, "v", st, schema.Millis(progress), simple{})
		after := slices.Concat(sealed, session.Derive(w, "v", st.GetCarry(), st.GetHits(), simple{}))
		if !slices.EqualFunc(before, after, func(a, b schema.Session) bool { return session.Hash(&a) == session.Hash(&b) }) {
			t.Errorf("sealing made of\n%+v\n%+v", before, after)
		}
	})
}
