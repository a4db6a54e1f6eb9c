package attribution

import (
	"slices"

	"sourceloop/schema"
)

// Summary is what a contact's page says about a conversion.
type Summary struct {
	FirstTouch    schema.Touch
	LastTouch     schema.Touch // of the converting session
	ReferrerChain []string     // the distinct external referrers, in order
	PagesBefore   int          // page views before the conversion
	SecondsOnSite float64      // of all its sessions, from first to last activity
	ReturnVisits  int          // sessions but the first
	Device        string       // of the converting session, as are the next two
	Country       string
	Browser       string
}

// Summarize gives the summary of a conversion of a contact. It counts all
// sessions up to the conversion, however long ago. Without any, the touches are
// Direct.
func Summarize(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session) Summary {
	all := begun(fact, contact, identities, sessions)
	if len(all) == 0 {
		direct := schema.DirectTouch(schema.Millis(fact.GetAt()))
		return Summary{FirstTouch: direct, LastTouch: direct}
	}
	converting := all[len(all)-1]
	sum := Summary{
		FirstTouch: all[0].Touch, LastTouch: converting.Touch,
		PagesBefore:  pagesBefore(fact, contact, identities, sessions, converting),
		ReturnVisits: len(all) - 1,
		Device:       converting.Device, Country: converting.Country, Browser: converting.Browser,
	}
	var active schema.Millis
	for _, s := range all {
		active += s.EndedAt - s.StartedAt
		if r := s.Touch.Referrer; r != "" && !slices.Contains(sum.ReferrerChain, r) {
			sum.ReferrerChain = append(sum.ReferrerChain, r)
		}
	}
	sum.SecondsOnSite = float64(active) / 1000
	return sum
}

// pagesBefore counts the page views that were the contact's when they happened,
// which can be later ones of a session that somebody else began. Where the
// converting session's browser was never the contact's, that session counts.
func pagesBefore(fact *schema.ConversionFact, contact schema.ID, identities []schema.Identity, sessions []schema.Session, converting *schema.Session) int {
	owners := browsers(identities)
	foreign := !owners.belonged(converting.Visitor, contact)
	pages := 0
	for i := range sessions {
		s := &sessions[i]
		for _, item := range s.Items {
			if item.Type != schema.HitType_HIT_TYPE_PAGEVIEW || item.At >= schema.Millis(fact.GetAt()) {
				continue
			}
			if owners.has(s.Visitor, item.At, contact) || foreign && s.ID == converting.ID {
				pages++
			}
		}
	}
	return pages
}
