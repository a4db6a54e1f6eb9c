package collect

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

// Borders of what a clock may show. The months of the id partition the table
// of hits, so ids and times outside are set aside.
const (
	maxAhead   = 24 * time.Hour
	maxAge     = 10 * 366 * 24 * time.Hour
	maxOff     = time.Minute // how far a browser's clock may be off
	maxVisitor = 128         // bytes
)

// sender is what all hits of one request have in common.
type sender struct {
	workspace uint32
	now       time.Time
	received  schema.Millis
	shift     int64 // what the browser's clock is behind, 0 within a minute
	origin    origin
	header    string // User-Agent
	agent     enrich.Agent
	parsed    bool // agent is read

	// What the hit before said, since hits of one visitor come together.
	visitor   string
	charged   share
	said      string // user_agent
	saidAgent enrich.Agent
}

// judge turns a draft into the batch's hit, or says what is wrong with it.
func (e *Edge) judge(b *batch, s *sender) fault {
	d := &b.draft
	if f := e.check(b, s); f.code != "" {
		return f
	}
	if e.visitors.charge(s.now, s.share(e.visitors, b.hit.Visitor), 1) > 0 {
		return fault{flood, "visitor: too many hits at once; send this one again later"}
	}
	h := &b.hit
	h.Workspace, h.Received = s.workspace, int64(s.received)
	h.Url, h.Referrer = enrich.Redact(d.url), enrich.Redact(d.referrer)
	h.Title, h.Name, h.Tz = d.title, d.name, d.tz
	h.Properties, h.Traits = nil, nil
	if d.properties != "" {
		b.properties = append(b.properties[:0], d.properties...)
		h.Properties = b.properties
	}
	if d.identified {
		t := &b.traits
		t.Email, t.Phone, t.Name, t.UserId = d.traits.email, d.traits.phone, d.traits.name, d.traits.user
		h.Traits = t
	}
	h.Country, h.CountrySource = e.deps.Countries.Country(s.origin.addr, s.origin.country, d.tz)
	e.takeAds(&d.ads, h)
	e.readAgent(b, s)
	return fault{}
}

// check looks for a first fault.
func (e *Edge) check(b *batch, s *sender) fault {
	f := e.checkText(b, s)
	if f.code == "" {
		f = e.checkKind(b, s)
	}
	if f.code == "" {
		f = e.checkID(b, s)
	}
	if f.code == "" {
		f = e.checkVisitor(b, s)
	}
	if f.code == "" {
		f = e.checkTime(b, s)
	}
	return f
}

// share finds what a visitor is charged to. Hits of one visitor come together.
func (s *sender) share(l *limiter, visitor string) share {
	if s.visitor != visitor {
		var room [64]byte
		s.visitor, s.charged = visitor, l.share(appendHitKey(room[:0], s.workspace, visitor))
	}
	return s.charged
}

func (e *Edge) checkText(b *batch, _ *sender) fault {
	if b.reader.broken {
		return fault{badText, "text that is no UTF-8; set aside"}
	}
	return b.reader.fault
}

func (e *Edge) checkKind(b *batch, _ *sender) fault {
	switch b.draft.kind.value {
	case "pageview":
		b.hit.Type = schema.HitType_HIT_TYPE_PAGEVIEW
	case "event":
		b.hit.Type = schema.HitType_HIT_TYPE_EVENT
		if b.draft.name == "" {
			return fault{badField, "name: an event needs one"}
		}
	case "identify":
		b.hit.Type = schema.HitType_HIT_TYPE_IDENTIFY
	case "leave":
		b.hit.Type = schema.HitType_HIT_TYPE_LEAVE
	case "ads":
		b.hit.Type = schema.HitType_HIT_TYPE_ADS
	default:
		return fault{badType, "type: must be pageview, event, identify, leave or ads"}
	}
	return fault{}
}

func (e *Edge) checkID(b *batch, s *sender) fault {
	id, f := e.hitID(b.draft.id, s)
	b.id = id
	b.hit.Id = b.id[:]
	return f
}

