package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// server is a running "serve" with nothing configured.
type server struct {
	*process
	dir, url, link string
}

// startServe starts "serve" on a free port and waits for its one-time link.
func startServe(t *testing.T) *server {
	t.Helper()
	return serve(t, filepath.Join(t.TempDir(), "data"), "127.0.0.1:0")
}

func serve(t *testing.T, dir, listen string, more ...string) *server {
	t.Helper()
	s := &server{dir: dir}
	s.process = start(t, append([]string{"serve", "--listen", listen, "--data", dir, "--no-sync"}, more...)...)
	t.Cleanup(s.kill)
	s.showOnFailure(t)
	until(t, "the one-time link", func() (bool, string) {
		select {
		case <-s.ended:
			t.Fatalf("serve ended by itself: %v\n%s", s.err, s.stderr)
		default:
		}
		s.link = s.stdout.line("/sign-up?token=")
		return s.link != "", s.stdout.String()
	})
	s.url, _, _ = strings.Cut(s.link, "/sign-up")
	until(t, "readiness", func() (bool, string) {
		r, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		return r.StatusCode == http.StatusOK, errorOf(r.Body.Close())
	})
	return s
}

func errorOf(err error) string {
	if err != nil {
		return err.Error()
	}
	return "not ready"
}

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

// signUp uses a one-time link as the page does, and makes an API key.
func (s *server) signUp(t *testing.T, token, name string) *account {
	t.Helper()
	r := send(t, http.MethodPost, s.url+"/api/v1/sign-up", map[string]any{
		"token": token, "email": name + "@example.com", "password": "a sentence of " + name, "workspace": name, "zone": "UTC", "currency": "EUR",
	}, "Origin", s.url)
	made := decode[struct {
		Workspace struct {
			SiteKey string `json:"site_key"`
		}
		Role string
	}](t, "sign-up", r)
	equal(t, "role of who signs up", made.Role, "owner")
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	r = send(t, http.MethodPost, s.url+"/api/v1/keys", map[string]any{"name": "test", "role": "owner"}, "Cookie", cookie, "Origin", s.url)
	key := decode[struct{ Secret string }](t, "key", r)
	return &account{url: s.url, key: key.Secret, siteKey: made.Workspace.SiteKey}
}

// again stops the server and starts it on the same folder and address, asked
// for another one-time link.
func (s *server) again(t *testing.T) *server {
	t.Helper()
	if err := s.terminate(t); err != nil {
		t.Fatal(err)
	}
	return serve(t, s.dir, strings.TrimPrefix(s.url, "http://"), "--sign-up-link")
}

func TestWorkspacesNeverSeeEachOther(t *testing.T) {
	s := startServe(t)
	token := tokenOf(t, s.link)
	one := s.signUp(t, token, "one")
	again := send(t, http.MethodPost, s.url+"/api/v1/sign-up", map[string]any{
		"token": token, "email": "third@example.com", "password": "a sentence of third", "workspace": "third", "zone": "UTC", "currency": "EUR",
	}, "Origin", s.url)
	equal(t, "the link a second time", again.status, http.StatusGone)
	s = s.again(t)
	two := s.signUp(t, tokenOf(t, s.link), "two")

	// The same visitor id and the same conversion id in both, so that nothing
	// but the workspace tells them apart.
	visitor := newVisitor()
	for name, a := range map[string]*account{"one": one, "two": two} {
		a.live(t, name, visitor)
	}
	mine, theirs := one.whole(t, "one"), two.whole(t, "two")
	for _, c := range mine.contacts {
		if strings.Contains(text(t, c), "two") {
			t.Errorf("workspace one sees %+v", c)
		}
	}
	for path, answer := range mine.answers {
		if strings.Contains(answer, "two.example") || strings.Contains(answer, "source-two") || strings.Contains(answer, "goal_two") {
			t.Errorf("workspace one sees of two at %s: %s", path, answer)
		}
	}
	for path, answer := range theirs.answers {
		if strings.Contains(answer, "one.example") || strings.Contains(answer, "source-one") || strings.Contains(answer, "goal_one") {
			t.Errorf("workspace two sees of one at %s: %s", path, answer)
		}
	}
	checkStrangers(t, one, two, mine)
	checkStrangers(t, two, one, theirs)
}

