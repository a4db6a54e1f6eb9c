package collect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/http/httpguts"
	"pgregory.net/rapid"

	"sourceloop/schema"
)

// FuzzReader holds the JSON reader to jsontext, which is strict. What only we
// allow: repeated names, broken text, NaN and Infinity are noted as faults
// instead.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+7,true,false,null,"\u00e4\ud83d\ude00\n"],"b":{}}`, `[]`, `{"a":1,"a":2}`, "\"\xff\"", `-`, `1.`, `01`, `"\ud800"`, `{"a" : }`, ` 7 `, "\"\x00\"", `[NaN,-Infinity,{"a":Infinity}]`, `-N`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := reader{src: text}
		_, err := r.value(0)
		if err == nil {
			err = r.end()
		}
		d := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		_, want := d.ReadValue()
		if want == nil {
			if _, more := d.ReadToken(); more == nil || more.Error() != "EOF" {
				want = fmt.Errorf("more follows")
			}
		}
		if err == nil && want != nil && (strings.Contains(text, "NaN") || strings.Contains(text, "Infinity")) {
			if r.fault.code == "" {
				t.Fatalf("%q: nothing was noted, jsontext says %v", text, want)
			}
			return
		}
		if (err == nil) != (want == nil) && !errors.Is(err, errDepth) {
			t.Fatalf("%q: we say %v, jsontext says %v", text, err, want)
		}
		if err != nil {
			return
		}
		strict := jsontext.Value(text).IsValid()
		if strict && (r.broken || r.fault.code != "" && !strings.Contains(r.fault.words, "256") && !strings.Contains(r.fault.words, "double")) {
			t.Fatalf("%q is valid, but: %+v, broken %t", text, r.fault, r.broken)
		}
		if !strict && !r.broken && r.fault.code == "" && !strings.Contains(strings.ToLower(text), `\ud`) {
			t.Fatalf("%q is not valid, but nothing was noted", text)
		}
	})
}

// FuzzStrings compares what strings mean with encoding/json.
func FuzzStrings(f *testing.F) {
	f.Add(`"\u00e4\ud83d\ude00\n\t\"\\\/"`)
	f.Add(`"\ud83d\u0041\udc00"`)
	f.Fuzz(func(t *testing.T, text string) {
		var want string
		if !utf8.ValidString(text) || !strings.HasPrefix(text, `"`) || json.Unmarshal([]byte(text), &want) != nil {
			return
		}
		r := reader{src: text}
		got, err := r.quoted()
		want = strings.Map(func(c rune) rune {
			if c == '\b' || c == '\f' {
				return -1
			}
			return c
		}, want)
		got = strings.NewReplacer("\b", "", "\f", "").Replace(got)
		if err != nil || got != want {
			t.Fatalf("%s: got %q, %v, want %q", text, got, err, want)
		}
	})
}

