package meta

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
	"sourceloop/deploy/standin/meta"
	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/sinkstest"
)

const dataset = "1029384756102938"

// bench is the stand-in and a subject that talks to it.
func bench(t *testing.T) (*adstest.Bench, *sinkstest.Subject) {
	t.Helper()
	b := adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) { return meta.New(meta.Config{Config: c}) })
	weak := "read_insights"
	return b, &sinkstest.Subject{
		New:    func(base string) sinks.Platform { return New(Config{APIBase: base, Now: b.Now}) },
		URL:    b.URL,
		Target: schema.Target{Token: b.Token, Action: dataset, Event: "Lead"},
		Weak:   b.NewToken(weak),
		Now:    b.Now, Fault: b.Fault,
		Accepted: func() (ids []string) {
			counted, _ := b.Accepted()
			for _, one := range counted {
				ids = append(ids, strings.TrimPrefix(one.ID, "Lead/"))
			}
			return ids
		},
		Refusal: func(status int, words string) string {
			code := map[int]int{401: 190, 403: 200, 429: 4, 500: 2, 502: 2, 503: 2}[status]
			if code == 0 {
				code = codeParameter
			}
			text, err := json.Marshal(map[string]any{"events_received": 3, "messages": []string{words}, "error": map[string]any{
				"code": code, "message": words, "error_user_title": words, "error_user_msg": words, "type": words, "fbtrace_id": words,
			}})
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
		"email": NormalEmail, "phone": NormalPhone, "country": NormalCountry,
		"first": func(name string) string { first, _ := NormalNames(name); return first },
		"last":  func(name string) string { _, last := NormalNames(name); return last },
	})
}

// sum is the hash of a text, by another way than the product's.
func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestWhatMetaGets compares a whole event with what the stand-in kept of it.
func TestWhatMetaGets(t *testing.T) {
	b, s := bench(t)
	o := s.Event(1)
	clicked := fmt.Sprint(int64(o.Clicks[1].At))
	want := fmt.Sprintf(`{"event_name":"Lead","event_time":%d,"action_source":"chat","event_id":%q,"event_source_url":"https://shop.example/pricing",
		"user_data":{"em":[%q],"ph":[%q],"fn":[%q],"ln":[%q],"country":[%q],"external_id":[%q],
			"fbc":"fb.1.%s.IwAR2made_up-ClickOfMetaWithCase","fbp":"fb.1.1795590000123.1098115397"},
		"custom_data":{"value":20.5,"currency":"USD"}}`,
		int64(o.At)/1000, o.Push.String(), sum("ada.quill@example.com"), sum("4915199887766"), sum("ada"), sum("quillfeather"), sum("de"), sum(o.Contact.String()), clicked)
	kept(t, b, s, s.Target, o, want)

	o = schema.Outgoing{Push: schema.Derive("another"), At: o.At, FBC: "fb.2.1795590000000.IwARkeptAsItIs.AQYBAQIB", HasValue: true, Currency: "EUR"}
	target := s.Target
	target.Event = "Qualified chat"
	kept(t, b, s, target, o, fmt.Sprintf(`{"event_name":"Qualified chat","event_time":%d,"action_source":"chat","event_id":%q,
		"user_data":{"fbc":"fb.2.1795590000000.IwARkeptAsItIs.AQYBAQIB"},"custom_data":{"value":0,"currency":"EUR"}}`, int64(o.At)/1000, o.Push.String()))
}