// live is a visit, an identification and a conversion in a workspace.
func (a *account) live(t *testing.T, name, visitor string) {
	t.Helper()
	at := time.Now().Add(-time.Minute)
	known := hit{
		"id": newHitID(at.Add(time.Second)), "visitor": visitor, "at": at.Add(time.Second).UnixMilli(), "type": "identify",
		"url": "https://" + name + ".example/", "traits": map[string]any{"email": "person@" + name + ".example", "name": "Person " + name},
	}
	a.collect(t, pageview(visitor, at, "https://"+name+".example/?utm_source=source-"+name+"&utm_medium=email", ""), known)
	r := a.ask(t, http.MethodPost, "/api/v1/conversions", map[string]any{
		"id": "order-1", "name": "goal_" + name, "at": time.Now().UTC().Format(time.RFC3339Nano), "visitor": visitor, "value": 10,
	})
	equal(t, "conversion", r.status, http.StatusAccepted)
	a.conversion = decode[struct{ ID string }](t, "conversion", r).ID
	a.awaitContact(t, "person@", func(c contact) bool { return c.ConvertedAt != nil && c.LastTouch.Source == "source-"+name })
	a.awaitAttribution(t, "/api/v1/attribution?dimension=source", "source-"+name, 1)
	saved := a.ask(t, http.MethodPost, "/api/v1/funnels", map[string]any{"name": "Funnel " + name + ".example", "definition": map[string]any{
		"steps": []map[string]any{{"type": "pageview", "operator": "starts_with", "value": "/"}, {"type": "conversion", "name": "goal_" + name}},
	}})
	equal(t, "saving a funnel", saved.status, http.StatusCreated)
	// Paused, so that nothing is sent to a stranger.
	hook := decode[webhookMade](t, "webhook", a.ask(t, http.MethodPost, "/api/v1/webhooks", map[string]any{
		"name": "Webhook " + name + ".example", "url": "https://93.184.215.14/" + name + ".example", "events": []string{"lead.created"},
	}))
	paused := a.ask(t, http.MethodPost, "/api/v1/webhooks/"+hook.Webhook.ID+"/pause", map[string]any{"paused": true})
	equal(t, "pausing a webhook", paused.status, http.StatusOK)
}

// view is what a workspace sees of itself.
type view struct {
	contacts      []contact
	funnels, keys []string
	webhooks      []string
	answers       map[string]string // by path
	siteKey       string
}

// whole asks everything that can be asked without an id.
func (a *account) whole(t *testing.T, name string) view {
	t.Helper()
	type ids struct{ Items []struct{ ID string } }
	v := view{contacts: get[contactList](t, a, "/api/v1/contacts").Items, answers: map[string]string{}, siteKey: a.siteKey}
	for _, item := range get[ids](t, a, "/api/v1/funnels").Items {
		v.funnels = append(v.funnels, item.ID)
	}
	for _, item := range get[ids](t, a, "/api/v1/keys").Items {
		v.keys = append(v.keys, item.ID)
	}
	for _, item := range get[ids](t, a, "/api/v1/webhooks").Items {
		v.webhooks = append(v.webhooks, item.ID)
	}
	for path := range a.routes(t) {
		if !strings.Contains(path, "{") && path != "/api/v1/sign-in" {
			v.answers[path] = string(a.ask(t, http.MethodGet, path, nil).body)
		}
	}
	for _, dimension := range []string{"channel", "source", "medium", "campaign", "landing_page", "referrer", "device", "country", "browser"} {
		path := "/api/v1/attribution?dimension=" + dimension
		v.answers[path] = string(a.ask(t, http.MethodGet, path, nil).body)
	}
	for _, goal := range []string{"goal_one", "goal_two"} {
		r := a.ask(t, http.MethodGet, "/api/v1/attribution?conversion="+goal, nil)
		equal(t, name+": conversions of "+goal, decode[attribution](t, goal, r).Total, map[bool]float64{true: 1}[goal == "goal_"+name])
	}
	equal(t, name+": contacts", len(v.contacts), 1)
	equal(t, name+": total", get[attribution](t, a, "/api/v1/attribution").Total, 1)
	for _, scope := range []string{"visitor", "session", "contact"} {
		report := decode[funnelReport](t, "funnel", a.ask(t, http.MethodPost, "/api/v1/funnels/query", map[string]any{
			"scope": scope, "breakdown": "landing_page", "steps": []map[string]any{
				{"type": "pageview", "operator": "starts_with", "value": "/"}, {"type": "pageview", "operator": "contains", "value": "example"},
			},
		}))
		equal(t, name+": funnel by "+scope, report.Steps[0].Entered, 1)
		v.answers["funnel by "+scope] = text(t, report)
	}
	return v
}

