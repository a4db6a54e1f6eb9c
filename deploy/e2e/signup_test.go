package e2e

import (
	"strings"
	"testing"
)

func TestSignUpByTheOneTimeLinkInABrowser(t *testing.T) {
	b := openBrowser(t, chromeOnLinux)
	s := startServe(t)
	w := b.person(t)
	w.open(s.link)
	w.see(id("sign-up"))
	w.fill(id("email"), "first@example.com")
	w.fill(id("password"), "a sentence of the first")
	w.fill(id("workspace-name"), "Fjellheim")
	w.choose(id("zone"), "Europe/Oslo")
	w.choose(id("currency"), "EUR")
	w.shot("sign-up")
	w.click(id("submit"))
	w.see(id("snippet"))
	equal(t, "the workspace in the frame", w.text(id("workspace")), "Fjellheim")
	equal(t, "the page after signing up", w.eval("location.pathname"), "/setup/tracking-code")
	w.shot("tracking-code-new")

	// No Intercom app was configured, which the operator is told at once and a
	// member when it matters.
	if s.stderr.line("SOURCELOOP_INTERCOM_CLIENT_ID") == "" {
		t.Errorf("the operator is not told how to make Intercom connectable:\n%s", s.stderr)
	}
	w.click(id("nav-setup-chat"))
	w.see(id("connection-intercom"))
	if said := w.text(id("connection-intercom")); !strings.Contains(said, "SOURCELOOP_INTERCOM_CLIENT_ID") {
		t.Errorf("the card says %q", said)
	}
	w.shot("chat-without-app")

	w.open(s.link)
	w.see(id("sign-up"))
	w.fill(id("email"), "second@example.com")
	w.fill(id("password"), "a sentence of the second")
	w.fill(id("workspace-name"), "Second")
	w.click(id("submit"))
	w.see(id("problem"))
	w.shot("sign-up-again")

	if err := s.terminate(t); err != nil {
		t.Errorf("on SIGTERM serve ended with %v", err)
	}
	again := start(t, "serve", "--listen", "127.0.0.1:0", "--data", s.dir, "--no-sync")
	t.Cleanup(again.kill)
	again.showOnFailure(t)
	until(t, "the start after the sign-up", func() (bool, string) {
		return again.stderr.line("msg=ready") != "", again.stderr.String()
	})
	if again.stdout.size() > 0 {
		t.Errorf("there is an Owner, and yet serve prints %s", again.stdout)
	}
}
