package meta

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ads/adstest"
)

const (
	path = "/v26.0/1029384756102938/events"
	// hash is the SHA-256 of joe@example.com.
	hash = "2481f36dfc515ca76451aaadf1399026942a01ee50c6d0a61988b43cef039bc2"
	good = `{"event_name":"Lead","event_time":1795600800,"action_source":"chat","event_id":"c-1","user_data":{"em":["` + hash + `"],"ph":"` + hash + `",` +
		`"client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0","fbc":"fb.1.1795600000000.IwAR0-demo-ad","fbp":"fb.1.1795600000000.1098115397"},` +
		`"custom_data":{"value":20.5,"currency":"USD"}}`
)

func start(t *testing.T) *adstest.Bench {
	t.Helper()
	return adstest.Start(t, func(c ads.Config) (adstest.Vendor, error) { return New(Config{Config: c}) })
}

func body(events ...string) string { return `{"data":[` + strings.Join(events, ",") + `]}` }

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
	return with("1795600800", fmt.Sprint(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).Add(-t).Unix()))
}

func TestEvents(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct{ name, path, body string }{
		{"taken", path, body(good)},
		{"the last version too", strings.Replace(path, "26", "25", 1), body(good)},
		{"a test", path, `{"test_event_code":"TEST1","data":[` + good + `]}`},
		{"seven days", path, body(at(7*day - time.Minute))},
		{"a website without an agent", path, body(with(`"chat"`, `"website","event_source_url":"https://shop.example/"`))},
		{"a shop sixty days ago", path, body(strings.Replace(at(60*day), `"chat"`, `"physical_store"`, 1))},
		{"no JSON", path, `{"data":`},
		{"no list", path, `{"data":{}}`},
		{"no event", path, body()},
		{"a text as event", path, body(`"x"`)},
		{"a thousand and one", path, body(strings.TrimSuffix(strings.Repeat(good+",", 1001), ","))},
		{"too old", path, body(good, at(7*day+time.Minute))},
		{"milliseconds", path, body(with("1795600800", "1795600800000"))},
		{"a time as text", path, body(with("1795600800", `"yesterday"`))},
		{"no name", path, body(with(`"event_name":"Lead",`, ``))},
		{"no time", path, body(with(`"event_time":1795600800,`, ``))},
		{"no source", path, body(with(`"action_source":"chat",`, ``))},
		{"no user", path, body(`{"event_name":"Lead","event_time":1795600800,"action_source":"chat","user_data":{}}`)},
		{"a website without its page", path, body(with(`"chat"`, `"website"`))},
		{"an unknown source", path, body(with(`"chat"`, `"sms"`))},
		{"a plain address", path, body(with(`["`+hash+`"]`, `"joe@example.com"`))},
		{"an upper-case hash", path, body(with(`["`+hash+`"]`, `["`+strings.ToUpper(hash)+`"]`))},
		{"a number for a hash", path, body(with(`["`+hash+`"]`, `1`))},
		{"a bare fbclid", path, body(with("fb.1.1795600000000.IwAR0-demo-ad", "IwAR0-demo-ad"))},
		{"fbc in seconds", path, body(with("fb.1.1795600000000.IwAR0-demo-ad", "fb.1.1795600000.IwAR0-demo-ad"))},
		{"a hashed fbc", path, body(with("fb.1.1795600000000.IwAR0-demo-ad", hash))},
		{"a hashed fbp", path, body(with("fb.1.1795600000000.1098115397", hash))},
		{"a hashed IP", path, body(with("203.0.113.7", hash))},
		{"a hashed agent", path, body(with("Mozilla/5.0", hash))},
		{"a value without currency", path, body(with(`,"currency":"USD"`, ``))},
		{"a negative value", path, body(with(`20.5`, `-1`))},
		{"a currency in words", path, body(with(`"USD"`, `"dollars"`))},
		{"an id as number", path, body(with(`"c-1"`, `1`))},
		{"an unknown dataset", "/v26.0/1/events", body(good)},
		{"an old version", strings.Replace(path, "26", "15", 1), body(good)},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			b.Golden(test.name, http.MethodPost, test.path, test.body)
			if counted, _ := b.Accepted(); strings.HasPrefix(test.name, "too old") && len(counted) > 0 {
				t.Error("the good event of a refused request counts")
			}
			b.NothingPlain("joe@example.com", "203.0.113.7", "Mozilla")
		})
	}
}