// routes are the paths of the API's document that can be read.
func (a *account) routes(t *testing.T) map[string]bool {
	t.Helper()
	paths, path := map[string]bool{}, ""
	for line := range strings.Lines(string(send(t, http.MethodGet, a.url+"/api/v1/openapi.yaml", nil).body)) {
		if rest, ok := strings.CutPrefix(line, "  /api/"); ok {
			path = "/api/" + strings.TrimSuffix(strings.TrimSpace(rest), ":")
		}
		if path != "" && strings.HasPrefix(line, "    get:") {
			paths[path] = true
		}
	}
	if len(paths) < 10 {
		t.Fatalf("the API's document has only the paths %v", paths)
	}
	return paths
}

// checkStrangers asks for everything that has an id with the other's key.
func checkStrangers(t *testing.T, owner, other *account, own view) {
	t.Helper()
	ids := map[string]string{
		"/api/v1/contacts/{id}": own.contacts[0].ID, "/api/v1/contacts/{id}/journey": own.contacts[0].ID,
		"/api/v1/contacts/{id}/merges": own.contacts[0].ID, "/api/v1/funnels/{id}": own.funnels[0],
		"/api/v1/webhooks/{id}/deliveries": own.webhooks[0], "/api/v1/conversions/{id}/credits": owner.conversion,
	}
	// What is only there with an advertising platform is tried in query/api.
	beyond := []string{"/api/v1/ads/{platform}/targets", "/api/v1/destinations/{id}", "/api/v1/pushes/{id}"}
	for path := range owner.routes(t) {
		if !strings.Contains(path, "{") || slices.Contains(beyond, path) {
			continue
		}
		id, known := ids[path]
		if !known {
			t.Errorf("this test knows no id for %s", path)
			continue
		}
		path = strings.Replace(path, "{id}", id, 1)
		equal(t, "own "+path, owner.ask(t, http.MethodGet, path, nil).status, http.StatusOK)
		r := other.ask(t, http.MethodGet, path, nil)
		if r.status != http.StatusNotFound {
			t.Errorf("%s with the other's key: %d %s", path, r.status, r.body)
		}
	}
	for _, change := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPatch, "/api/v1/contacts/" + own.contacts[0].ID, map[string]any{"stage": "Lost"}},
		{http.MethodDelete, "/api/v1/funnels/" + own.funnels[0], nil},
		{http.MethodDelete, "/api/v1/keys/" + own.keys[0], nil},
		{http.MethodDelete, "/api/v1/webhooks/" + own.webhooks[0], nil},
		{http.MethodPost, "/api/v1/webhooks/" + own.webhooks[0] + "/test", nil},
	} {
		if r := other.ask(t, change.method, change.path, change.body); r.status != http.StatusNotFound {
			t.Errorf("%s %s with the other's key: %d %s", change.method, change.path, r.status, r.body)
		}
	}
	for name, key := range map[string]string{"no key": "", "a made-up key": "slk_" + randomHex(48), "the site key": own.siteKey} {
		stranger := &account{url: owner.url, key: key}
		for path := range owner.routes(t) {
			path = strings.Replace(path, "{id}", own.contacts[0].ID, 1)
			if r := stranger.ask(t, http.MethodGet, path, nil); r.status != http.StatusUnauthorized {
				t.Errorf("%s with %s: %s", path, name, fmt.Sprint(r.status, string(r.body)))
			}
		}
	}
}
