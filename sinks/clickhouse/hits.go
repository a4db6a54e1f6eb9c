package clickhouse

import (
	"bytes"
	"cmp"
	"math"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// hitBlock fills the columns of the table hits.
type hitBlock struct {
	prepared
	sorted ordered[schema.Hit]

	workspace                        proto.ColUInt32
	id                               proto.ColFixedStr16
	version                          proto.ColUInt64
	at, received                     *proto.ColDateTime64Raw
	kind                             *enumColumn
	visitor, url, referrer, title    proto.ColStr
	properties, agent                proto.ColStr
	email, phone, person, user       proto.ColStr
	name, tz, country, countrySource *proto.ColLowCardinality[string]
	device, browser, os, consent     *proto.ColLowCardinality[string]
	fbp, fbc, liFatID                proto.ColStr
	bot                              proto.ColBool
	shift                            proto.ColInt64
}

func newHitBlock() *hitBlock {
	b := &hitBlock{
		at: millisColumn(), received: millisColumn(), kind: &enumColumn{kind: hitTypeEnum},
		name: lowCardinality(), tz: lowCardinality(), country: lowCardinality(), countrySource: lowCardinality(),
		device: lowCardinality(), browser: lowCardinality(), os: lowCardinality(), consent: lowCardinality(),
	}
	b.prepared = prepare("hits", proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "id", Data: &b.id}, {Name: "version", Data: &b.version},
		{Name: "visitor", Data: &b.visitor}, {Name: "at", Data: b.at}, {Name: "received", Data: b.received},
		{Name: "type", Data: b.kind}, {Name: "url", Data: &b.url}, {Name: "referrer", Data: &b.referrer},
		{Name: "title", Data: &b.title}, {Name: "name", Data: b.name}, {Name: "properties", Data: &b.properties},
		{Name: "trait_email", Data: &b.email}, {Name: "trait_phone", Data: &b.phone},
		{Name: "trait_name", Data: &b.person}, {Name: "trait_user_id", Data: &b.user},
		{Name: "user_agent", Data: &b.agent}, {Name: "tz", Data: b.tz}, {Name: "country", Data: b.country},
		{Name: "country_source", Data: b.countrySource}, {Name: "device", Data: b.device},
		{Name: "browser", Data: b.browser}, {Name: "os", Data: b.os}, {Name: "bot", Data: &b.bot},
		{Name: "clock_shift", Data: &b.shift}, {Name: "ad_consent", Data: b.consent}, {Name: "fbp", Data: &b.fbp},
		{Name: "fbc", Data: &b.fbc}, {Name: "li_fat_id", Data: &b.liFatID},
	})
	return b
}

func (b *hitBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.rows = append(b.sorted.rows, batch.Hits...)
	}
	b.sorted.drain(func(x, y *schema.Hit) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), bytes.Compare(x.Id, y.Id))
	}, b.append)
}

func (b *hitBlock) append(h *schema.Hit) {
	b.workspace.Append(h.Workspace)
	b.id.Append(fixed(h.Id))
	b.version.Append(math.MaxUint64 - uint64(h.Received))
	b.visitor.Append(h.Visitor)
	b.at.Append(proto.DateTime64(h.At))
	b.received.Append(proto.DateTime64(h.Received))
	b.kind.Append(int8(h.Type))
	b.url.Append(h.Url)
	b.referrer.Append(h.Referrer)
	b.title.Append(h.Title)
	b.name.Append(h.Name)
	b.properties.AppendBytes(h.Properties)
	b.email.Append(h.Traits.GetEmail())
	b.phone.Append(h.Traits.GetPhone())
	b.person.Append(h.Traits.GetName())
	b.user.Append(h.Traits.GetUserId())
	b.agent.Append(h.UserAgent)
	b.tz.Append(h.Tz)
	b.country.Append(h.Country)
	b.countrySource.Append(h.CountrySource)
	b.device.Append(h.Device)
	b.browser.Append(h.Browser)
	b.os.Append(h.Os)
	b.bot.Append(h.Bot)
	b.shift.Append(h.ClockShift)
	b.consent.Append(h.AdConsent)
	b.fbp.Append(h.Fbp)
	b.fbc.Append(h.Fbc)
	b.liFatID.Append(h.LiFatId)
}
