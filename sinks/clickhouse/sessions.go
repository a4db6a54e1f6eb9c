package clickhouse

import (
	"cmp"

	"github.com/ClickHouse/ch-go/proto"

	"sourceloop/schema"
)

// sessionBlock fills the columns of the table sessions.
type sessionBlock struct {
	prepared
	sorted ordered[schema.SessionRow]

	workspace                                     proto.ColUInt32
	day                                           proto.ColDate32
	visitor, landing, referrer, exit              proto.ColStr
	session                                       proto.ColFixedStr16
	version                                       proto.ColUInt64
	deleted                                       proto.ColUInt8
	started, ended                                *proto.ColDateTime64Raw
	reason, channel, source, medium, campaign     *proto.ColLowCardinality[string]
	content, term, rule, device, country, browser *proto.ColLowCardinality[string]
	os, consent                                   *proto.ColLowCardinality[string]
	fbp, fbc, liFatID                             proto.ColStr
	clickIDs                                      *proto.ColArr[string]
	bot                                           proto.ColBool
	settings, list, pageViews, events             proto.ColUInt32
	engaged                                       proto.ColInt64
	itemsAt                                       *proto.ColArr[int64]
	itemsType                                     *proto.ColArr[int8]
	itemsURL, itemsTitle, itemsName, itemsClickID *proto.ColArr[string]
	itemsHit                                      *proto.ColArr[[16]byte]
}

func newSessionBlock() *sessionBlock {
	b := &sessionBlock{
		started: millisColumn(), ended: millisColumn(),
		reason: lowCardinality(), channel: lowCardinality(), source: lowCardinality(), medium: lowCardinality(),
		campaign: lowCardinality(), content: lowCardinality(), term: lowCardinality(), rule: lowCardinality(),
		device: lowCardinality(), country: lowCardinality(), browser: lowCardinality(), os: lowCardinality(), consent: lowCardinality(),
		clickIDs: new(proto.ColStr).Array(), itemsAt: new(proto.ColInt64).Array(),
		itemsType: arrayOf[int8](&enumColumn{kind: itemTypeEnum}),
		itemsURL:  new(proto.ColStr).Array(), itemsTitle: new(proto.ColStr).Array(),
		itemsName: lowCardinality().Array(), itemsClickID: new(proto.ColStr).Array(),
		itemsHit: new(proto.ColFixedStr16).Array(),
	}
	b.prepared = prepare("sessions", append(b.scalars(), b.items()...))
	return b
}

func (b *sessionBlock) scalars() proto.Input {
	return proto.Input{
		{Name: "workspace", Data: &b.workspace}, {Name: "day", Data: &b.day}, {Name: "visitor", Data: &b.visitor},
		{Name: "session", Data: &b.session}, {Name: "version", Data: &b.version}, {Name: "is_deleted", Data: &b.deleted},
		{Name: "started_at", Data: b.started}, {Name: "ended_at", Data: b.ended}, {Name: "reason", Data: b.reason},
		{Name: "channel", Data: b.channel}, {Name: "source", Data: b.source}, {Name: "medium", Data: b.medium},
		{Name: "campaign", Data: b.campaign}, {Name: "content", Data: b.content}, {Name: "term", Data: b.term},
		{Name: "landing_page", Data: &b.landing}, {Name: "referrer", Data: &b.referrer}, {Name: "rule", Data: b.rule},
		{Name: "device", Data: b.device}, {Name: "country", Data: b.country}, {Name: "browser", Data: b.browser},
		{Name: "os", Data: b.os}, {Name: "bot", Data: &b.bot}, {Name: "exit_page", Data: &b.exit},
		{Name: "settings", Data: &b.settings}, {Name: "list", Data: &b.list}, {Name: "engaged_ms", Data: &b.engaged},
		{Name: "page_views", Data: &b.pageViews}, {Name: "events", Data: &b.events},
		{Name: "ad_consent", Data: b.consent}, {Name: "fbp", Data: &b.fbp}, {Name: "fbc", Data: &b.fbc},
		{Name: "li_fat_id", Data: &b.liFatID},
	}
}

