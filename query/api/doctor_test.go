package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/doctor"
	"sourceloop/control/doctor/examine"
	"sourceloop/query/api"
	"sourceloop/schema"
)

// examiner is a doctor on the world's settings, to whom nobody else answers.
func examiner(store *control.Store) *examine.Examiner {
	return &examine.Examiner{
		Settings: store, Tokens: store, Log: silence{}, Pages: silence{}, Vendors: map[string]examine.Vendor{"intercom": silence{}},
		PublicURL: "https://loop.example", Now: today,
	}
}

// silence knows nothing of anything, but which page it was asked to look at.
type silence struct{}

func (silence) Hosts(context.Context, *schema.Workspace, schema.Millis) ([]doctor.Host, error) {
	return []doctor.Host{{Host: "a.example", Page: "https://a.example/pricing?utm_source=x#top", Last: schema.MillisOf(today().Add(-time.Minute))}}, nil
}

func (silence) Chats(context.Context, *schema.Workspace, string, []string) (map[string]bool, error) {
	return map[string]bool{}, nil
}

func (silence) Look(_ context.Context, address string) doctor.Page {
	return doctor.Page{URL: address, Problem: "it was not looked at"}
}

func (silence) Ask(context.Context, control.Connection, string) doctor.Vendor {
	return doctor.Vendor{At: schema.MillisOf(today()), Identity: doctor.Denied}
}

func TestTheDoctorAnswers(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	if a := c.ask("POST", "/api/v1/connections/intercom/doctor", nil); a.status != 404 {
		t.Errorf("without a connection: %d %s", a.status, a.body)
	}
	w.connect(t, w.ann)
	var d api.Diagnosis
	c.want(200, "POST", "/api/v1/connections/intercom/doctor", nil).into(t, &d)
	if d.Cause != "token" || !strings.Contains(d.Headline, "does not accept the token") || len(d.Findings) != 15 || d.Page != "" {
		t.Errorf("%+v", d)
	}
	if d.SuggestedPage != "https://a.example/pricing" {
		t.Errorf("it suggests %q", d.SuggestedPage)
	}
	first, tracker := d.Findings[0], d.Findings[3]
	if first.State != "failed" || first.Fix == "" || first.Means == "" || first.AsOf == nil {
		t.Errorf("the first finding is %+v", first)
	}
	if tracker.State != "ok" || !strings.Contains(tracker.Text, "1 minute ago") {
		t.Errorf("the tracker's is %+v", tracker)
	}
	c.want(200, "POST", "/api/v1/connections/intercom/doctor", map[string]string{"page": "a.example/contact?x=1"}).into(t, &d)
	if d.Page != "https://a.example/contact" {
		t.Errorf("it looked at %q", d.Page)
	}
	for _, page := range []string{"javascript:alert(1)", "file:///etc/passwd", "ftp://a.example/", "https://user:secret@a.example/", "https://", "http://[::1"} {
		if a := c.ask("POST", "/api/v1/connections/intercom/doctor", map[string]string{"page": page}); a.status != 400 {
			t.Errorf("%s: %d %s", page, a.status, a.body)
		}
	}
}