func (e *Edge) hitID(given text, s *sender) (schema.ID, fault) {
	if !given.given {
		var random [10]byte
		if _, err := io.ReadFull(e.deps.Random, random[:]); err != nil {
			return schema.ID{}, fault{badID, "id: none was sent and none could be made; send one"}
		}
		return schema.NewHitID(s.received, random), fault{}
	}
	id, err := schema.ParseID(given.value)
	if err != nil || !id.IsV7() {
		return schema.ID{}, fault{badID, "id: must be a UUIDv7"}
	}
	switch age := s.received.Sub(id.Time()); {
	case age < -maxAhead:
		return id, fault{badTime, "id: made more than 24 hours from now; set aside"}
	case age > maxAge:
		return id, fault{badTime, "id: made more than ten years ago; set aside"}
	}
	return id, fault{}
}

func (e *Edge) checkVisitor(b *batch, _ *sender) fault {
	given := b.draft.visitor
	if !given.given {
		var random [16]byte
		if _, err := io.ReadFull(e.deps.Random, random[:]); err != nil {
			return fault{badVisitor, "visitor: none was sent and none could be made; send one"}
		}
		b.hit.Visitor = hex.EncodeToString(random[:])
		return fault{}
	}
	visitor := strings.TrimSpace(clean(given.value))
	if len(visitor) > maxVisitor {
		return fault{badVisitor, "visitor: longer than 128 bytes"}
	}
	if identity.AcceptID(visitor) != nil {
		return fault{badVisitor, "visitor: stands for nobody in particular"}
	}
	b.hit.Visitor = visitor
	return fault{}
}

// checkTime finds when the hit happened. A browser whose clock is off is corrected;
// what still lies ahead, but within a day, happened on arrival.
func (e *Edge) checkTime(b *batch, s *sender) fault {
	given := b.draft.at
	if !given.given {
		b.hit.At, b.hit.ClockShift = int64(s.received), 0
		return fault{}
	}
	at, received := given.value, int64(s.received)
	if given.wild || at < 0 || at > 1<<53 {
		return fault{badTime, "at: no time that a clock shows, in milliseconds since 1970; set aside"}
	}
	at += s.shift
	switch {
	case at > received+maxAhead.Milliseconds():
		return fault{badTime, "at: more than 24 hours ahead; set aside"}
	case at < received-maxAge.Milliseconds():
		return fault{badTime, "at: more than ten years ago; it must be in milliseconds since 1970; set aside"}
	case at > received:
		at = received
	}
	b.hit.At, b.hit.ClockShift = at, at-given.value
	return fault{}
}

// readAgent prefers what the hit says over the header: servers send hits too.
func (e *Edge) readAgent(b *batch, s *sender) {
	h := &b.hit
	var agent enrich.Agent
	if b.draft.agent != "" {
		if s.said != b.draft.agent {
			s.said, s.saidAgent = b.draft.agent, e.deps.Agents.Parse(b.draft.agent)
		}
		h.UserAgent, agent = s.said, s.saidAgent
	} else {
		if !s.parsed {
			s.header = cut(clean(strings.ToValidUTF8(s.header, "\uFFFD")), maxAgent)
			s.agent, s.parsed = e.deps.Agents.Parse(s.header), true
		}
		h.UserAgent, agent = s.header, s.agent
	}
	h.Device, h.Browser, h.Os, h.Bot = agent.Device, agent.Browser, agent.OS, agent.Bot
}

// setAside keeps an item's bytes with the reason. The key has what is known of
// whose it is.
func setAside(item string, f fault, b *batch, s *sender) *schema.DeadRecord {
	visitor := b.draft.visitor.value
	if !utf8.ValidString(visitor) || len(visitor) > maxVisitor {
		visitor = ""
	}
	id := schema.Derive("dead", schema.TopicHits, "collect", fmt.Sprint(s.workspace), item)
	return &schema.DeadRecord{
		Topic: schema.TopicHits, Partition: -1, Offset: -1, Key: schema.HitKey(s.workspace, visitor), Value: []byte(item),
		Stage: Stage, Reason: string(f.code), Detail: f.words, At: int64(s.received), Id: id[:],
	}
}
