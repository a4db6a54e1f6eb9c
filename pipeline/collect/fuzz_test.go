package collect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"sourceloop/pipeline/collect"
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

// FuzzHits: whatever the body, the answer is bounded, says what was stored,
// and what was stored can be read.
func FuzzHits(f *testing.F) {
	f.Add(hit(""), false)
	f.Add("["+hit(`"properties":{"a":[1,null]},"traits":{"email":"a@b.cc"}`)+`,{"id":7},null,{"type":"leave","at":-1}]`, true)
	f.Add(`{"type":"event","name":"a\u0000","title":"\ud800`+"\xff"+`"}`, false)
	f.Add("\x1f\x8b\x08", false)
	p := start(f, func(c *collect.Config) { c.VisitorRate, c.KeyRate = collect.Rate{}, collect.Rate{} })
	f.Fuzz(func(t *testing.T, body string, zip bool) {
		p.log.mu.Lock()
		clear(p.log.topics)
		clear(p.log.keys)
		p.log.mu.Unlock()
		if zip {
			body = zipped(t, body)
		}
		w := p.serve("/sl/hits?key="+siteKey, body)
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
			if parsed, err := schema.IDFromBytes(h.GetId()); err != nil || !parsed.IsV7() {
				t.Errorf("id %x", h.GetId())
			}
			if h.GetVisitor() == "" || h.GetAt() < 0 || h.GetAt() > h.GetReceived() || h.GetWorkspace() != 7 || h.GetType() == 0 {
				t.Errorf("%v", h)
			}
			if len(h.GetProperties()) > 0 && !json.Valid(h.GetProperties()) {
				t.Errorf("properties %s", h.GetProperties())
			}
			if strings.ContainsFunc(h.GetTitle()+h.GetName()+h.GetUrl()+h.GetVisitor(), func(r rune) bool { return r < 0x20 }) {
				t.Errorf("control characters: %v", h)
			}
		}
	})
}

// FuzzIntercom: a body is kept as it is, under the app that it names, or not.
func FuzzIntercom(f *testing.F) {
	f.Add(`{"app_id":"connected","topic":"contact.merged"}`)
	f.Add(`{"app_id":"connected","topic":"ping","id":null}`)
	f.Add(`{"app_id":["connected"]}`)
	f.Add("\xff")
	p := start(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		p.log.mu.Lock()
		clear(p.log.topics)
		p.log.mu.Unlock()
		if w := p.serve("/hooks/intercom", body, "X-Hub-Signature", signed(body)); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, values := range p.log.topics {
			if len(values) != 1 || !bytes.Contains(values[0], []byte(body)) {
				t.Errorf("kept %q", values)
			}
		}
		if w := p.serve("/hooks/intercom", body, "X-Hub-Signature", "sha1="+strings.Repeat("0", 40)); w.Code != 401 {
			t.Errorf("unsigned: %d", w.Code)
		}
		if w := p.serve("/hooks/intercom/uninstall", body); w.Code != 200 && w.Code != 400 {
			t.Errorf("uninstall: %d", w.Code)
		}
	})
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
