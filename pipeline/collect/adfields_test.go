package collect_test

import (
	"strings"
	"testing"

	"sourceloop/schema"
)

// TestAdFields: what is good stays as it came, what is not is left out and
// counted, and the hit is stored whatever stood there.
func TestAdFields(t *testing.T) {
	const fbp, li = "fb.1.1763900000000.1098115397", "3e0fb0b4-5b1c-4d36-8a9b-3a0b5f4f6a01"
	fbc := "fb.2.1763900000000.IwAR0_aB-" + strings.Repeat("x", 400)
	for _, test := range []struct {
		name, fields string
		want         *schema.Hit
		dropped      string
	}{
		{"all of them", `"ad_consent":"granted","fbp":"` + fbp + `","fbc":"` + fbc + `","li_fat_id":"` + li + `"`,
			&schema.Hit{AdConsent: "granted", Fbp: fbp, Fbc: fbc, LiFatId: li}, ""},
		{"denied, and nothing", `"ad_consent":"denied","fbp":null,"fbc":"","li_fat_id":null`, &schema.Hit{AdConsent: "denied"}, ""},
		{"another word", `"ad_consent":"Granted","fbp":"` + fbp + `"`, &schema.Hit{Fbp: fbp}, "ad_consent"},
		{"true", `"ad_consent":true`, &schema.Hit{}, "ad_consent"},
		{"an object with a member twice", `"fbp":{"a":1,"a":NaN}`, &schema.Hit{}, "fbp"},
		{"a bare fbclid", `"fbc":"IwAR0abc"`, &schema.Hit{}, "fbc"},
		{"a time in seconds", `"fbc":"fb.1.1763900000.IwAR0abc"`, &schema.Hit{}, "fbc"},
		{"an address", `"fbp":"fb.1.1763900000000.ann@example.com"`, &schema.Hit{}, "fbp"},
		{"too long", `"fbp":"fb.1.1763900000000.` + strings.Repeat("1", 65) + `"`, &schema.Hit{}, "fbp"},
		{"no UTF-8", "\"li_fat_id\":\"\xff\"", &schema.Hit{}, "li_fat_id"},
		{"a tag", `"li_fat_id":"<b>"`, &schema.Hit{}, "li_fat_id"},
		{"far too long", `"li_fat_id":"` + strings.Repeat("a", 129) + `"`, &schema.Hit{}, "li_fat_id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			if got := p.send(t, hit(test.fields)); got.status != 202 || got.Accepted != 1 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			h := p.log.hits(t)[0]
			if h.GetAdConsent() != test.want.GetAdConsent() || h.GetFbp() != test.want.GetFbp() || h.GetFbc() != test.want.GetFbc() || h.GetLiFatId() != test.want.GetLiFatId() {
				t.Errorf("stored %v", h)
			}
			for _, field := range []string{"ad_consent", "fbp", "fbc", "li_fat_id"} {
				want := 0.0
				if field == test.dropped {
					want = 1
				}
				if got := p.count(t, "sourceloop_collect_fields_dropped_total", field); got != want {
					t.Errorf("%s counted %v times, want %v", field, got, want)
				}
			}
		})
	}
}

// TestAdHitsAreHits: they have a type of their own, and nothing of one stays
// for the next hit of its batch.
func TestAdHitsAreHits(t *testing.T) {
	p := start(t, nil)
	if got := p.send(t, `[{"type":"ads","visitor":"v","fbp":"fb.1.1763900000000.1"},{"type":"ads","visitor":"v"}]`); got.Accepted != 2 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	hits := p.log.hits(t)
	if hits[0].GetType() != schema.HitType_HIT_TYPE_ADS || hits[0].GetFbp() == "" || hits[1].GetFbp() != "" {
		t.Errorf("stored %v", hits)
	}
}
