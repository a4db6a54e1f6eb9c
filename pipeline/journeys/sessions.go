package journeys

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"sourceloop/schema"
)

// Classifier reads from a hit where its visitor came from.
type Classifier interface {
	Classify(hit *schema.Hit, s *schema.Settings) *schema.Source
}

// InOrder sorts hits by (time, id), keeping of those with one id the earliest
// received.
func InOrder(hits []*schema.Hit) []*schema.Hit {
	byArrival := slices.Clone(hits)
	slices.SortStableFunc(byArrival, func(a, b *schema.Hit) int { return cmp.Compare(a.GetReceived(), b.GetReceived()) })
	var set []*schema.Hit
	for _, h := range byArrival {
		if !slices.ContainsFunc(set, func(k *schema.Hit) bool { return bytes.Equal(k.GetId(), h.GetId()) }) {
			set = append(set, h)
		}
	}
	slices.SortFunc(set, func(a, b *schema.Hit) int {
		return cmp.Or(cmp.Compare(a.GetAt(), b.GetAt()), bytes.Compare(a.GetId(), b.GetId()))
	})
	return set
}

// group is a session in the making: its hits, why it began, and its source.
type group struct {
	hits   []*schema.Hit
	reason schema.Reason
	set    *schema.Settings
	source *schema.Source
	before []string // click ids of the session it continues
}

// Sessions gives a visitor's sessions from all hits of theirs, in any order.
func Sessions(w *schema.Workspace, visitor string, hits []*schema.Hit, c Classifier) []schema.Session {
	var groups []*group
	for _, h := range InOrder(hits) {
		var last *group
		if len(groups) > 0 {
			last = groups[len(groups)-1]
		}
		reason := whyNew(last, h, c)
		if reason == "" {
			last.hits = append(last.hits, h)
			continue
		}
		next := &group{hits: []*schema.Hit{h}, reason: reason, set: w.At(schema.Millis(h.GetAt()))}
		if next.source = c.Classify(h, next.set); reason == schema.ReasonMidnight {
			next.source, next.before = last.source, last.clicks(c)
		}
		groups = append(groups, next)
	}
	sessions := make([]schema.Session, len(groups))
	for i, g := range groups {
		sessions[i] = g.session(w.ID, visitor, c)
	}
	return sessions
}

func isChecked(h *schema.Hit) bool {
	return h.GetType() == schema.HitType_HIT_TYPE_PAGEVIEW || h.GetType() == schema.HitType_HIT_TYPE_EVENT
}

func whyNew(last *group, h *schema.Hit, c Classifier) schema.Reason {
	if last == nil {
		return schema.ReasonFirstHit
	}
	if !isChecked(h) {
		return ""
	}
	previous := last.hits[len(last.hits)-1]
	if h.GetAt()-previous.GetAt() > last.set.Timeout.Milliseconds() {
		return schema.ReasonTimeout
	}
	if last.set.Attribution && last.isOtherSource(h, c) {
		return schema.ReasonAttribution
	}
	began := schema.Millis(last.hits[0].GetAt()).Time().In(last.set.Zone).Format("2006-01-02")
	if last.set.Midnight && schema.Millis(h.GetAt()).Time().In(last.set.Zone).Format("2006-01-02") != began {
		return schema.ReasonMidnight
	}
	return ""
}

func (g *group) isOtherSource(h *schema.Hit, c Classifier) bool {
	s := c.Classify(h, g.set)
	if s.GetDirect() {
		return false
	}
	given := func(name string) bool {
		u, err := url.Parse(h.GetUrl())
		return err == nil && u.Query().Get(name) != ""
	}
	if given("utm_source") && s.GetSource() != g.source.GetSource() ||
		given("utm_medium") && s.GetMedium() != g.source.GetMedium() ||
		given("utm_campaign") && s.GetCampaign() != g.source.GetCampaign() {
		return true
	}
	for _, id := range s.GetClickIds() {
		if !slices.Contains(g.clicks(c), id) {
			return true
		}
	}
	return s.GetReferrer() != "" && s.GetChannel() != g.source.GetChannel()
}