// FuzzControls: dropping escaped control characters leaves valid JSON.
func FuzzControls(f *testing.F) {
	f.Add(`{"a\u0000":"\b\f\n\\u0000\u0009","b":["\u007f"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := reader{src: text}
		raw, err := r.value(0)
		if err != nil || r.broken {
			return
		}
		got := withoutEscapedControls(raw)
		if !json.Valid([]byte(got)) {
			t.Fatalf("%q became %q", raw, got)
		}
		if again := withoutEscapedControls(got); again != got {
			t.Fatalf("%q became %q, then %q", raw, got, again)
		}
	})
}

func TestKeysAreThoseOfTheVocabulary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workspace, visitor := rapid.Uint32().Draw(t, "workspace"), rapid.String().Draw(t, "visitor")
		if got, want := appendHitKey(nil, workspace, visitor), schema.HitKey(workspace, visitor); !bytes.Equal(got, want) {
			t.Fatalf("%q instead of %q", got, want)
		}
	})
}

func TestLimiterHoldsToItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{PerSecond: rapid.Float64Range(1, 1000).Draw(t, "rate"), Burst: rapid.IntRange(1, 100).Draw(t, "burst")}
		l := newLimiter(rate, 1<<10)
		begin := time.Unix(1_764_000_000, 0)
		now, taken := begin, 0
		for range rapid.IntRange(1, 400).Draw(t, "tries") {
			if l.take(now, "key", 1) == 0 {
				taken++
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "wait")) * time.Millisecond)
		}
		if most := float64(rate.Burst) + rate.PerSecond*now.Sub(begin).Seconds() + 1; float64(taken) > most*1.001 {
			t.Fatalf("%d were taken, at most %.1f are allowed", taken, most)
		}
	})
}

func TestLimiterWaitIsEnoughAndOthersPass(t *testing.T) {
	l := newLimiter(Rate{PerSecond: 10, Burst: 5}, 1<<16)
	now := time.Unix(1_764_000_000, 0)
	for l.take(now, "flood", 1) == 0 {
	}
	wait := l.take(now, "flood", 1)
	if wait <= 0 || l.take(now.Add(wait), "flood", 1) != 0 {
		t.Errorf("after waiting %v it is still over", wait)
	}
	for i := range 1000 {
		if l.take(now, fmt.Sprint("other", i), 1) != 0 {
			t.Errorf("other %d is held up", i)
		}
	}
	if newLimiter(Rate{}, 1).take(now, "free", 1<<30) != 0 {
		t.Error("no rate means no limit")
	}
}

func TestCleanAndCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		runes := make([]rune, r.IntN(20))
		for i := range runes {
			runes[i] = rune(r.IntN(0x200))
		}
		s := string(runes)
		want := string(slices.DeleteFunc(runes, isControl))
		if got := clean(s); got != want {
			t.Fatalf("clean(%q) = %q, want %q", s, got, want)
		}
		if n := r.IntN(20); len(cut(s, n)) > n || !utf8.ValidString(cut(s, n)) || !strings.HasPrefix(s, cut(s, n)) {
			t.Fatalf("cut(%q, %d) = %q", s, n, cut(s, n))
		}
	}
}

// FuzzOrigin: what is left of the address that the nearest trusted proxy wrote
// is never believed, whatever it says.
func FuzzOrigin(f *testing.F) {
	f.Add("198.51.100.9", "203.0.113.1", true)
	f.Add("10.1.2.3, ,::1, 127.0.0.1", "2001:db8::1", true)
	f.Add("\x00,,%", "::ffff:203.0.113.9", false)
	trusts := newTrust([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "CF-IPCountry")
	f.Fuzz(func(t *testing.T, forged, client string, proxied bool) {
		addr, err := netip.ParseAddr(client)
		if err != nil || addr.Zone() != "" || trusts.trusts(addr.Unmap()) {
			return
		}
		r := &http.Request{RemoteAddr: netip.AddrPortFrom(addr, 1234).String(), Header: http.Header{"Cf-Ipcountry": {"FR"}}}
		r.Header["X-Forwarded-For"] = []string{forged}
		if proxied {
			r.RemoteAddr = "10.0.0.7:443"
			r.Header["X-Forwarded-For"] = []string{forged + ", " + client + ", 10.0.0.8"}
		}
		got := trusts.origin(r)
		if got.addr != addr.Unmap() || (got.country == "FR") != proxied {
			t.Errorf("%v with %q: %v from %q", r.RemoteAddr, r.Header["X-Forwarded-For"], got.addr, got.country)
		}
		if key := got.limitKey(); len(key) != 0 && len(key) != 4 && len(key) != 8 {
			t.Errorf("a key of %d bytes", len(key))
		}
	})
}

// FuzzFront holds the front to net/http: what it takes for a request of ours is
// one there too, with the same content.
func FuzzFront(f *testing.F) {
	for _, seed := range []string{
		"POST /sl/hits?key=a&t=1 HTTP/1.1\r\nHost: a.example:80\r\nUser-Agent: curl/8\r\nContent-Length: 2\r\n\r\n[]",
		"POST /sl/hits?%zz=%41 HTTP/1.1\r\nhost:[::1]\r\nsec-gpc: 1\r\nx_y: \xff\r\ncontent-length:0\r\n\r\nPOST",
		"POST /sl/hits? HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\nContent-Encoding: gzip\r\nContent-Length: 003\r\n\r\nabc",
		"POST /sl/hits?a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nCF-IPCountry: NO\r\nContent-Length: 1\r\n\r\n1",
	} {
		f.Add([]byte(seed))
	}
	front := &Front{
		edge: &Edge{trust: &trust{proxies: []netip.Prefix{{}}, header: "Cf-Ipcountry"}},
		post: []byte("POST /sl/hits?"), country: "cf-ipcountry",
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var p plain
		size, k := front.read(in, &p)
		if k != isOurs {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in[:size])))
		if err != nil {
			t.Fatalf("%q is none for net/http: %v", in, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, p.body) {
			t.Fatalf("%q has the body %q, %v", in, body, err)
		}
		if r.Method != "POST" || r.URL.Path != "/sl/hits" || r.URL.RawQuery != string(p.query) || r.Close || r.ProtoMinor != 1 ||
			len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 || r.Host != string(p.host) || r.URL.Fragment != "" {
			t.Fatalf("%q is %+v", in, r)
		}
		for name, value := range map[string][]byte{
			"User-Agent": p.agent, "Sec-Gpc": p.optOut, "Content-Encoding": p.encoding, "X-Forwarded-For": p.forwarded, "Cf-Ipcountry": p.country,
		} {
			if got := strings.Join(r.Header[name], "|"); got != string(value) {
				t.Fatalf("%q has %s %q, we read %q", in, name, got, value)
			}
		}
		if !httpguts.ValidHostHeader(r.Host) {
			t.Fatalf("%q has a host that a server refuses", in)
		}
		for name, values := range r.Header {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(strings.Join(values, "")) {
				t.Fatalf("%q has the header %q, which a server refuses", in, name)
			}
		}
	})
}
