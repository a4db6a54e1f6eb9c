package collect_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sourceloop/pipeline/collect"
	"sourceloop/schema"
)

// TestBadInput has a row for everything that a body may have wrong with it.
func TestBadInput(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for _, test := range []struct {
		name, body string
		status     int
		counter    string // in sourceloop_collect_{hits,requests}_refused_total
		dead       bool
	}{
		{"empty", "", 400, "malformed", false},
		{"white space", " \n", 400, "malformed", false},
		{"no JSON", "hello", 400, "malformed", false},
		{"half a hit", `{"type":"pageview"`, 400, "malformed", false},
		{"half an array", `[` + hit("") + `,`, 400, "malformed", false},
		{"two hits without an array", hit("") + hit(""), 400, "malformed", false},
		{"a string", `"pageview"`, 400, "malformed", false},
		{"a byte order mark", "\ufeff" + hit(""), 400, "malformed", false},
		{"UTF-16", "\xff\xfe{\x00}\x00", 400, "malformed", false},
		{"trailing comma", `[` + hit("") + `,]`, 400, "malformed", false},
		{"single quotes", `{'type':'pageview'}`, 400, "malformed", false},
		{"NaN", hit(`"properties":{"a":NaN}`), 400, "bad_field", false},
		{"NaN as text", hit(`"title":NaN`), 400, "bad_field", false},
		{"Infinity as time", `{"type":"pageview","at":Infinity}`, 400, "bad_field", false},
		{"minus Infinity as a trait", hit(`"traits":{"phone":-Infinity}`), 400, "bad_field", false},
		{"half of NaN", hit(`"properties":{"a":Na}`), 400, "malformed", false},
		{"leading zero", hit(`"properties":{"a":01}`), 400, "malformed", false},
		{"raw line end in a string", hit("\"title\":\"a\nb\""), 400, "malformed", false},
		{"bad escape", hit(`"title":"\x"`), 400, "malformed", false},
		{"bad unicode escape", hit(`"title":"\u00g0"`), 400, "malformed", false},
		{"too deep", hit(`"properties":{"a":` + deep + `}`), 400, "malformed", false},
		{"too deep, unknown member", hit(`"x":` + deep), 400, "malformed", false},
		{"too deep from the start", deep, 400, "malformed", false},
		{"larger than 1 MiB", hit(`"title":"` + strings.Repeat("a", 1<<20) + `"`), 413, "too_large", false},
		{"a gzip bomb", zipped(t, "["+strings.Repeat(" ", 64<<20)+"]"), 413, "too_large", false},
		{"broken gzip", "\x1f\x8b garbage", 400, "malformed", false},
		{"cut gzip", zipped(t, hit(""))[:30], 400, "malformed", false},
		{"too many items", "[" + strings.Repeat("1,", 20_000) + "1]", 413, "too_large", false},
		{"1e999", hit(`"properties":{"a":1e999}`), 400, "bad_field", false},
		{"1e999 as time", `{"type":"pageview","at":1e999}`, 400, "bad_field", false},
		{"duplicate member", hit(`"type":"leave"`), 400, "bad_field", false},
		{"duplicate member by escape", hit(`"\u0074ype":"leave"`), 400, "bad_field", false},
		{"duplicate property", hit(`"properties":{"a":1,"b":{"c":1,"c":2}}`), 400, "bad_field", false},
		{"duplicate trait", hit(`"traits":{"email":"a@b.cc","email":"d@e.ff"}`), 400, "bad_field", false},
		{"too many members", hit(`"properties":{` + members(300) + `}`), 400, "bad_field", false},
		{"properties larger than 16 KiB", hit(`"properties":{"a":"` + strings.Repeat("a", 17<<10) + `"}`), 400, "bad_field", false},
		{"title no string", hit(`"title":5`), 400, "bad_field", false},
		{"time no number", `{"type":"pageview","at":"1764000000000"}`, 400, "bad_field", false},
		{"properties no object", hit(`"properties":[]`), 400, "bad_field", false},
		{"traits no object", hit(`"traits":"bob@example.com"`), 400, "bad_field", false},
		{"event without a name", `{"type":"event"}`, 400, "bad_field", false},
		{"no type", `{}`, 400, "bad_type", false},
		{"unknown type", `{"type":"purchase"}`, 400, "bad_type", false},
		{"id no UUID", `{"type":"pageview","id":"7"}`, 400, "bad_id", false},
		{"id empty", `{"type":"pageview","id":""}`, 400, "bad_id", false},
		{"id UUIDv4", `{"type":"pageview","id":"b3e7f6de-2f7d-4a6a-9c39-0b1d5b7f2a11"}`, 400, "bad_id", false},
		{"id of 2099", `{"type":"pageview","id":"` + schema.NewHitID(4_070_908_800_000, [10]byte{}).String() + `"}`, 400, "bad_time", true},
		{"id of 1970", `{"type":"pageview","id":"` + schema.NewHitID(1, [10]byte{}).String() + `"}`, 400, "bad_time", true},
		{"visitor the string null", `{"type":"pageview","visitor":"null"}`, 400, "bad_visitor", false},
		{"visitor undefined, quoted", `{"type":"pageview","visitor":"'undefined'"}`, 400, "bad_visitor", false},
		{"visitor [object Object]", `{"type":"pageview","visitor":"[object Object]"}`, 400, "bad_visitor", false},
		{"visitor empty", `{"type":"pageview","visitor":""}`, 400, "bad_visitor", false},
		{"visitor blank", `{"type":"pageview","visitor":" \u0000 "}`, 400, "bad_visitor", false},
		{"visitor of 10 KB", `{"type":"pageview","visitor":"` + strings.Repeat("v", 10<<10) + `"}`, 400, "bad_visitor", false},
		{"visitor null behind a NUL", `{"type":"pageview","visitor":"\u0000null"}`, 400, "bad_visitor", false},
		{"visitor a number", `{"type":"pageview","visitor":0}`, 400, "bad_field", false},
		{"no UTF-8", hit("\"title\":\"\xff\xfe\""), 400, schema.DeadBadText, true},
		{"no UTF-8 in an unknown member", hit("\"x\":{\"\xc3\":1}"), 400, schema.DeadBadText, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			got := p.send(t, test.body)
			if got.status != test.status {
				t.Fatalf("%d %.300s", got.status, got.body)
			}
			if len(got.body) > 600 {
				t.Errorf("an answer of %d bytes", len(got.body))
			}
			if n := len(p.log.hits(t)); n != 0 {
				t.Errorf("%d hits were stored", n)
			}
			refused := p.count(t, "sourceloop_collect_hits_refused_total", test.counter) + p.count(t, "sourceloop_collect_requests_refused_total", test.counter)
			if refused != 1 {
				t.Errorf("%v counted as %s", refused, test.counter)
			}
			letters := p.log.dead(t)
			if (len(letters) == 1) != test.dead {
				t.Fatalf("%d dead letters", len(letters))
			}
			if test.dead && (string(letters[0].GetValue()) != test.body || letters[0].GetReason() != test.counter) {
				t.Errorf("%v", letters[0])
			}
			if got := p.send(t, "["+hit("")+"]"); got.Accepted != 1 {
				t.Errorf("afterwards: %d %s", got.status, got.body)
			}
			if !strings.HasPrefix(test.counter, "bad_") {
				return
			}
			got = p.send(t, "["+hit("")+","+test.body+","+hit("")+"]")
			if got.status != 202 || got.Accepted != 2 || len(got.Refused) != 1 || got.Refused[0].Index != 1 {
				t.Errorf("among good ones: %d %s", got.status, got.body)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"p%d":%d,`, i, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestOddInputIsStored has what looks odd but is a hit.
func TestOddInputIsStored(t *testing.T) {
	for _, test := range []struct {
		name, fields string
		check        func(*schema.Hit) bool
	}{
		{"NUL and control characters", `"title":"a\u0000b\u001b\u0085c","name":"\u0007"`, func(h *schema.Hit) bool { return h.GetTitle() == "abc" && h.GetName() == "" }},
		{"NUL in a property", `"properties":{"a\u0000":"x\u0000\by\n","\\u0000":"\\u0000"}`, func(h *schema.Hit) bool {
			return string(h.GetProperties()) == `{"a":"xy\n","\\u0000":"\\u0000"}`
		}},
		{"bidi and zero width", `"title":"\u202e\u200b"`, func(h *schema.Hit) bool { return h.GetTitle() == "\u202e\u200b" }},
		{"surrogates", `"title":"\ud83d\ude00 \ud83d"`, func(h *schema.Hit) bool { return h.GetTitle() == "😀 \uFFFD" }},
		{"a referrer that is a script", `"referrer":"javascript:alert(1)"`, func(h *schema.Hit) bool { return h.GetReferrer() == "javascript:alert(1)" }},
		{"broken percent-encoding", `"referrer":"https://x.example/%zz?utm_source=%"`, func(h *schema.Hit) bool {
			return h.GetReferrer() == "https://x.example/%zz?utm_source=%"
		}},
		{"ten thousand parameters", `"referrer":"https://x.example/?` + strings.Repeat("a=b&", 10_000) + `"`, func(h *schema.Hit) bool { return len(h.GetReferrer()) == 4096 }},
		{"an agent of 64 KB", `"user_agent":"` + strings.Repeat("ä", 32<<10) + `"`, func(h *schema.Hit) bool { return len(h.GetUserAgent()) == 1024 }},
		{"a token in the referrer", `"referrer":"https://x.example/?access_token=abc"`, func(h *schema.Hit) bool {
			return h.GetReferrer() == "https://x.example/?access_token=redacted"
		}},
		{"__proto__", `"__proto__":{"a":1},"properties":{"__proto__":{"b":2}}`, func(h *schema.Hit) bool {
			return string(h.GetProperties()) == `{"__proto__":{"b":2}}`
		}},
		{"a formula and HTML", `"title":"=cmd|' /C calc'!A0","name":"<script>"`, func(h *schema.Hit) bool {
			return h.GetTitle() == "=cmd|' /C calc'!A0" && h.GetName() == "<script>"
		}},
		{"empty traits and properties", `"traits":{},"properties":{},"title":null`, func(h *schema.Hit) bool {
			return h.GetTraits() != nil && h.GetProperties() == nil && h.GetTitle() == ""
		}},
		{"white space everywhere", " \"title\" : \"a\" ,\n\"x\" : [ ] , \"y\" : { } ", func(h *schema.Hit) bool { return h.GetTitle() == "a" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			if got := p.send(t, hit(test.fields)); got.status != 202 || got.Accepted != 1 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if hits := p.log.hits(t); len(hits) != 1 || !test.check(hits[0]) {
				t.Errorf("%.500v", hits)
			}
		})
	}
}

func TestAScriptAsPageIsStoredAsText(t *testing.T) {
	p := start(t, nil)
	if got := p.send(t, `{"type":"pageview","visitor":"v1","url":"javascript:alert(document.cookie)"}`); got.Accepted != 1 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if h := p.log.hits(t)[0]; h.GetUrl() != "javascript:alert(document.cookie)" {
		t.Errorf("%v", h)
	}
}

func TestALongAgentInTheHeaderIsCut(t *testing.T) {
	p := start(t, nil)
	if got := p.send(t, hit(""), "User-Agent", strings.Repeat("x", 64<<10)); got.Accepted != 1 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if h := p.log.hits(t)[0]; len(h.GetUserAgent()) != 1024 {
		t.Errorf("an agent of %d bytes", len(h.GetUserAgent()))
	}
}

func TestGzipAndOtherEncodings(t *testing.T) {
	p := start(t, nil)
	for _, headers := range [][]string{{"Content-Encoding", "gzip"}, nil} {
		if got := p.send(t, zipped(t, hit("")), headers...); got.Accepted != 1 {
			t.Errorf("gzip with %v: %d %s", headers, got.status, got.body)
		}
	}
	if got := p.send(t, hit(""), "Content-Encoding", "br"); got.status != 415 {
		t.Errorf("br: %d", got.status)
	}
}

func TestAnUnknownKeyLearnsNothing(t *testing.T) {
	p := start(t, nil)
	for _, body := range []string{hit(""), "[" + hit("") + `,{"id":"x"}]`, "{", `{"type":"x"}`} {
		known, unknown := p.send(t, body), p.do(t, "POST", "/sl/hits?key=guess", body)
		if known.status != unknown.status || known.body != unknown.body {
			t.Errorf("%s: %d %s, but %d %s", body, known.status, known.body, unknown.status, unknown.body)
		}
	}
	if n := len(p.log.hits(t)); n != 2 {
		t.Errorf("%d hits were stored", n)
	}
	if p.count(t, "sourceloop_collect_requests_refused_total", "unknown_key") != 3 {
		t.Error("unknown keys are not counted")
	}
}

func TestGlobalPrivacyControl(t *testing.T) {
	p := start(t, nil)
	if got := p.send(t, hit(""), "Sec-GPC", "1"); got.status != 202 || got.Accepted != 0 || len(p.log.topics) != 0 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := p.send(t, hit(""), "Sec-GPC", "0"); got.Accepted != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if p.count(t, "sourceloop_collect_requests_refused_total", "opted_out") != 1 {
		t.Error("not counted")
	}
}

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	country := func(c *collect.Config) { c.CountryHeader = "CF-IPCountry" }
	trusted := func(c *collect.Config) {
		country(c)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
		c.AddressRate = collect.Rate{PerSecond: 1, Burst: 2}
	}
	p := start(t, country)
	p.send(t, hit(""), "CF-IPCountry", "FR", "X-Forwarded-For", "203.0.113.1")
	if h := p.log.hits(t)[0]; h.GetCountry() != "" {
		t.Errorf("a stranger's header was believed: %v", h)
	}

	p = start(t, trusted)
	p.send(t, hit(""), "CF-IPCountry", "FR", "X-Forwarded-For", "203.0.113.1")
	if h := p.log.hits(t)[0]; h.GetCountry() != "FR" || h.GetCountrySource() != "header" {
		t.Errorf("%v", h)
	}
	// The part that the client forged is left of what the proxy wrote.
	limited := func(forwarded string) bool {
		return p.send(t, hit(""), "X-Forwarded-For", forwarded).status == 429
	}
	if limited("198.51.100.9, 203.0.113.1") || !limited("198.51.100.10, 203.0.113.1, 10.1.2.3") {
		t.Error("a forged address escapes the limit")
	}
	if limited("203.0.113.2") {
		t.Error("another address is held up")
	}
	for i := range 3 {
		if got := limited(fmt.Sprintf("2001:db8:1:2::%d", i)); got != (i == 2) {
			t.Errorf("address %d of one /64: %t", i, got)
		}
	}
	for _, values := range p.log.topics {
		for _, v := range values {
			if strings.Contains(string(v), "203.0.113") {
				t.Error("an address is in a record")
			}
		}
	}
}

func TestLimitsOfKeysAndVisitors(t *testing.T) {
	p := start(t, func(c *collect.Config) { c.KeyRate = collect.Rate{PerSecond: 1, Burst: 3} })
	if got := p.send(t, "["+hit("")+","+hit("")+","+hit("")+","+hit("")+"]"); got.Accepted != 4 {
		t.Errorf("a batch is taken whole: %d %s", got.status, got.body)
	}
	if got := p.send(t, hit("")); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}

	p = start(t, func(c *collect.Config) { c.VisitorRate = collect.Rate{PerSecond: 1, Burst: 2} })
	flood := "[" + hit("") + "," + hit("") + "," + hit("") + `,{"type":"pageview","visitor":"other"}]`
	if got := p.send(t, flood); got.status != 202 || got.Accepted != 3 || len(got.Refused) != 1 || got.Refused[0].Index != 2 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := p.send(t, "["+hit("")+"]"); got.status != 429 || got.header.Get("Retry-After") == "" || len(got.Refused) != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := p.send(t, `{"type":"pageview","visitor":"third"}`); got.Accepted != 1 {
		t.Errorf("another visitor is held up: %d %s", got.status, got.body)
	}
	p = start(t, func(c *collect.Config) { c.AddressRate = collect.Rate{PerSecond: 1, Burst: 1} })
	for range 3 {
		if got := p.send(t, hit("")); got.status != 202 {
			t.Errorf("the machine itself is held up: %d", got.status)
		}
	}
}
