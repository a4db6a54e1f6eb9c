package session

import (
	"encoding/json"

	"sourceloop/schema"
)

// opened is a session as its first hit begins it.
func opened(workspace uint32, visitor string, h *schema.Hit, r *running, reason schema.Reason) schema.Session {
	page := withoutFragment(h.GetUrl())
	return schema.Session{
		ID:        schema.SessionID(workspace, visitor, hitID(h)),
		Workspace: workspace, Visitor: visitor,
		StartedAt: r.startedAt, EndedAt: r.startedAt, Reason: reason,
		Touch: touch(r.source, page, r.startedAt), ExitPage: page,
		Settings: r.settings.Version, List: r.source.GetList(),
		// What a server sends in a person's session makes no bot of the person.
		Bot: h.GetBot(),
	}
}

func touch(s *schema.Source, landingPage string, at schema.Millis) schema.Touch {
	return schema.Touch{
		Channel: s.GetChannel(), Source: s.GetSource(), Medium: s.GetMedium(), Campaign: s.GetCampaign(),
		Content: s.GetContent(), Term: s.GetTerm(), LandingPage: landingPage, Referrer: s.GetReferrer(),
		Rule: s.GetRule(), At: at,
	}
}

// include adds one hit to the session it belongs to. click is the click id that
// it brought to the session, or "".
func include(s *schema.Session, h *schema.Hit, click string) {
	s.EndedAt = schema.Millis(h.GetAt())
	s.Device = firstOf(s.Device, h.GetDevice())
	s.Country = firstOf(s.Country, h.GetCountry())
	s.Browser = firstOf(s.Browser, h.GetBrowser())
	s.OS = firstOf(s.OS, h.GetOs())
	hear(&s.Ads, h)
	page := withoutFragment(h.GetUrl())
	switch h.GetType() {
	case schema.HitType_HIT_TYPE_LEAVE:
		s.EngagedMS += engaged(h)
		return
	case schema.HitType_HIT_TYPE_PAGEVIEW:
		s.ExitPage = page
	case schema.HitType_HIT_TYPE_UNSPECIFIED, schema.HitType_HIT_TYPE_ADS:
		return
	}
	s.Items = append(s.Items, schema.Item{
		Hit: hitID(h), At: schema.Millis(h.GetAt()), Type: h.GetType(),
		URL: page, Title: h.GetTitle(), Name: h.GetName(), ClickID: click,
	})
}

// hear takes what a hit knows for advertising: the last word stands. A refusal
// takes the ids back.
func hear(a *schema.Ads, h *schema.Hit) {
	if consent := h.GetAdConsent(); consent != "" {
		a.Consent = schema.Consent(consent)
	}
	if a.Consent == schema.ConsentDenied {
		*a = schema.Ads{Consent: schema.ConsentDenied}
		return
	}
	a.FBP, a.FBC, a.LiFatID = firstOf(h.GetFbp(), a.FBP), firstOf(h.GetFbc(), a.FBC), firstOf(h.GetLiFatId(), a.LiFatID)
}

func firstOf(known, heard string) string {
	if known != "" {
		return known
	}
	return heard
}

// engaged is what a leave says about the time its page was looked at, within
// a day; what cannot be read is no time.
func engaged(h *schema.Hit) int64 {
	const day = 24 * 60 * 60 * 1000
	var properties struct {
		EngagedMS float64 `json:"engaged_ms"`
	}
	if json.Unmarshal(h.GetProperties(), &properties) != nil {
		return 0
	}
	return int64(min(max(properties.EngagedMS, 0), day))
}

// hitID is the id of a hit; bytes of another length, which the collector does
// not let through, give an id that is still a function of the hit.
func hitID(h *schema.Hit) schema.ID {
	id, err := schema.IDFromBytes(h.GetId())
	if err != nil {
		return schema.Derive("hit", string(h.GetId()))
	}
	return id
}
