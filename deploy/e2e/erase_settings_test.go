package e2e

import (
	"testing"
	"time"
)

// TestAPersonIsErasedInTheSettings: an Admin types an email, confirms, and reads
// the receipt; the person is nowhere, and may come back as somebody new.
func TestAPersonIsErasedInTheSettings(t *testing.T) {
	d := connected(t)
	email, visitor := newEmail("erased"), newVisitor()
	d.collect(t, pageview(visitor, time.Now().Add(-time.Hour), shop+"/?utm_source=erased", ""))
	d.chat(t, map[string]any{"email": email, "message": "Forget me", "sourceloop_id": visitor})
	was := d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == "erased" })

	w := openBrowser(t, chromeOnLinux).person(t)
	w.signIn(d)
	w.open(d.url + "/settings")
	w.fill(id("erase-who"), email)
	w.click(id("erase"))
	w.see(id("erase-dialog"))
	w.click(id("erase-now"))
	w.see(id("receipt"))
	w.click(id("receipt") + " summary")
	w.shot("erasure")
	until(t, "the person to be nowhere", func() (bool, string) {
		list := d.search(t, email)
		return len(list) == 0, text(t, list)
	})
	d.chat(t, map[string]any{"email": email, "message": "Here again"})
	again := d.awaitContact(t, email, converted)
	equal(t, "the conversations of who came back", len(again.Conversations), 1)
	equal(t, "the touch of who came back", again.FirstTouch.Channel, "Direct")
	if !again.CreatedAt.After(was.CreatedAt) {
		t.Errorf("who came back is known since %s", again.CreatedAt)
	}
}
