package session

import (
	"encoding/binary"
	"hash"
	"hash/fnv"

	"sourceloop/schema"
)

// Hash tells rows with different content apart, so that unchanged ones are not
// written again. It is kept in Redis, and is therefore the same in every
// process: FNV-1a over all fields, each with its length.
func Hash(s *schema.Session) uint64 {
	h := digest{fnv.New64a()}
	h.bytes(s.ID[:])
	h.number(int64(s.Workspace))
	h.text(s.Visitor)
	h.number(int64(s.StartedAt))
	h.number(int64(s.EndedAt))
	h.text(string(s.Reason))
	h.touch(&s.Touch)
	h.number(int64(len(s.ClickIDs)))
	for _, id := range s.ClickIDs {
		h.text(id)
	}
	for _, t := range []string{s.Device, s.Country, s.Browser, s.OS, s.ExitPage} {
		h.text(t)
	}
	h.flag(s.Bot)
	h.number(int64(s.Settings))
	h.number(int64(s.List))
	h.number(s.EngagedMS)
	for i := range s.Items {
		h.item(&s.Items[i])
	}
	return h.Sum64()
}

type digest struct{ hash.Hash64 }

func (d digest) bytes(b []byte) {
	d.number(int64(len(b)))
	d.Write(b)
}

func (d digest) text(s string) { d.bytes([]byte(s)) }

func (d digest) number(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	d.Write(b[:])
}

func (d digest) flag(b bool) {
	if b {
		d.number(1)
		return
	}
	d.number(0)
}

func (d digest) touch(t *schema.Touch) {
	for _, s := range []string{t.Channel, t.Source, t.Medium, t.Campaign, t.Content, t.Term, t.LandingPage, t.Referrer, t.Rule} {
		d.text(s)
	}
	d.number(int64(t.At))
}

func (d digest) item(i *schema.Item) {
	d.bytes(i.Hit[:])
	d.number(int64(i.At))
	d.number(int64(i.Type))
	for _, s := range []string{i.URL, i.Title, i.Name, i.ClickID} {
		d.text(s)
	}
}
