package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"sourceloop/control"
	"sourceloop/schema"
)

// serve asks the server without a network.
func (c *client) serve(method, path, query, body string, headers http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.URL.RawQuery = query
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range headers {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	c.server.Config.Handler.ServeHTTP(w, r)
	return w
}

// inWords wants one of some statuses, and of a refusal a problem that tells what
// to do.
func inWords(t *testing.T, w *httptest.ResponseRecorder, statuses ...int) {
	t.Helper()
	for _, status := range statuses {
		if w.Code != status {
			continue
		}
		if status >= 400 {
			answer{w.Code, w.Header(), w.Body.Bytes()}.problem(t)
		}
		return
	}
	t.Errorf("%d: %.300s", w.Code, w.Body)
}

// viewer is a program that may read.
func viewer(t testing.TB) *client {
	w := newWorld(t)
	return w.keyed(w.ann, control.Viewer)
}

// FuzzFunnelQuery: whatever is asked, the answer is a refusal in words, or that
// ClickHouse, which this server has not, is away.
func FuzzFunnelQuery(f *testing.F) {
	f.Add(`{"steps":[{"type":"pageview","operator":"equals","value":"/"},{"type":"conversion","name":"contact"}],"scope":"contact","window":"1h"}`)
	f.Add(`{"steps":[{"type":"event","name":"x","properties":[{"key":"__proto__","operator":"regex","value":"("}]},{"type":"pageview"}],"breakdown":"channel"}`)
	f.Add(`{"steps":[],"order":"any","from":"2026-02-30","to":"x"}`)
	f.Add(`{"steps":null,"window":"1e9h"}`)
	f.Add("\xff[")
	c := viewer(f)
	f.Fuzz(func(t *testing.T, body string) {
		inWords(t, c.serve("POST", "/api/v1/funnels/query", "", body, nil), 400, 413, 415, 503)
	})
}

// FuzzQuery: so it is with the parameters of every list and report.
func FuzzQuery(f *testing.F) {
	f.Add(uint8(0), "limit=-1&cursor=forged&filter=source:is:x&filter=::&touch=first")
	f.Add(uint8(1), "model=linear&dimension=channel&lookback=all&from=2026-01-01&to=2026-02-01&conversion=x")
	f.Add(uint8(2), "compare=previous&from=0000-00-00&to=9999-99-99")
	f.Add(uint8(3), "%zz=1&=&;&__proto__=1")
	f.Add(uint8(4), "key=(none)&second_dimension=country&second_key=&cursor=1.x&exclude=channel:is:Direct")
	c := viewer(f)
	paths := []string{"/api/v1/contacts", "/api/v1/attribution", "/api/v1/traffic", "/api/v1/contacts/x/journey", "/api/v1/attribution/conversions"}
	f.Fuzz(func(t *testing.T, path uint8, query string) {
		inWords(t, c.serve("GET", paths[int(path)%len(paths)], query, "", nil), 400, 404, 503)
	})
}

// FuzzSignedIn: nobody comes in by a cookie or a key that was not given out.
func FuzzSignedIn(f *testing.F) {
	f.Add("sourceloop=", "Bearer ")
	f.Add("sourceloop=../../x; __Host-sourceloop=y; sourceloop=\"z\"", "")
	f.Add(strings.Repeat("sourceloop=a;", 500), "Basic \xff")
	f.Add("sourceloop=%00", "Bearer sl_")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, cookie, authorization string) {
		headers := http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"same-origin"}}
		if authorization != "" {
			headers["Authorization"] = []string{authorization}
		}
		inWords(t, w.browser().serve("GET", "/api/v1/contacts", "", "", headers), 401)
	})
}

// FuzzConversion: a conversion is refused in words, or written so that the stage
// after it can read it.
func FuzzConversion(f *testing.F) {
	f.Add(`{"id":"1","name":"purchase","at":"2026-09-20T10:00:00Z","value":1.5,"currency":"EUR","email":"A@b.example"}`)
	f.Add(`{"id":"1","name":"p","at":"2026-09-20T10:00:00Z","visitor":"\u0000null"}`)
	f.Add(`{"id":"\u202e","name":"contact ","at":"1970-01-01T00:00:00Z","user_id":"42","value":-1e308}`)
	f.Add(`{"id":1}`)
	w := newWorld(f)
	c := w.keyed(w.ann, control.Editor)
	f.Fuzz(func(t *testing.T, body string) {
		w.leads.mu.Lock()
		w.leads.records, w.leads.keys = nil, nil
		w.leads.mu.Unlock()
		answer := c.serve("POST", "/api/v1/conversions", "", body, nil)
		inWords(t, answer, 202, 400, 413, 415)
		if (len(w.leads.records) == 1) != (answer.Code == 202) {
			t.Fatalf("%d, and %d records", answer.Code, len(w.leads.records))
		}
		for i, record := range w.leads.records {
			fact := record.GetEvidence().GetConversion()
			if len(fact.GetId()) != 16 || fact.GetWorkspace() != w.ann.Workspace || schema.Node(fact.GetNode()).Value() == "" || fact.GetAt() > today().UnixMilli() {
				t.Errorf("%v", fact)
			}
			if w.leads.keys[i] != string(schema.LeadKey(w.ann.Workspace)) {
				t.Errorf("the key is %q", w.leads.keys[i])
			}
			text := fact.GetName() + fact.GetExternalId() + fact.GetNode() + fact.GetVisitor() + fact.GetCurrency()
			if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) || len(text) > 4096 || !utf8.ValidString(text) {
				t.Errorf("%d bytes, %.300q", len(text), text)
			}
		}
	})
}

// FuzzCallback: what comes back from a provider's consent page is never shown,
// and connects nobody who did not begin it.
func FuzzCallback(f *testing.F) {
	f.Add("code=good&state=x")
	f.Add("error=access_denied&error_description=<script>alert(1)</script>&state=%00")
	f.Add("state=a&state=b&code=good&code=bad")
	f.Add("%zz")
	ann := newWorld(f).browser()
	signedIn := ann.want(200, "POST", "/api/v1/sign-in", signIn("ann@a.example", password))
	cookies := http.Header{"Cookie": {strings.Split(signedIn.header.Get("Set-Cookie"), ";")[0]}}
	f.Fuzz(func(t *testing.T, query string) {
		got := ann.serve("GET", "/connect/intercom/callback", query, "", cookies)
		if got.Code != 403 || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%d %s", got.Code, got.Header().Get("Content-Type"))
		}
		if strings.Contains(got.Body.String(), "<script") || !strings.Contains(got.Body.String(), `<a href="/setup/chat">`) {
			t.Errorf("the page is %s", got.Body)
		}
	})
}
