package e2e

import (
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// command runs one command to its end and gives what it printed.
func command(t testing.TB, arguments ...string) string {
	t.Helper()
	p := start(t, arguments...)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		t.Fatalf("%s does not end:\n%s", strings.Join(arguments, " "), p.stderr)
	}
	if p.err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), p.err, p.stderr)
	}
	return p.stdout.String()
}

// TestAnErasedPersonStaysErased: two people use one browser, one after the
// other, and each has another browser. One is erased, on the command line;
// everything is rebuilt, and Redis and the process are lost. What is left is
// the other one, unchanged.
func TestAnErasedPersonStaysErased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--connected")
	w := newThreeDays()
	eve, ann := newEmail("Eve"), newEmail("Ann")
	shared, own := newVisitor(), newVisitor()
	identify := func(visitor string, at time.Time, email string) hit {
		h := pageview(visitor, at, shop+"/account", "")
		h["type"], h["traits"] = "identify", map[string]string{"email": email}
		return h
	}
	first, second := pageview(shared, w.second, shop+"/ann-shared?utm_source=ann", ""), identify(shared, w.second, ann)
	if first["id"].(string) > second["id"].(string) {
		first["id"], second["id"] = second["id"], first["id"]
	}
	d.collect(t, pageview(own, w.first, shop+"/eve-alone?utm_source=eve", ""), identify(own, w.first.Add(time.Minute), eve),
		pageview(shared, w.first.Add(time.Hour), shop+"/eve-shared?utm_source=eve", ""), identify(shared, w.first.Add(61*time.Minute), eve),
		// What happened before she was known here would be the other one's.
		first, second)
	d.chat(t, map[string]any{"id": "eve", "at": w.first.Add(2 * time.Minute).UnixMilli(), "email": eve, "name": "Eve", "message": "hello", "sourceloop_id": own})
	d.chat(t, map[string]any{"id": "ann", "at": w.second.Add(2 * time.Minute).UnixMilli(), "email": ann, "name": "Ann", "message": "hello", "sourceloop_id": shared})
	gone := d.awaitContact(t, eve, func(c contact) bool { return converted(c) && c.LastTouch.Source == "eve" })
	before := d.awaitContact(t, ann, func(c contact) bool { // The browser must be known to have been two people's.
		return converted(c) && c.LastTouch.Source == "ann" && c.FirstTouch.Source == "ann" && c.CreatedAt.Before(w.second.Add(time.Minute))
	})
	d.awaitSessions(t, shop+"/eve-shared?utm_source=eve", 1, w.days)

	folder := filepath.Join(dir, "sourceloop")
	receipt := command(t, "erase", "--data", folder, "--workspace", "1", "--email", " "+strings.ToUpper(eve)+" ")
	if !strings.Contains(receipt, "4 hits in 2 browsers") || !strings.Contains(receipt, "Kafka") {
		t.Errorf("the receipt says:\n%s", receipt)
	}
	check := func(when string) {
		t.Helper()
		d.awaitSessions(t, shop+"/ann-shared?utm_source=ann", 1, w.days)
		got := get[attribution](t, d.account, "/api/v1/attribution?dimension=source"+w.days)
		if row := got.row("eve"); row.Sessions != 0 || row.Conversions != 0 {
			t.Errorf("%s, reports still count %+v", when, row)
		}
		if list := d.search(t, eve); len(list) != 0 {
			t.Errorf("%s, the person is found: %+v", when, list)
		}
		if r := d.ask(t, http.MethodGet, "/api/v1/contacts/"+gone.ID, nil); r.status != http.StatusNotFound {
			t.Errorf("%s, the contact answers %d %s", when, r.status, r.body)
		}
		after := d.awaitContact(t, ann, converted)
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s, the other person is\n%+v, was\n%+v", when, after, before)
		}
		sessions := get[journey](t, d.account, "/api/v1/contacts/"+before.ID+"/journey").Sessions
		if len(sessions) != 1 || sessions[0].Visitor != shared {
			t.Errorf("%s, the other person's sessions are %s", when, text(t, sessions))
		}
	}
	check("after the erasure")
	command(t, "rebuild", "--data", folder, "--workspace", "1")
	check("after a rebuild")
	d.kill() // Redis is gone with the process.
	d = startDemo(t, dir, "--connected")
	check("after a loss")
	command(t, "rebuild", "--data", folder)
	check("after a loss and a rebuild")

	d.collect(t, pageview(own, w.third, shop+"/back?utm_source=back", ""))
	d.awaitSessions(t, shop+"/back?utm_source=back", 1, w.days)
}
