package session

import (
	"encoding/binary"
	"hash/fnv"

	"sourceloop/schema"
)

// Hash tells rows with different content apart, so that unchanged ones are not
// written again. It is kept in Redis, and is therefore the same in every
// process: FNV-1a over all fields, each with its length.
func Hash(s *schema.Session) uint64 {
	h := make(content, 0, 512+256*len(s.Items))
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
	h.ads(&s.Ads)
	sum := fnv.New64a()
	sum.Write(h)
	return sum.Sum64()
}

// content is a row's fields one after the other.
type content []byte

func (c *content) number(n int64) { *c = binary.LittleEndian.AppendUint64(*c, uint64(n)) }

func (c *content) bytes(b []byte) {
	c.number(int64(len(b)))
	*c = append(*c, b...)
}

func (c *content) text(s string) {
	c.number(int64(len(s)))
	*c = append(*c, s...)
}

func (c *content) flag(b bool) {
	if b {
		c.number(1)
		return
	}
	c.number(0)
}

func (c *content) touch(t *schema.Touch) {
	for _, s := range []string{t.Channel, t.Source, t.Medium, t.Campaign, t.Content, t.Term, t.LandingPage, t.Referrer, t.Rule} {
		c.text(s)
	}
	c.number(int64(t.At))
}

// ads adds nothing where nothing is known: most rows keep the hash that they
// had before there were these fields. No item begins like what it adds.
func (c *content) ads(a *schema.Ads) {
	if *a == (schema.Ads{}) {
		return
	}
	for _, s := range []string{string(a.Consent), a.FBP, a.FBC, a.LiFatID} {
		c.text(s)
	}
}

func (c *content) item(i *schema.Item) {
	c.bytes(i.Hit[:])
	c.number(int64(i.At))
	c.number(int64(i.Type))
	for _, s := range []string{i.URL, i.Title, i.Name, i.ClickID} {
		c.text(s)
	}
}
