package linkedin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
)

const (
	events = "/rest/conversionEvents"
	rules  = "/rest/conversions?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678"
	// hash is the SHA-256 of joe@example.com.
	hash = "2481f36dfc515ca76451aaadf1399026942a01ee50c6d0a61988b43cef039bc2"
	good = `{"conversion":"urn:lla:llaPartnerConversion:8001001","conversionHappenedAt":1795600800000,"conversionValue":{"currencyCode":"USD","amount":"20.5"},` +
		`"eventId":"c-1","user":{"userIds":[{"idType":"SHA256_EMAIL","idValue":"` + hash + `"},` +
		`{"idType":"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID","idValue":"0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f"}]}}`
)

func start(t *testing.T) *adstest.Bench {
	t.Helper()
	b := adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) { return New(Config{Config: c}) })
	b.Header.Set("LinkedIn-Version", "202607")
	b.Header.Set("X-Restli-Protocol-Version", "2.0.0")
	return b
}

// with replaces in the good event.
func with(old, replacement string) string {
	changed := strings.Replace(good, old, replacement, 1)
	if changed == good {
		panic(old + " is not in the event")
	}
	return changed
}

// at is the good event so long before the bench's noon.
func at(t time.Duration) string {
	return with("1795600800000", fmt.Sprint(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).Add(-t).UnixMilli()))
}

func batch(events ...string) string { return `{"elements":[` + strings.Join(events, ",") + `]}` }

func TestEvents(t *testing.T) {
	const day = 24 * time.Hour
	const fatID = "0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f"
	for _, test := range []struct{ name, method, body string }{
		{"taken", "", good},
		{"nobody to match", "CREATE", `{"conversion":"urn:lla:llaPartnerConversion:8001001","conversionHappenedAt":1795600800000,"user":{"userIds":[]}}`},
		{"a bogus currency", "", with(`"USD"`, `"dollars"`)},
		{"a malformed value", "", with(fatID, "joe@example.com")},
		{"ninety days", "", at(90*day - time.Minute)},
		{"no JSON", "", `{"conversion":`},
		{"a list", "", `[]`},
		{"nothing", "", `{}`},
		{"an unknown field", "", with(`"eventId"`, `"event_id"`)},
		{"an unknown field of a user", "", with(`"userIds"`, `"email":"joe@example.com","userIds"`)},
		{"an amount as number", "", with(`"20.5"`, `20.5`)},
		{"a time as text", "", with(`1795600800000`, `"1795600800000"`)},
		{"a time with a fraction", "", with(`1795600800000`, `1795600800.5`)},
		{"an unknown type of id", "", with(`"SHA256_EMAIL"`, `"EMAIL"`)},
		{"no list of ids", "", with(`"user":{"userIds":`, `"user":{"externalIds":[],"userInfo":{"firstName":"Joe","lastName":"Tea"},"ids":`)},
		{"seconds", "", with("1795600800000", "1795600800")},
		{"too old", "", at(90*day + time.Minute)},
		{"in the future", "", at(-time.Minute)},
		{"an unknown rule", "", with("8001001", "9")},
		{"no rule", "", with("urn:lla:llaPartnerConversion:8001001", "8001001")},
		{"an unknown method", "DELETE", good},
		{"a batch", "BATCH_CREATE", batch(good, with("c-1", "c-2"))},
		{"a batch with an unknown rule", "BATCH_CREATE", batch(good, with("8001001", "9"))},
		{"a batch with an old one", "BATCH_CREATE", batch(at(100*day), good)},
		{"a batch with wrong ones", "BATCH_CREATE", batch(good, with(`"20.5"`, `1`), with(`"eventId"`, `"id"`))},
		{"an empty batch", "BATCH_CREATE", batch()},
		{"a batch without its method", "", batch(good)},
		{"a large batch", "BATCH_CREATE", batch(strings.TrimSuffix(strings.Repeat("{},", 5001), ","))},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			if test.method != "" {
				b.Header.Set("X-RestLi-Method", test.method)
			}
			b.Golden(test.name, http.MethodPost, events, test.body)
			want := map[string]int{"taken": 1, "nobody to match": 1, "a bogus currency": 1, "a malformed value": 1, "ninety days": 1, "a batch": 2, "a batch with an unknown rule": 1}
			if counted, _ := b.Accepted(); len(counted) != want[test.name] {
				t.Errorf("%d count", len(counted))
			}
			b.NothingPlain("joe@example.com", `"Joe"`)
		})
	}
}

