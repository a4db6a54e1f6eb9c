package collect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

// serve asks the server without a network.
func (p *place) serve(path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.server.ServeHTTP(w, r)
	return w
}

// FuzzHits: whatever the request, the answer says what was stored, and what was
// stored is sound, bounded, and good for the stages after it.
func FuzzHits(f *testing.F) {
	f.Add(hit(""), false, "", "curl/8")
	f.Add("["+hit(`"properties":{"a":[1,null]},"traits":{"email":"a@b.cc"}`)+`,{"id":7},null,{"type":"leave","at":-1}]`, true, "t=1763999999999", "")
	f.Add(`{"type":"event","name":"a\u0000","title":"\ud800`+"\xff"+`"}`, false, "t=-1&key=%zz", "\xff")
	f.Add("\x1f\x8b\x08", false, "&&=%", "Mozilla/5.0 (iPhone")
	f.Add(`{"type":"pageview","url":"https://shop.example/?utm_source=%zz&gclid=1&utm_source=b#@","visitor":" v\u0085","at":1.7e12}`, false, "t=1664000000000", "x")
	f.Add(`[{"type":"identify","traits":{"email":"a@b.cc","phone":-1e9,"user_id":NaN}}]`, false, "", "")
	f.Add(`{"type":"ads","ad_consent":"granted","fbp":"fb.1.1763900000000.1","fbc":{"a":1,"a":2},"li_fat_id":"\ud800"}`, false, "", "")
	p := start(f, unlimited)
	channels, err := enrich.NewChannels()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, zip bool, query, agent string) {
		p.forget()
		if zip {
			body = zipped(t, body)
		}
		r := httptest.NewRequest(http.MethodPost, "/sl/hits", strings.NewReader(body))
		r.URL.RawQuery, r.Header["User-Agent"] = "key="+siteKey+"&"+query, []string{agent}
		w := httptest.NewRecorder()
		p.server.ServeHTTP(w, r)
		var got reply
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		hits, dead := p.log.hits(t), p.log.dead(t)
		switch w.Code {
		case 202:
			if got.Accepted != len(hits) || len(dead) > len(got.Refused) {
				t.Errorf("%s, but %d hits and %d dead letters", w.Body, len(hits), len(dead))
			}
		case 400, 413:
			if len(hits) > 0 || len(dead) > len(got.Refused) {
				t.Errorf("%d, but %d hits and %d dead letters", w.Code, len(hits), len(dead))
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, h := range hits {
			sound(t, h)
		}
		goesOn(t, hits, channels)
	})
}

func unlimited(c *collect.Config) {
	c.VisitorRate, c.KeyRate, c.AddressRate = collect.Rate{}, collect.Rate{}, collect.Rate{}
}

// sound holds a stored hit to what the stages after the edge rely on.
func sound(t *testing.T, h *schema.Hit) {
	t.Helper()
	if parsed, err := schema.IDFromBytes(h.GetId()); err != nil || !parsed.IsV7() {
		t.Errorf("id %x", h.GetId())
	}
	if h.GetVisitor() == "" || h.GetAt() < 0 || h.GetAt() > h.GetReceived() || h.GetWorkspace() != 7 || h.GetType() == 0 {
		t.Errorf("%v", h)
	}
	if len(h.GetProperties()) > 0 && !json.Valid(h.GetProperties()) {
		t.Errorf("properties %s", h.GetProperties())
	}
	if strings.ContainsFunc(h.GetTitle()+h.GetName()+h.GetUrl()+h.GetReferrer()+h.GetVisitor()+h.GetUserAgent(), func(r rune) bool { return r < 0x20 }) {
		t.Errorf("control characters: %v", h)
	}
	for _, limited := range []struct {
		text string
		most int
	}{
		{h.GetUrl(), 4096}, {h.GetReferrer(), 4096}, {h.GetTitle(), 512}, {h.GetName(), 200}, {h.GetVisitor(), 128}, {h.GetUserAgent(), 1024},
		{h.GetTz(), 64}, {h.GetTraits().GetEmail(), 320}, {h.GetTraits().GetUserId(), 320}, {string(h.GetProperties()), 16 << 10},
		{h.GetAdConsent(), 7}, {h.GetFbp(), 128}, {h.GetFbc(), 600}, {h.GetLiFatId(), 128},
	} {
		if len(limited.text) > limited.most {
			t.Errorf("%d bytes, %d at most: %.100q", len(limited.text), limited.most, limited.text)
		}
	}
}

// goesOn takes hits through the pure stages after the edge.
func goesOn(t *testing.T, hits []*schema.Hit, channels *enrich.Channels) {
	t.Helper()
	byVisitor := map[string][]*schema.Hit{}
	for _, h := range hits {
		byVisitor[h.GetVisitor()] = append(byVisitor[h.GetVisitor()], session.Trim(h))
	}
	workspace := &schema.Workspace{ID: 7, Settings: []schema.Settings{schema.DefaultSettings()}}
	for visitor, mine := range byVisitor {
		sessions := session.Derive(workspace, visitor, nil, mine, channels)
		claims := session.Claims(workspace, mine, sessions, identity.Rules{})
		if len(sessions) == 0 || len(identity.Resolve(7, claims).Contacts) > len(claims) {
			t.Errorf("%d hits give %d sessions and %d claims", len(mine), len(sessions), len(claims))
		}
	}
}

// forget empties the log.
func (p *place) forget() {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	clear(p.log.topics)
	clear(p.log.keys)
}