// clicks are the click ids of the session's page views and events, and of a
// first hit of any type, after those of the session it continues.
func (g *group) clicks(c Classifier) []string {
	seen := slices.Clone(g.before)
	for i, h := range g.hits {
		if i > 0 && !isChecked(h) {
			continue
		}
		for _, id := range c.Classify(h, g.set).GetClickIds() {
			if !slices.Contains(seen, id) {
				seen = append(seen, id)
			}
		}
	}
	return seen
}

func (g *group) session(workspace uint32, visitor string, c Classifier) schema.Session {
	first, last := g.hits[0], g.hits[len(g.hits)-1]
	s := schema.Session{
		ID:        schema.SessionID(workspace, visitor, schema.ID(first.GetId())),
		Workspace: workspace, Visitor: visitor, Reason: g.reason,
		StartedAt: schema.Millis(first.GetAt()), EndedAt: schema.Millis(last.GetAt()),
		ClickIDs: g.clicks(c), Settings: g.set.Version, List: g.source.GetList(),
		ExitPage: page(first), Bot: first.GetBot(),
		Touch: schema.Touch{
			Channel: g.source.GetChannel(), Source: g.source.GetSource(), Medium: g.source.GetMedium(),
			Campaign: g.source.GetCampaign(), Content: g.source.GetContent(), Term: g.source.GetTerm(),
			Referrer: g.source.GetReferrer(), Rule: g.source.GetRule(), At: schema.Millis(first.GetAt()),
		},
	}
	s.Touch.LandingPage = page(first)
	views := slices.DeleteFunc(slices.Clone(g.hits), func(h *schema.Hit) bool { return h.GetType() != schema.HitType_HIT_TYPE_PAGEVIEW })
	if len(views) > 0 {
		s.Touch.LandingPage, s.ExitPage = page(views[0]), page(views[len(views)-1])
	}
	for _, h := range slices.Backward(g.hits) {
		s.Device, s.Country = cmp.Or(h.GetDevice(), s.Device), cmp.Or(h.GetCountry(), s.Country)
		s.Browser, s.OS = cmp.Or(h.GetBrowser(), s.Browser), cmp.Or(h.GetOs(), s.OS)
	}
	s.Ads = g.ads()
	for i, h := range g.hits {
		if h.GetType() == schema.HitType_HIT_TYPE_LEAVE {
			var p map[string]float64
			if json.Unmarshal(h.GetProperties(), &p) == nil {
				s.EngagedMS += int64(p["engaged_ms"])
			}
			continue
		}
		if h.GetType() == schema.HitType_HIT_TYPE_ADS {
			continue
		}
		item := schema.Item{Hit: schema.ID(h.GetId()), At: schema.Millis(h.GetAt()), Type: h.GetType(), URL: page(h), Title: h.GetTitle(), Name: h.GetName()}
		upTo, before := &group{hits: g.hits[:i+1], set: g.set, before: g.before}, &group{hits: g.hits[:i], set: g.set, before: g.before}
		if fresh := upTo.clicks(c)[len(before.clicks(c)):]; len(fresh) > 0 {
			item.ClickID = fresh[0]
		}
		s.Items = append(s.Items, item)
	}
	return s
}

// ads looks for the last word about consent, and for the last ids that no
// refusal came after.
func (g *group) ads() (a schema.Ads) {
	refused := -1
	for i, h := range g.hits {
		a.Consent = schema.Consent(cmp.Or(h.GetAdConsent(), string(a.Consent)))
		if a.Consent == schema.ConsentDenied {
			refused = i
		}
	}
	for _, h := range slices.Backward(g.hits[refused+1:]) {
		a.FBP, a.FBC, a.LiFatID = cmp.Or(a.FBP, h.GetFbp()), cmp.Or(a.FBC, h.GetFbc()), cmp.Or(a.LiFatID, h.GetLiFatId())
	}
	return a
}

func page(h *schema.Hit) string { return strings.SplitN(h.GetUrl(), "#", 2)[0] }
