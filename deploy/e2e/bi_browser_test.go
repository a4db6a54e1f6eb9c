package e2e

import (
	"net"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// TestBIAccessOnTheScreen: an Owner adds a BI user on the screen; after the next start a client reads the views with the
// password that was shown, and of them its own workspace's rows.
func TestBIAccessOnTheScreen(t *testing.T) {
	w := openBrowser(t, chromeOnLinux).person(t)
	s := startServe(t)
	s.signUp(t, tokenOf(t, s.link), "one").live(t, "one", newVisitor())
	w.do(desk())
	w.open(s.url + "/settings/bi-access")
	w.fill(id("email"), "one@example.com")
	w.fill(id("password"), "a sentence of one")
	w.click(id("submit"))
	w.see(id("no-bi-users"))
	w.fill(id("bi-name"), "looker")
	w.click(id("add-bi-user"))
	password := w.text(id("bi-password"))
	user := id("bi-users") + ` [data-login="w1_looker"]`
	w.see(user + `[data-state="from_next_start"]`)
	w.shot("bi-access-added")

	s = s.again(t)
	s.signUp(t, tokenOf(t, s.link), "two").live(t, "two", newVisitor())
	w.open(s.url + "/settings/bi-access")
	w.see(user + `[data-state="reads"]`)
	if w.eval(`String(document.querySelectorAll('`+id("bi-password")+`').length)`) != "0" {
		t.Error("the password is shown again")
	}
	said := func(name string) string { return w.text(id("bi-connection") + ` [data-field="` + name + `"]`) }
	options := driver.Options{
		Protocol: driver.HTTP, Addr: []string{net.JoinHostPort(said("Host"), said("Port"))},
		Auth: driver.Auth{Database: said("Database"), Username: said("User"), Password: password},
	}
	readsOne(t, &options)
	w.do(phone())
	w.shot("bi-access-phone")

	w.do(desk())
	w.click(user + " " + id("remove-bi-user"))
	w.click(id("ask-confirm"))
	w.see(id("bi-removed"))
	w.see(user + `[data-state="until_next_start"]`)
	s = s.again(t)
	w.open(s.url + "/settings/bi-access")
	w.see(id("no-bi-users"))
	// The engine has another port now.
	options.Addr = []string{net.JoinHostPort(said("Host"), said("Port"))}
	if _, err := asked(t, &options, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "Authentication failed") {
		t.Errorf("removed, the user signs in: %v", err)
	}
}

// readsOne asks as the user of workspace one.
func readsOne(t *testing.T, options *driver.Options) {
	t.Helper()
	for question, want := range map[string]string{
		"SELECT toString(groupUniqArray((workspace, source))) FROM sessions":             "[(1,'source-one')]",
		"SELECT toString(groupUniqArray((workspace, last_source))) FROM contacts":        "[(1,'source-one')]",
		"SELECT toString(countIf(workspace != 1)) FROM conversions":                      "0",
		"SELECT toString(count()) FROM system.tables WHERE database = currentDatabase()": "7",
	} {
		if got, err := asked(t, options, question); err != nil || got != want {
			t.Errorf("%s gives %q, want %q; %v", question, got, want, err)
		}
	}
	for _, question := range []string{"SELECT toString(count()) FROM sourceloop.sessions", "SELECT toString(count()) FROM bi.contact_details"} {
		if got, err := asked(t, options, question); err == nil {
			t.Errorf("%s gives %q", question, got)
		}
	}
}

// asked is the one text that a question has for an answer.
func asked(t *testing.T, options *driver.Options, question string) (answer string, err error) {
	t.Helper()
	conn, err := driver.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = conn.QueryRow(within(t), question).Scan(&answer)
	return answer, err
}