// FuzzIntercom: a signed body is kept as it is, under the app that it names, or
// not, and what is kept resolves or is set aside; an unsigned one leaves nothing.
func FuzzIntercom(f *testing.F) {
	f.Add(`{"app_id":"connected","topic":"contact.merged"}`, "")
	f.Add(`{"app_id":"connected","topic":"ping","id":null}`, "sha1=")
	f.Add(`{"app_id":["connected"]}`, "SHA1=00")
	f.Add("\xff", "\x00")
	f.Add(`{"app_id":"connected","topic":"conversation.user.created","data":{"item":{"id":5,"source":{"author":{"type":"lead","id":"9","email":"a@b.cc"}}}}}`, "sha256=x")
	p := start(f, unlimited)
	f.Fuzz(func(t *testing.T, body, signature string) {
		p.forget()
		if w := p.serve("/hooks/intercom", body, "X-Hub-Signature", signed(body)); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		kept(t, p, body)
		p.forget()
		if w := p.serve("/hooks/intercom", body, "X-Hub-Signature", signature); w.Code != 401 && signature != signed(body) || len(p.log.topics) > 0 {
			t.Errorf("signed %q: %d, %d topics", signature, w.Code, len(p.log.topics))
		}
		if w := p.serve("/hooks/intercom/uninstall", body); w.Code != 200 && w.Code != 400 {
			t.Errorf("uninstall: %d", w.Code)
		}
		for _, value := range p.log.topics[schema.TopicWebhooks] {
			var record schema.WebhookRecord
			var hint map[string]string
			if proto.Unmarshal(value, &record) != nil || json.Unmarshal(record.GetBody(), &hint) != nil || len(hint) != 1 || hint["app_id"] != "connected" {
				t.Errorf("of a notice without signature %q is kept", value)
			}
		}
	})
}

// kept holds what is in the log to the body that was delivered.
func kept(t *testing.T, p *place, body string) {
	t.Helper()
	for _, letter := range p.log.dead(t) {
		if string(letter.GetValue()) != body {
			t.Errorf("set aside as %q", letter.GetValue())
		}
	}
	for _, value := range p.log.topics[schema.TopicWebhooks] {
		record := &schema.WebhookRecord{}
		if err := proto.Unmarshal(value, record); err != nil || string(record.GetBody()) != body || record.GetWorkspace() != 7 {
			t.Fatalf("kept %q, %v", value, err)
		}
		result, err := resolver(t).Resolve(t.Context(), record)
		if err != nil && schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("resolving is stuck: %v", err)
		}
		if err == nil && result.Outcome == "" {
			t.Error("no outcome")
		}
	}
}

// refusing is a provider whose plan refuses all questions.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
}

func (refusing) Access(context.Context, int64) (string, string, error) {
	return "http://127.0.0.1:9", "token", nil
}

func resolver(t *testing.T) *resolve.Intercom {
	t.Helper()
	r, err := resolve.NewIntercom(resolve.IntercomConfig{
		Access: refusing{}, Identity: identity.Rules{}, Client: &http.Client{Transport: refusing{}}, CleanURL: enrich.Redact,
		Failed: func(context.Context, int64, string) error { return nil },
		Seen:   func(context.Context, int64, schema.Millis) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func hubspotResolver(t *testing.T) *resolve.HubSpot {
	t.Helper()
	r, err := resolve.NewHubSpot(resolve.HubSpotConfig{
		Access: refusing{}, Identity: identity.Rules{}, Client: &http.Client{Transport: refusing{}},
		Failed: func(context.Context, int64, string) error { return nil },
		Doubt:  func(context.Context, int64) (bool, error) { return false, nil },
		Seen:   func(context.Context, int64, schema.Millis) error { return nil },
		Erase:  func(context.Context, uint32, schema.Node) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// writer is a response that costs nothing.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(int)             {}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

// BenchmarkHits is the edge's own cost, without network and log. The baseline
// is a handler that does nothing.
func BenchmarkHits(b *testing.B) {
	one := func(n int) string {
		return fmt.Sprintf(`{"id":"%s","visitor":"3f2a9c5e7b6a4c3d8f213a9b5c7d%04x","at":%d,"type":"pageview",`+
			`"url":"https://shop.example/pricing/enterprise?utm_source=google&utm_medium=cpc&utm_campaign=spring",`+
			`"referrer":"https://www.google.com/","title":"Pricing – Shop","properties":{"plan":"team"},"tz":"Europe/Berlin"}`, id(n), n, clock-5000)
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = one(i)
	}
	for name, text := range map[string]string{"one": one(1), "twenty": "[" + strings.Join(many, ",") + "]", "baseline": ""} {
		b.Run(name, func(b *testing.B) {
			p := start(b, func(c *collect.Config) {
				rate := collect.Rate{PerSecond: 1e9, Burst: 1e9}
				c.AddressRate, c.KeyRate, c.VisitorRate = rate, rate, rate
			})
			p.log.quiet.Store(true)
			p.server.POST("/nothing", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
			path := "/sl/hits?key=" + siteKey
			if text == "" {
				path = "/nothing"
			}
			r := httptest.NewRequest(http.MethodPost, path, nil)
			r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36")
			content := body{bytes.NewReader([]byte(text))}
			w := &writer{header: http.Header{}}
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				content.Reset([]byte(text))
				r.Body = content
				p.server.ServeHTTP(w, r)
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N*max(1, strings.Count(text, `"id"`))), "cpu-ns/hit")
		})
	}
}

// cpu is the processor time of this process, which a busy machine does not
// stretch as it does the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