func TestTakenOnceIn48Hours(t *testing.T) {
	b := start(t)
	post := func(event, more string, received int) {
		t.Helper()
		var told struct {
			Received int `json:"events_received"`
		}
		b.JSON(http.MethodPost, path, `{`+more+`"data":[`+event+`]}`, http.StatusOK, &told)
		if told.Received != received {
			t.Errorf("%d received, not %d", told.Received, received)
		}
	}
	b.Fault("timeout", 1)
	if reply, err := b.Do(http.MethodPost, path, "application/json", body(good)); err == nil {
		t.Fatalf("answered with %d", reply.Status)
	}
	b.Restart()
	post(good, "", 1)
	post(with(`"Lead"`, `"Contact"`), "", 1)
	post(with(`"event_id":"c-1",`, ``), "", 1)
	post(with(`"event_id":"c-1",`, ``)+","+with(`"event_id":"c-1",`, ``), "", 2)
	post(with(`"c-1"`, `"c-2"`), `"test_event_code":"TEST1",`, 1)
	post(with(`"c-1"`, `"c-2"`), "", 1)
	b.Advance(48*time.Hour + time.Second)
	post(good, "", 1)
	counted, others := b.Accepted()
	var list []string
	for _, c := range append(counted, others...) {
		list = append(list, c.ID+c.Why)
	}
	if got := strings.Join(list, " "); got != "Lead/c-1 Contact/c-1    Lead/c-2 Lead/c-1 Lead/c-1duplicate Lead/c-2test event" {
		t.Errorf("%q", got)
	}
	if kept := string(counted[0].Event); !strings.Contains(kept, hash) || !strings.Contains(kept, "IwAR0-demo-ad") {
		t.Errorf("%s", kept)
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	for _, fault := range []string{"429", "500", "bad_token"} {
		b.Fault(fault, 1)
		b.Golden("fault "+fault, http.MethodPost, path, body(good))
	}
	secret := b.Token
	b.Token = ""
	b.JSON(http.MethodPost, path+"?access_token="+url.QueryEscape(secret), body(good), http.StatusOK, nil)
	b.JSON(http.MethodPost, path, `{"access_token":"`+secret+`","data":[`+good+`]}`, http.StatusOK, nil)
	b.Golden("no token", http.MethodPost, path, body(good))
	b.Token = b.NewToken("nothing")
	b.Golden("no permission", http.MethodPost, path, body(good))
	b.Token = secret
	b.Fault("revoke", 1)
	b.Golden("no token", http.MethodPost, path, body(good))
	for _, body := range []string{`{"access_token":"` + secret + `","data":[]}`, "email=joe@example.com", `{"email":"joe@example.com","data":[{}]}`} {
		if reply, err := b.Do(http.MethodPost, path, "application/x-www-form-urlencoded", body); err != nil || reply.Status != http.StatusUnauthorized {
			t.Errorf("%v %d %s", err, reply.Status, reply.Body)
		}
	}
	b.NothingPlain(secret, "joe@example.com", "joe%40example.com")
}

func TestATokenIsShownOnce(t *testing.T) {
	b := start(t)
	page, err := b.Do(http.MethodGet, "/events_manager", "", "")
	if err != nil || !strings.Contains(string(page.Body), `id="generate"`) || !strings.Contains(string(page.Body), "1029384756102938") {
		t.Fatalf("%v %s", err, page.Body)
	}
	page, err = b.Do(http.MethodPost, "/events_manager", "application/x-www-form-urlencoded", "")
	token := regexp.MustCompile(`id="token">([A-Z0-9]+)<`).FindSubmatch(page.Body)
	if err != nil || token == nil {
		t.Fatalf("%v %s", err, page.Body)
	}
	b.Token = string(token[1])
	b.JSON(http.MethodPost, path, body(good), http.StatusOK, nil)
	b.NothingPlain(b.Token)
}

// FuzzParse: whatever comes, a request is refused in words or keeps the rules.
func FuzzParse(f *testing.F) {
	f.Add(body(good))
	f.Add(`{"data":[{"event_name":"a","event_time":1e3,"action_source":"website","user_data":{"em":null}}]}`)
	f.Add(`{"data":[{"custom_data":{"value":"x"}},null]}`)
	f.Add(`{"data":` + strings.Repeat("[", 10000))
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		r, wrong := parse([]byte(text), now)
		if wrong != nil {
			if wrong.answer().Status != http.StatusBadRequest || wrong.message == "" {
				t.Errorf("%+v", wrong)
			}
			return
		}
		if len(r.events) == 0 || len(r.events) > maxEvents {
			t.Errorf("%d events", len(r.events))
		}
		for _, e := range r.events {
			if seconds, err := e.At.Int64(); err != nil || now.Unix()-seconds > 62*24*3600 || e.raw == nil || e.Name == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}
