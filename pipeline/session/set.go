package session

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"sourceloop/schema"
)

// compareHits orders hits by (time, id).
func compareHits(a, b *schema.Hit) int {
	if c := cmp.Compare(a.GetAt(), b.GetAt()); c != 0 {
		return c
	}
	return bytes.Compare(a.GetId(), b.GetId())
}

// Union adds a hit to a set that is kept in (time, id) order, and reports
// whether the set changed. Of two bodies with one id the one received earlier
// stands; of two received in the same millisecond the one that compares lower,
// so that the order of arrival still plays no part. The set may be changed in
// place: use what is returned.
func Union(hits []*schema.Hit, add *schema.Hit) ([]*schema.Hit, bool) {
	if i := slices.IndexFunc(hits, func(h *schema.Hit) bool { return bytes.Equal(h.GetId(), add.GetId()) }); i >= 0 {
		if compareBodies(add, hits[i]) >= 0 {
			return hits, false
		}
		hits = slices.Delete(hits, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(hits, add, compareHits)
	return slices.Insert(hits, at, add), true
}

// compareBodies tells which of two bodies with one id stands: the lower one.
func compareBodies(a, b *schema.Hit) int {
	return cmp.Or(
		cmp.Compare(a.GetReceived(), b.GetReceived()),
		cmp.Compare(a.GetAt(), b.GetAt()),
		cmp.Compare(a.GetType(), b.GetType()),
		strings.Compare(a.GetUrl(), b.GetUrl()),
		strings.Compare(a.GetReferrer(), b.GetReferrer()),
		strings.Compare(a.GetTitle(), b.GetTitle()),
		strings.Compare(a.GetName(), b.GetName()),
		bytes.Compare(a.GetProperties(), b.GetProperties()),
		strings.Compare(a.GetTraits().GetEmail(), b.GetTraits().GetEmail()),
		strings.Compare(a.GetTraits().GetPhone(), b.GetTraits().GetPhone()),
		strings.Compare(a.GetTraits().GetUserId(), b.GetTraits().GetUserId()),
		strings.Compare(a.GetTraits().GetName(), b.GetTraits().GetName()),
		strings.Compare(a.GetCountry(), b.GetCountry()),
		strings.Compare(a.GetDevice(), b.GetDevice()),
		strings.Compare(a.GetBrowser(), b.GetBrowser()),
		strings.Compare(a.GetOs(), b.GetOs()),
		compareBools(a.GetBot(), b.GetBot()),
		strings.Compare(a.GetAdConsent(), b.GetAdConsent()),
		strings.Compare(a.GetFbp(), b.GetFbp()),
		strings.Compare(a.GetFbc(), b.GetFbc()),
		strings.Compare(a.GetLiFatId(), b.GetLiFatId()),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Trim gives a copy of a hit with only what sessions and claims are made from,
// to be kept in Redis. Workspace and visitor are left out, since they are the
// key under which the hit is kept.
func Trim(hit *schema.Hit) *schema.Hit {
	kept := &schema.Hit{
		Id: hit.GetId(), At: hit.GetAt(), Received: hit.GetReceived(), Type: hit.GetType(),
		Url: hit.GetUrl(), Referrer: hit.GetReferrer(), Title: hit.GetTitle(), Name: hit.GetName(),
		Country: hit.GetCountry(), Device: hit.GetDevice(), Browser: hit.GetBrowser(), Os: hit.GetOs(), Bot: hit.GetBot(),
		AdConsent: hit.GetAdConsent(), Fbp: hit.GetFbp(), Fbc: hit.GetFbc(), LiFatId: hit.GetLiFatId(),
	}
	switch hit.GetType() {
	case schema.HitType_HIT_TYPE_LEAVE:
		kept.Properties = hit.GetProperties()
	case schema.HitType_HIT_TYPE_EVENT:
		if hit.GetName() == chatOpened {
			kept.Properties = hit.GetProperties()
		}
	case schema.HitType_HIT_TYPE_IDENTIFY:
		kept.Traits = hit.GetTraits()
	}
	return kept
}

// canonical gives the set as Union keeps it, whatever order it comes in.
func canonical(hits []*schema.Hit) []*schema.Hit {
	for i := 1; i < len(hits); i++ {
		if compareHits(hits[i-1], hits[i]) >= 0 {
			return united(hits)
		}
	}
	return hits
}

func united(hits []*schema.Hit) []*schema.Hit {
	var set []*schema.Hit
	for _, h := range hits {
		set, _ = Union(set, h)
	}
	return set
}
