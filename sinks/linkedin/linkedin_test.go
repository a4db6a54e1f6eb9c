package linkedin

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
	"sourceloop/deploy/standin/linkedin"
	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/sinkstest"
)

const rule = "8001001"

// bench is the stand-in and a subject that talks to it.
func bench(t *testing.T) (*adstest.Bench, *sinkstest.Subject) {
	t.Helper()
	b := adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) {
		c.RequestsPerMinute = -1
		return linkedin.New(linkedin.Config{Config: c})
	})
	return b, &sinkstest.Subject{
		New:    func(base string) sinks.Platform { return New(Config{APIBase: base, Now: b.Now}) },
		URL:    b.URL,
		Target: schema.Target{Token: b.Token, Account: "512345678", Action: rule},
		Weak:   b.NewToken("r_ads"),
		Now:    b.Now, Fault: b.Fault,
		Accepted: func() (ids []string) {
			counted, _ := b.Accepted()
			for _, one := range counted {
				ids = append(ids, one.ID)
			}
			return ids
		},
		Refusal: func(status int, words string) string {
			element := map[string]any{"status": 422, "error": map[string]any{"status": 422, "message": words, "code": words}}
			text, err := json.Marshal(map[string]any{
				"status": status, "code": words, "message": words + " Failed for indices [1] /elements/1/user", "elements": []any{element, element, element},
			})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
	}
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, func(t *testing.T) *sinkstest.Subject {
		_, s := bench(t)
		return s
	})
}

func TestVectors(t *testing.T) {
	sinkstest.Vectors(t, map[string]func(string) string{
		"email": NormalEmail,
		"amount": func(text string) string {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return Amount(value)
		},
	})
}

// sum is the hash of a text, by another way than the product's.
func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestWhatLinkedInGets compares a whole event with what the stand-in kept of it.
func TestWhatLinkedInGets(t *testing.T) {
	b, s := bench(t)
	o := s.Event(0)
	o.Email = "Ada.Quill+Chat@gmail.com"
	o.Clicks = append(o.Clicks, schema.Click{Name: "li_fat_id", Value: "11111111-7d1c-4c55-9e1b-3a1f0c2d4e5f", At: o.At - 1e7})
	kept(t, b, s, o, fmt.Sprintf(`{"conversion":"urn:lla:llaPartnerConversion:8001001","conversionHappenedAt":%d,"conversionValue":{"currencyCode":"USD","amount":"20.5"},"eventId":%q,
		"user":{"userIds":[{"idType":"SHA256_EMAIL","idValue":%q},{"idType":"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID","idValue":"0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f"}]}}`,
		int64(o.At), o.Push.String(), sum("ada.quill+chat@gmail.com")))
	o = s.Event(1)
	o.Email, o.HasValue = "", false
	kept(t, b, s, o, fmt.Sprintf(`{"conversion":"urn:lla:llaPartnerConversion:8001001","conversionHappenedAt":%d,"eventId":%q,
		"user":{"userIds":[{"idType":"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID","idValue":"0f8b9a4e-7d1c-4c55-9e1b-3a1f0c2d4e5f"}]}}`, int64(o.At), o.Push.String()))
	o = s.Event(2)
	o.Clicks, o.Value = []schema.Click{{Name: "li_fat_id", Value: "no uuid", At: o.At}}, 0
	kept(t, b, s, o, fmt.Sprintf(`{"conversion":"urn:lla:llaPartnerConversion:8001001","conversionHappenedAt":%d,"conversionValue":{"currencyCode":"USD","amount":"0.0"},"eventId":%q,
		"user":{"userIds":[{"idType":"SHA256_EMAIL","idValue":%q}]}}`, int64(o.At), o.Push.String(), sum("ada.quill@example.com")))
}

func kept(t *testing.T, b *adstest.Bench, s *sinkstest.Subject, o schema.Outgoing, want string) {
	t.Helper()
	if v := s.New(s.URL).Send(t.Context(), s.Target, []schema.Outgoing{o})[0]; v.Outcome != schema.OutcomeSent {
		t.Fatalf("%+v", v)
	}
	counted, _ := b.Accepted()
	last := counted[len(counted)-1]
	var got, wanted any
	if err := json.Unmarshal(last.Event, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("LinkedIn got %s, not %s", last.Event, want)
	}
}

// TestRules: an unknown rule is its destination's error, alone and in a batch;
// its full name is known as well.
func TestRules(t *testing.T) {
	_, s := bench(t)
	for action, words := range map[string]string{"9": "does not know the conversion rule 9", "": "Choose a rule", "x": "Choose a rule", "1/../2": "Choose a rule"} {
		target := s.Target
		target.Action = action
		for _, n := range []int{1, 3} {
			for _, v := range s.New(s.URL).Send(t.Context(), target, s.Events(n)) {
				if v.Outcome != schema.OutcomeRefused || !strings.Contains(v.Words, words) {
					t.Errorf("%q: %+v", action, v)
				}
			}
		}
	}
	target := s.Target
	target.Action = "urn:lla:llaPartnerConversion:8001001"
	if v := s.New(s.URL).Send(t.Context(), target, s.Events(1))[0]; v.Outcome != schema.OutcomeSent {
		t.Errorf("%+v", v)
	}
}