func kept(t *testing.T, b *adstest.Bench, s *sinkstest.Subject, target schema.Target, o schema.Outgoing, want string) {
	t.Helper()
	if v := s.New(s.URL).Send(t.Context(), target, []schema.Outgoing{o})[0]; v.Outcome != schema.OutcomeSent {
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
	if last.Place != dataset || !reflect.DeepEqual(got, wanted) {
		t.Errorf("Meta got %s at %s, not %s", last.Event, last.Place, want)
	}
}

// TestClick: the cookie goes as it is; a click makes one where there is none, or
// where it is newer and another.
func TestClick(t *testing.T) {
	const cookie = "fb.1.1795590000000.IwAR0Cookie"
	click := func(value string, at schema.Millis) schema.Click {
		return schema.Click{Name: "fbclid", Value: value, At: at}
	}
	for _, test := range []struct {
		name, cookie string
		clicks       []schema.Click
		want         string
	}{
		{"nothing", "", nil, ""},
		{"a cookie", cookie, nil, cookie},
		{"a click", "", []schema.Click{click("IwAR0Click", 1795590000123)}, "fb.1.1795590000123.IwAR0Click"},
		{"the newest click", "", []schema.Click{click("old", 1795580000000), click("new", 1795590000000), click("older", 1795570000000)}, "fb.1.1795590000000.new"},
		{"the same click", cookie, []schema.Click{click("IwAR0Cookie", 1795590009999)}, cookie},
		{"an older click", cookie, []schema.Click{click("IwAR0Before", 1795589999999)}, cookie},
		{"a newer click", cookie, []schema.Click{click("IwAR0After", 1795590000001)}, "fb.1.1795590000001.IwAR0After"},
		{"a cookie with Meta's own end", "fb.1.1795590000000.IwAR0Cookie.AQYBAQIB", []schema.Click{click("IwAR0Cookie", 1795590009999)}, "fb.1.1795590000000.IwAR0Cookie.AQYBAQIB"},
		{"no cookie of Meta's", "IwAR0Cookie", nil, ""},
		{"seconds", "fb.1.1795590000.IwAR0Cookie", []schema.Click{click("x", 1795590000000)}, "fb.1.1795590000000.x"},
		{"no fbclid", "", []schema.Click{click("with space", 1), {Name: "gclid", Value: "x", At: 2}}, ""},
	} {
		if got := fbcOf(&schema.Outgoing{FBC: test.cookie, Clicks: test.clicks}); got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
}

// TestOneIsToBlame: of a request that was refused for one event all others are
// received, in few requests.
func TestOneIsToBlame(t *testing.T) {
	_, s := bench(t)
	bad, requests := s.Event(111).Push.String(), 0
	url := sinkstest.Proxy(t, s.URL, func(body string) (int, string) {
		requests++
		if strings.Contains(body, bad) {
			return http.StatusBadRequest, `{"error":{"code":100,"error_subcode":2804003,"message":"Invalid parameter","error_user_title":"Zeitstempel zu alt"}}`
		}
		return 0, ""
	})
	for i, v := range s.New(url).Send(t.Context(), s.Target, s.Events(150)) {
		if i == 111 && (v.Outcome != schema.OutcomeRefused || v.Code != "100/2804003" || !strings.Contains(v.Words, "7 days old")) || i != 111 && v.Outcome != schema.OutcomeSent {
			t.Errorf("event %d: %+v", i, v)
		}
	}
	if got := len(s.Accepted()); got != 149 || requests > 17 {
		t.Errorf("%d count, %d requests", got, requests)
	}
}

// TestAllAreToBlame: looking for the bad ones ends; who was not found out is to
// be sent alone.
func TestAllAreToBlame(t *testing.T) {
	_, s := bench(t)
	requests := 0
	url := sinkstest.Proxy(t, s.URL, func(string) (int, string) {
		requests++
		return http.StatusBadRequest, `{"error":{"code":100,"message":"(#100) no"}}`
	})
	found := map[schema.Outcome]int{}
	for _, v := range s.New(url).Send(t.Context(), s.Target, s.Events(200)) {
		found[v.Outcome]++
	}
	if found[schema.OutcomeRefused] == 0 || found[schema.OutcomeAlone] == 0 || len(found) != 2 || requests > 50 {
		t.Errorf("%v, %d requests", found, requests)
	}
}

// TestRefusals: codes decide.
func TestRefusals(t *testing.T) {
	_, s := bench(t)
	for _, test := range []struct {
		status, code, subcode int
		outcome               schema.Outcome
		words                 string
	}{
		{400, 190, 463, schema.OutcomeDenied, "generate a new access token"},
		{401, 190, 0, schema.OutcomeDenied, "generate a new access token"},
		{403, 200, 0, schema.OutcomeDenied, "system user access"},
		{400, 10, 0, schema.OutcomeDenied, "system user access"},
		{400, 2635, 0, schema.OutcomeDenied, "SOURCELOOP_META_VERSION"},
		{400, 368, 0, schema.OutcomeDenied, "blocked"},
		{400, 4, 0, schema.OutcomeLater, "too many requests"},
		{400, 80004, 0, schema.OutcomeLater, "too many requests"},
		{400, 1, 0, schema.OutcomeLater, "trouble of its own"},
		{500, 2, 0, schema.OutcomeLater, "trouble of its own"},
		{400, 100, 33, schema.OutcomeRefused, "does not know the dataset"},
		{400, 100, subcodeMissing, schema.OutcomeRefused, "misses something"},
		{400, 100, subcodeTooOld, schema.OutcomeRefused, "more than 7 days old"},
		{400, 100, 99999, schema.OutcomeRefused, "Meta says: “Nein”"},
		{400, 7777, 0, schema.OutcomeRefused, "refuses this conversion"},
	} {
		url := sinkstest.Proxy(t, s.URL, func(string) (int, string) {
			return test.status, fmt.Sprintf(`{"error":{"code":%d,"error_subcode":%d,"message":"Nein"}}`, test.code, test.subcode)
		})
		for _, v := range s.New(url).Send(t.Context(), s.Target, s.Events(2)) {
			if v.Outcome != test.outcome || !strings.Contains(v.Words, test.words) || !strings.HasPrefix(v.Code, fmt.Sprint(test.code)) {
				t.Errorf("%d %d/%d: %+v", test.status, test.code, test.subcode, v)
			}
		}
	}
}

// TestDatasets: a wrong dataset is its destination's error.
func TestDatasets(t *testing.T) {
	_, s := bench(t)
	for action, words := range map[string]string{"7": "does not know the dataset 7", "": "Events Manager", "../me": "no number", "my pixel": "no number"} {
		target := s.Target
		target.Action = action
		for _, v := range s.New(s.URL).Send(t.Context(), target, s.Events(2)) {
			if v.Outcome != schema.OutcomeRefused || !strings.Contains(v.Words, words) {
				t.Errorf("%q: %+v", action, v)
			}
		}
	}
}

// TestTestCode: a test is received, marked, and said to be one.
func TestTestCode(t *testing.T) {
	b, s := bench(t)
	target := s.Target
	target.TestCode = "TEST12345"
	v := s.New(s.URL).Send(t.Context(), target, s.Events(1))[0]
	_, others := b.Accepted()
	if v.Outcome != schema.OutcomeSent || !strings.Contains(v.Words, "Test events") || len(others) != 1 || others[0].Why != "test event" {
		t.Errorf("%+v %v", v, others)
	}
}

// TestOldVersion: the version is a setting.
func TestOldVersion(t *testing.T) {
	b, s := bench(t)
	p := New(Config{APIBase: s.URL, Version: "v12.0", Now: b.Now})
	if v := p.Send(t.Context(), s.Target, s.Events(1))[0]; v.Outcome != schema.OutcomeDenied || !strings.Contains(v.Words, "SOURCELOOP_META_VERSION") {
		t.Errorf("%+v", v)
	}
}

// TestSevenDays: what is checked here is what Meta checks.
func TestSevenDays(t *testing.T) {
	_, s := bench(t)
	now := schema.MillisOf(s.Now())
	for age, want := range map[time.Duration]schema.Outcome{
		7*24*time.Hour - time.Minute: schema.OutcomeSent, 7 * 24 * time.Hour: schema.OutcomeSent, 7*24*time.Hour + time.Second: schema.OutcomeRefused, 0: schema.OutcomeSent,
	} {
		o := s.Event(7)
		o.Push, o.At = schema.Derive(age.String()), now.Add(-age)
		if v := s.New(s.URL).Send(t.Context(), s.Target, []schema.Outgoing{o})[0]; v.Outcome != want {
			t.Errorf("%v: %+v", age, v)
		}
	}
}

// FuzzNormal: what is normal stays so.
func FuzzNormal(f *testing.F) {
	for _, text := range []string{"Ada Quill", " A@B.example ", "+00 49 (151)", "Ǆ Ǆ", "İ İ", "́ a", "ẞ", "no.1@x.y", "US"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, normal := range map[string]func(string) string{"email": NormalEmail, "phone": NormalPhone, "country": NormalCountry} {
			once := normal(text)
			if twice := normal(once); twice != once || strings.ContainsAny(once, " \n\t") {
				t.Errorf("%s %q becomes %q, and that %q", name, text, once, twice)
			}
		}
		first, last := NormalNames(text)
		if first == "" && last != "" || strings.ContainsAny(first+last, " .,'-\n") {
			t.Errorf("%q is %q %q", text, first, last)
		}
		again, more := NormalNames(first)
		if more != "" || again != first {
			t.Errorf("%q becomes %q, and that %q %q", text, first, again, more)
		}
	})
}

// FuzzClick: a cookie in Meta's form goes letter by letter or gives way to a
// click; what goes is in Meta's form.
func FuzzClick(f *testing.F) {
	f.Add("fb.1.1795590000000.IwAR0", "IwAR1", int64(1795590000001))
	f.Add("fb.1", "", int64(-1))
	f.Fuzz(func(t *testing.T, cookie, fbclid string, at int64) {
		if at < 1e12 || at >= 1e13 {
			at = 1795590000000
		}
		got := fbcOf(&schema.Outgoing{FBC: cookie, Clicks: []schema.Click{{Name: "fbclid", Value: fbclid, At: schema.Millis(at)}}})
		if got != "" && got != cookie && got != fmt.Sprintf("fb.1.%d.%s", at, fbclid) || got != "" && !fbcForm.MatchString(got) {
			t.Errorf("%q %q %d becomes %q", cookie, fbclid, at, got)
		}
	})
}