func TestVersions(t *testing.T) {
	b := start(t)
	for _, test := range []struct {
		version string
		status  int
	}{
		{"202607", http.StatusCreated}, {"202611", http.StatusCreated}, {"202512", http.StatusCreated},
		{"202511", http.StatusUpgradeRequired}, {"202612", http.StatusUpgradeRequired}, {"2026-07", http.StatusUpgradeRequired},
	} {
		b.Header.Set("LinkedIn-Version", test.version)
		b.JSON(http.MethodPost, events, good, test.status, nil)
	}
	b.Header.Set("LinkedIn-Version", "202401")
	b.Golden("version sunset", http.MethodPost, events, good)
	b.Header.Del("LinkedIn-Version")
	b.Golden("version missing", http.MethodPost, events, good)
	b.Header.Set("LinkedIn-Version", "202607")
	b.Header.Del("X-Restli-Protocol-Version")
	b.Golden("protocol missing", http.MethodPost, events, good)
}

func TestRules(t *testing.T) {
	b := start(t)
	b.Golden("rules", http.MethodGet, rules, "")
	b.Golden("rules of another", http.MethodGet, rules+"1", "")
	b.Golden("rules of nobody", http.MethodGet, "/rest/conversions", "")
}

// TestAllCount: a repetition counts twice, also after an answer that never
// came; of a rule that is switched off nothing counts.
func TestAllCount(t *testing.T) {
	b := start(t)
	b.Fault("timeout", 1)
	if reply, err := b.Do(http.MethodPost, events, "application/json", good); err == nil {
		t.Fatalf("answered with %d", reply.Status)
	}
	b.Restart()
	reply, err := b.Do(http.MethodPost, events, "application/json", good)
	if err != nil || reply.Status != http.StatusCreated || len(reply.Body) > 0 {
		t.Fatalf("%v %d %s", err, reply.Status, reply.Body)
	}
	b.JSON(http.MethodPost, events, with("8001001", "8001003"), http.StatusCreated, nil)
	counted, others := b.Accepted()
	if len(counted) != 2 || len(others) != 1 || others[0].Why != "the rule is switched off" {
		t.Fatalf("%v %v", counted, others)
	}
	kept := string(counted[0].Event)
	if counted[0].ID != "c-1" || !strings.Contains(kept, hash) || !strings.Contains(kept, "0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f") {
		t.Errorf("%s", kept)
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	for _, fault := range []string{"429", "500", "bad_token"} {
		b.Fault(fault, 1)
		b.Golden("fault "+fault, http.MethodPost, events, good)
	}
	all := b.Token
	b.Token = b.NewToken(scopeAds)
	b.Golden("scope missing", http.MethodPost, events, good)
	b.Token = all
	b.Fault("revoke", 1)
	b.Golden("no token", http.MethodPost, events, good)
}

func TestOAuth(t *testing.T) {
	b := start(t)
	g := b.Authorize("/oauth/v2/authorization", "/oauth/v2/accessToken", url.Values{"scope": {"r_ads rw_conversions"}})
	if g.Refresh == "" || g.Expires != 60*24*3600 || g.Scope != "rw_conversions,r_ads" {
		t.Fatalf("%+v", g)
	}
	b.Token = g.Access
	b.JSON(http.MethodPost, events, good, http.StatusCreated, nil)
	b.Advance(60 * 24 * time.Hour)
	b.JSON(http.MethodGet, rules, "", http.StatusUnauthorized, nil)
	refresh := url.Values{"client_id": {adstest.ClientID}, "client_secret": {adstest.ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {g.Refresh}}
	var again adstest.Grant
	b.Form("/oauth/v2/accessToken", refresh, http.StatusOK, &again)
	b.Token = again.Access
	b.JSON(http.MethodGet, rules, "", http.StatusOK, nil)
	b.Advance(306 * 24 * time.Hour)
	b.Form("/oauth/v2/accessToken", refresh, http.StatusBadRequest, nil)
	b.NothingPlain(g.Access, g.Refresh, again.Access)
}

// FuzzParse: whatever comes, a request is refused in words or keeps the rules.
func FuzzParse(f *testing.F) {
	f.Add(good, false)
	f.Add(batch(good, `{}`), true)
	f.Add(`{"conversionHappenedAt":1e999,"user":{"userIds":[null],"\n":1}}`, false)
	f.Add(`{"elements":`+strings.Repeat("[", 10000), true)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string, batch bool) {
		list, refusal := parse([]byte(text), batch, now)
		if refusal.Status != 0 {
			if refusal.Status != http.StatusBadRequest && refusal.Status != http.StatusUnprocessableEntity {
				t.Errorf("%+v", refusal)
			}
			return
		}
		if len(list) == 0 || len(list) > maxBatch {
			t.Errorf("%d events", len(list))
		}
		for _, e := range list {
			if e.at.After(now) || now.Sub(e.at) > maxAge || e.raw == nil {
				t.Errorf("%+v", e)
			}
		}
	})
}
