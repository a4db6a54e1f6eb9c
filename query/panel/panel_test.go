package panel

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sourceloop/query/report"
	"sourceloop/schema"
)

var update = flag.Bool("update", false, "write the goldens anew")

const secret = "the client secret"

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// routes know the app acme1, which is workspace 7's.
type routes struct{}

func (routes) Route(provider, app string) (uint32, int64, bool) {
	return 7, 42, provider == "intercom" && app == "acme1"
}

func (routes) Workspace(id uint32) (*schema.Workspace, bool) {
	return &schema.Workspace{ID: id, Zone: time.FixedZone("here", 2*60*60)}, id == 7
}

// people answer with what they were given, and keep what they were asked.
type people struct {
	person    report.Person
	err       error
	hang      bool
	workspace uint32
	node      schema.Node
	visitor   string
}

func (p *people) Person(ctx context.Context, w *schema.Workspace, node schema.Node, visitor string) (report.Person, error) {
	p.workspace, p.node, p.visitor = w.ID, node, visitor
	if p.hang {
		<-ctx.Done()
		return report.Person{}, ctx.Err()
	}
	return p.person, p.err
}

func ask(t *testing.T, who *people, path, body, signature string) *httptest.ResponseRecorder {
	t.Helper()
	panel, err := New(Config{Secret: secret, Routes: routes{}, People: who, PublicURL: "https://loop.example"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if signature != "" {
		r.Header.Set("X-Body-Signature", signature)
	}
	w := httptest.NewRecorder()
	panel.ServeHTTP(w, r)
	return w
}

const opened = `{"workspace_id":"acme1","workspace_region":"US","admin":{"type":"admin","id":"7"},"card_creation_options":{},
	"context":{"location":"conversation","conversation_id":12},"conversation":{"type":"conversation","id":"12"},
	"contact":{"type":"contact","id":"c1","email":null,"custom_attributes":{"sourceloop_id":" v1 "}}}`

const at = schema.Millis(1_790_000_000_000)

// visits are two: by an ad, and back by a letter.
func visits() []report.JourneySession {
	view := func(after time.Duration, url string) report.JourneyItem {
		return report.JourneyItem{At: at.Add(after), Type: "pageview", URL: url}
	}
	return []report.JourneySession{
		{StartedAt: at, Touch: schema.Touch{Channel: "Paid Search", Source: "google", Medium: "cpc", Campaign: "spring", LandingPage: "https://shop.example/ad?gclid=1", At: at},
			Items: []report.JourneyItem{view(0, "https://shop.example/ad?gclid=1"), {At: at, Type: "ad_click"}, view(time.Minute, "https://shop.example/pricing")}},
		{StartedAt: at.Add(48 * time.Hour), Touch: schema.Touch{Channel: "Email", Source: "news", Medium: "email", LandingPage: "https://shop.example/", At: at.Add(48 * time.Hour)},
			Items: []report.JourneyItem{view(48*time.Hour, "https://shop.example/"), view(49*time.Hour, "https://shop.example/contact"), view(49*time.Hour+time.Minute, "https://shop.example/contact/us"), view(50*time.Hour, "https://shop.example/docs")}},
	}
}

func ada() *report.Contact {
	v := visits()
	return &report.Contact{
		ID: schema.Derive("ada"), Email: "ada@example.com", Name: "Ada", ConvertedAt: at.Add(50 * time.Hour),
		FirstTouch: v[0].Touch, LastTouch: v[1].Touch, PagesBefore: 6, ReturnVisits: 1,
	}
}

// TestCanvases holds what Intercom is told to draw.
func TestCanvases(t *testing.T) {
	hostile := visits()[:1]
	hostile[0].Touch.Campaign = "a\u202eb\x00[click](https://evil.example) *bold* " + strings.Repeat("x", 300)
	hostile[0].Items[0].URL = "javascript:alert(1)"
	twoHosts := visits()[:1]
	twoHosts[0].Items[0].URL = "https://blog.example/"
	nameless := ada()
	nameless.Email, nameless.ConvertedAt = "", 0
	for _, test := range []struct {
		name string
		body string
		who  people
	}{
		{"contact", opened, people{person: report.Person{Contact: ada(), Sessions: visits()}}},
		{"before the email", opened, people{person: report.Person{Contact: nameless, Sessions: visits()}}},
		{"browser alone", opened, people{person: report.Person{Sessions: visits()[:1]}}},
		{"two hosts", opened, people{person: report.Person{Sessions: twoHosts}}},
		{"direct", opened, people{person: report.Person{Contact: ada()}}},
		{"not known", opened, people{}},
		{"hostile", opened, people{person: report.Person{Sessions: hostile}}},
		{"no person", `{"workspace_id":"acme1","contact":null}`, people{}},
		{"unknown app", `{"workspace_id":"stranger","contact":{"id":"c1"}}`, people{person: report.Person{Contact: ada(), Sessions: visits()}}},
		{"ClickHouse is away", opened, people{err: errors.New("no answer")}},
		{"ClickHouse is slow", opened, people{hang: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(t, &test.who, "/panel/intercom/initialize", test.body, sign(test.body))
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, w.Body.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
			golden(t, test.name, pretty.Bytes())
			if len(w.Body.Bytes()) > 64<<10 {
				t.Error("Intercom takes 64 KB at most")
			}
			submit := ask(t, &test.who, "/panel/intercom/submit", test.body, sign(test.body))
			if submit.Body.String() != w.Body.String() {
				t.Errorf("refreshing shows something else: %s", submit.Body)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Errorf("%s is not what it draws (%v); it draws\n%s", file, err, got)
	}
}

func TestWhoIsLookedUp(t *testing.T) {
	for _, test := range []struct{ name, body, node, visitor string }{
		{"of now", opened, "intercom:c1", "v1"},
		{"customer", `{"workspace_id":"acme1","customer":{"id":"c2"}}`, "intercom:c2", ""},
		{"app_id, and from the conversation", `{"app_id":"acme1","conversation":{"contacts":{"contacts":[{"id":"c3"}]}}}`, "intercom:c3", ""},
		{"an id that is a number", `{"workspace_id":"acme1","contact":{"id":"c4","custom_attributes":{"sourceloop_id":7}}}`, "intercom:c4", ""},
		{"an id of 10 KB", `{"workspace_id":"acme1","contact":{"id":"c5","custom_attributes":{"sourceloop_id":"` + strings.Repeat("v", 10_000) + `"}}}`, "intercom:c5", ""},
		{"a contact of 10 KB", `{"workspace_id":"acme1","contact":{"id":"` + strings.Repeat("c", 10_000) + `"}}`, "", ""},
	} {
		who := people{}
		w := ask(t, &who, "/panel/intercom/initialize", test.body, sign(test.body))
		if w.Code != http.StatusOK || string(who.node) != test.node || who.visitor != test.visitor || test.node != "" && who.workspace != 7 {
			t.Errorf("%s: %d, asked for %q with %q in %d", test.name, w.Code, who.node, who.visitor, who.workspace)
		}
	}
}

// TestBadInput: nothing of what is not signed is read, and nobody is looked up.
func TestBadInput(t *testing.T) {
	deep := strings.Repeat("[", 10_000)
	for _, test := range []struct {
		name, body, signature string
		status                int
	}{
		{"no signature", opened, "", 401},
		{"a wrong signature", opened, sign("another"), 401},
		{"another body's signature", opened + " ", sign(opened), 401},
		{"upper case", opened, strings.ToUpper(sign(opened)), 401},
		{"with a prefix", opened, "sha256=" + sign(opened), 401},
		{"empty", "", sign(""), 400},
		{"no JSON", "{", sign("{"), 400},
		{"no object", "[]", sign("[]"), 400},
		{"no UTF-8", "{\"workspace_id\":\"\xff\"}", sign("{\"workspace_id\":\"\xff\"}"), 400},
		{"ten thousand deep", deep, sign(deep), 400},
		{"no workspace", `{"contact":{"id":"c1"}}`, sign(`{"contact":{"id":"c1"}}`), 400},
		{"a workspace that is a number", `{"workspace_id":7}`, sign(`{"workspace_id":7}`), 400},
		{"too large", strings.Repeat(" ", 1<<20+1), "", 413},
	} {
		who := people{}
		w := ask(t, &who, "/panel/intercom/initialize", test.body, test.signature)
		if w.Code != test.status || who.node != "" {
			t.Errorf("%s: %d %s, asked for %q", test.name, w.Code, w.Body, who.node)
		}
		if strings.Contains(w.Body.String(), "c1") {
			t.Errorf("%s: the answer quotes the request: %s", test.name, w.Body)
		}
	}
	without, err := New(Config{Routes: routes{}, People: &people{}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	without.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/panel/intercom/initialize", strings.NewReader(opened)))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a secret: %d", w.Code)
	}
}

// FuzzRequest: whatever is signed, the answer is a canvas or a refusal.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{opened, `{"workspace_id":"acme1"}`, `{"contact":{"custom_attributes":null}}`, `{"workspace_id":"acme1","conversation":{"contacts":{"contacts":[null]}}}`, "null", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		who := people{person: report.Person{Sessions: visits()}}
		w := ask(t, &who, "/panel/intercom/submit", body, sign(body))
		var c canvas
		switch {
		case w.Code == http.StatusBadRequest || w.Code == http.StatusRequestEntityTooLarge:
		case w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &c) != nil || len(c.Canvas.Content.Components) == 0:
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
		if len(who.visitor) > maxVisitor || len(who.node) > maxVisitor+20 {
			t.Errorf("%q asks for %q with %q", body, who.node, who.visitor)
		}
	})
}