func (b *sessionBlock) items() proto.Input {
	return proto.Input{
		{Name: "click_ids", Data: b.clickIDs}, {Name: "items_at", Data: b.itemsAt},
		{Name: "items_type", Data: b.itemsType}, {Name: "items_url", Data: b.itemsURL},
		{Name: "items_title", Data: b.itemsTitle}, {Name: "items_name", Data: b.itemsName},
		{Name: "items_click_id", Data: b.itemsClickID}, {Name: "items_hit", Data: b.itemsHit},
	}
}

func (b *sessionBlock) fill(batches []*Batch) {
	b.input.Reset()
	for _, batch := range batches {
		b.sorted.add(batch.Sessions)
	}
	b.sorted.drain(func(x, y *schema.SessionRow) int {
		return cmp.Or(cmp.Compare(x.Workspace, y.Workspace), cmp.Compare(x.StartedAt.Day(), y.StartedAt.Day()),
			cmp.Compare(x.Visitor, y.Visitor), x.ID.Compare(y.ID))
	}, b.append)
}

func (b *sessionBlock) append(s *schema.SessionRow) {
	b.workspace.Append(s.Workspace)
	b.day = append(b.day, proto.Date32(s.StartedAt.Day()))
	b.visitor.Append(s.Visitor)
	b.session.Append(s.ID)
	b.version.Append(s.Version)
	b.deleted.Append(flag(s.Deleted))
	b.started.Append(millis(s.StartedAt))
	b.ended.Append(millis(s.EndedAt))
	b.reason.Append(string(s.Reason))
	b.device.Append(s.Device)
	b.country.Append(s.Country)
	b.browser.Append(s.Browser)
	b.os.Append(s.OS)
	b.bot.Append(s.Bot)
	b.exit.Append(s.ExitPage)
	b.settings.Append(s.Settings)
	b.list.Append(s.List)
	b.engaged.Append(s.EngagedMS)
	b.clickIDs.Append(s.ClickIDs)
	b.appendTouch(&s.Touch)
	b.appendAds(&s.Ads)
	b.appendItems(s)
}

func (b *sessionBlock) appendTouch(t *schema.Touch) {
	b.channel.Append(t.Channel)
	b.source.Append(t.Source)
	b.medium.Append(t.Medium)
	b.campaign.Append(t.Campaign)
	b.content.Append(t.Content)
	b.term.Append(t.Term)
	b.landing.Append(t.LandingPage)
	b.referrer.Append(t.Referrer)
	b.rule.Append(t.Rule)
}

func (b *sessionBlock) appendAds(a *schema.Ads) {
	b.consent.Append(string(a.Consent))
	b.fbp.Append(a.FBP)
	b.fbc.Append(a.FBC)
	b.liFatID.Append(a.LiFatID)
}

func (b *sessionBlock) appendItems(s *schema.SessionRow) {
	var pages, events uint32
	for i := range s.Items {
		item := &s.Items[i]
		switch item.Type {
		case schema.HitType_HIT_TYPE_PAGEVIEW:
			pages++
		case schema.HitType_HIT_TYPE_EVENT:
			events++
		}
		b.itemsAt.Data.Append(int64(item.At - s.StartedAt))
		b.itemsType.Data.Append(int8(item.Type))
		b.itemsURL.Data.Append(item.URL)
		b.itemsTitle.Data.Append(item.Title)
		b.itemsName.Data.Append(item.Name)
		b.itemsClickID.Data.Append(item.ClickID)
		b.itemsHit.Data.Append(item.Hit)
	}
	endRow(b.itemsAt)
	endRow(b.itemsType)
	endRow(b.itemsURL)
	endRow(b.itemsTitle)
	endRow(b.itemsName)
	endRow(b.itemsClickID)
	endRow(b.itemsHit)
	b.pageViews.Append(pages)
	b.events.Append(events)
}