// TestMixedBatch: each event of a batch has its own status.
func TestMixedBatch(t *testing.T) {
	_, s := bench(t)
	url := sinkstest.Proxy(t, s.URL, func(string) (int, string) {
		return http.StatusOK, `{"elements":[{"status":201},{"status":422,"error":{"message":"ERROR :: /user :: no"}},{"status":429},{"status":500},{"status":403,"error":{"code":"ACCESS_DENIED","message":"No ad accounts found"}},{}]}`
	})
	want := []schema.Outcome{schema.OutcomeSent, schema.OutcomeRefused, schema.OutcomeLater, schema.OutcomeLater, schema.OutcomeRefused, schema.OutcomeUnclear}
	for i, v := range s.New(url).Send(t.Context(), s.Target, s.Events(6)) {
		if v.Outcome != want[i] {
			t.Errorf("element %d: %+v", i, v)
		}
	}
}

// TestSomeAreToBlame: a batch that is refused whole for some of its events goes
// again without them; where they are not named, they are found.
func TestSomeAreToBlame(t *testing.T) {
	for _, named := range []string{"400 indices", "422 paths", "400 nothing"} {
		_, s := bench(t)
		bad := []string{s.Event(3).Push.String(), s.Event(17).Push.String()}
		requests := 0
		url := sinkstest.Proxy(t, s.URL, func(body string) (int, string) {
			requests++
			var places []string
			for _, id := range bad {
				if before, _, found := strings.Cut(body, id); found {
					places = append(places, strconv.Itoa(strings.Count(before, `"eventId"`)-1))
				}
			}
			switch {
			case len(places) == 0:
				return 0, ""
			case named == "400 indices":
				return http.StatusBadRequest, `{"status":400,"message":"Conversion events should have happened within 90 days and not in the future. Failed for indices [` + strings.Join(places, ", ") + `]"}`
			case named == "422 paths":
				return http.StatusUnprocessableEntity, `{"status":422,"message":"ERROR :: /elements/` + strings.Join(places, `/x :: no\nERROR :: /elements/`) + `/x :: no\n"}`
			default:
				return http.StatusBadRequest, `{"status":400,"message":"no"}`
			}
		})
		for i, v := range s.New(url).Send(t.Context(), s.Target, s.Events(30)) {
			if is := i == 3 || i == 17; is != (v.Outcome == schema.OutcomeRefused) || !is && v.Outcome != schema.OutcomeSent {
				t.Errorf("%s: event %d: %+v", named, i, v)
			}
		}
		if got := len(s.Accepted()); got != 28 || named != "400 nothing" && requests != 2 || requests > 25 {
			t.Errorf("%s: %d count, %d requests", named, got, requests)
		}
	}
}

// TestVersions: the version is a setting, and one that ended is the operator's.
func TestVersions(t *testing.T) {
	b, s := bench(t)
	for version, want := range map[string]schema.Outcome{"202512": schema.OutcomeSent, "202401": schema.OutcomeDenied, "nonsense": schema.OutcomeDenied} {
		p := New(Config{APIBase: s.URL, Version: version, Now: b.Now})
		v := p.Send(t.Context(), s.Target, s.Events(1))[0]
		if v.Outcome != want || want == schema.OutcomeDenied && !strings.Contains(v.Words, "SOURCELOOP_LINKEDIN_VERSION") {
			t.Errorf("%s: %+v", version, v)
		}
	}
	url := sinkstest.Proxy(t, s.URL, func(string) (int, string) {
		return 400, `{"status":400,"code":"VERSION_MISSING","message":"A version must be present."}`
	})
	if v := s.New(url).Send(t.Context(), s.Target, s.Events(2))[1]; v.Outcome != schema.OutcomeDenied {
		t.Errorf("%+v", v)
	}
}

// TestNinetyDays: what is checked here is what LinkedIn checks.
func TestNinetyDays(t *testing.T) {
	_, s := bench(t)
	now := schema.MillisOf(s.Now())
	const day = 24 * time.Hour
	for age, want := range map[time.Duration]schema.Outcome{
		90 * day: schema.OutcomeSent, 90*day + time.Millisecond: schema.OutcomeRefused, 0: schema.OutcomeSent, -time.Millisecond: schema.OutcomeLater,
	} {
		o := s.Event(7)
		o.Push, o.At = schema.Derive(age.String()), now.Add(-age)
		v := s.New(s.URL).Send(t.Context(), s.Target, []schema.Outgoing{o})[0]
		if v.Outcome != want || want == schema.OutcomeLater && v.After <= 0 {
			t.Errorf("%v: %+v", age, v)
		}
	}
}

// TestNotRemembered: nobody may believe that LinkedIn tells ids apart.
func TestNotRemembered(t *testing.T) {
	if New(Config{}).Limits().Remembers != 0 {
		t.Error("LinkedIn is not known to remember ids")
	}
}

// FuzzNormalEmail: what is normal stays so, and is nothing or an address.
func FuzzNormalEmail(f *testing.F) {
	for _, text := range []string{"A.B+c@gmail.com", " a@b ", "@", "a@@b", "İ@x.example"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		normal := NormalEmail(text)
		if again := NormalEmail(normal); again != normal {
			t.Errorf("%q becomes %q, and that %q", text, normal, again)
		}
	})
}
