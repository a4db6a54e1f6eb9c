package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// warehouse is the embedded ClickHouse of a demo, as its own process reaches it.
func (d *demo) warehouse(t testing.TB) chdriver.Conn {
	t.Helper()
	var at struct{ ClickHouse string }
	content, err := readFile(filepath.Join(d.dir, "sourceloop", "engines.json"))
	if err == nil {
		err = json.Unmarshal(content, &at)
	}
	if err != nil {
		t.Fatal(err)
	}
	options, err := driver.ParseDSN(at.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // The server may be gone before.
	return conn
}

// tea is a funnel of two pages, of some weeks ago.
type tea struct {
	*demo
	cup, pot string
	began    time.Time
}

// through gives how many got how far, by visitor and by contact.
func (f tea) through(t testing.TB) string {
	t.Helper()
	said := ""
	for _, scope := range []string{"visitor", "contact"} {
		report := decode[funnelReport](t, "funnel", f.ask(t, http.MethodPost, "/api/v1/funnels/query", map[string]any{
			"steps": []map[string]any{{"type": "pageview", "operator": "equals", "value": f.cup}, {"type": "pageview", "operator": "equals", "value": f.pot}},
			"scope": scope, "order": "sequential", "window": "336h",
			"from": f.began.AddDate(0, 0, -1).Format(time.DateOnly), "to": time.Now().UTC().Format(time.DateOnly),
		}))
		said += fmt.Sprintf("%s %d %d ", scope, report.Steps[0].Entered, report.Steps[1].Entered)
	}
	return said
}

func (f tea) await(t testing.TB, when, want string) {
	t.Helper()
	until(t, "the funnel "+when+" to be "+want, func() (bool, string) {
		got := f.through(t)
		return got == want, got
	})
}

// TestFunnelsKnowLateMergedAndErased: of what some people did weeks ago a copy is made. A hit that comes late, two people who
// become one and one who is erased are in the next answer all the same; without the copy, and with it made anew, it stays.
func TestFunnelsKnowLateMergedAndErased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--connected")
	folder, conn := filepath.Join(dir, "sourceloop"), d.warehouse(t)
	token := randomHex(6)
	f := tea{d, "/cup/" + token, "/pot/" + token, time.Now().UTC().Truncate(24 * time.Hour).Add(-20*24*time.Hour + 12*time.Hour)}
	visit := func(visitor, path string, days int) hit {
		return pageview(visitor, f.began.AddDate(0, 0, days), shop+path+"?utm_source=tea", "")
	}
	laptop, phone, bob, eve, dan := newVisitor(), newVisitor(), newVisitor(), newVisitor(), newVisitor()
	d.collect(t, visit(laptop, f.cup, 0), visit(phone, f.pot, 1), visit(bob, f.cup, 0), visit(bob, f.pot, 2), visit(eve, f.cup, 1), visit(eve, f.pot, 2), visit(dan, f.cup, 0))
	ann, erased := newEmail("ann"), newEmail("eve")
	people := map[string]chatAnswer{}
	for email, visitor := range map[string]string{ann: laptop, newEmail("phone"): phone, newEmail("bob"): bob, erased: eve, newEmail("dan"): dan} {
		people[visitor] = d.chat(t, map[string]any{"at": f.began.AddDate(0, 0, 3).UnixMilli(), "email": email, "message": "hello", "sourceloop_id": visitor})
		d.awaitContact(t, email, converted)
	}
	count := func(what string, args ...any) (n uint64) {
		t.Helper()
		if err := conn.QueryRow(within(t), "SELECT count() FROM journeys WHERE item != 0"+what, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// copied makes the copy anew, as if what was written before had been so for long.
	copied := func() {
		t.Helper()
		if err := conn.Exec(within(t), "TRUNCATE TABLE journey_changes"); err != nil {
			t.Fatal(err)
		}
		command(t, "rebuild", "--data", folder, "--journeys")
	}
	const both = "visitor %d %d contact %d %d "
	f.await(t, "before a copy", fmt.Sprintf(both, 4, 2, 4, 2))
	copied()
	if n := count(""); n != 7 {
		t.Errorf("%d of 7 page views were copied", n)
	}
	equal(t, "the funnel with a copy", f.through(t), fmt.Sprintf(both, 4, 2, 4, 2))
	if err := conn.Exec(within(t), "DELETE FROM journeys WHERE visitor = sipHash64($1)", dan); err != nil {
		t.Fatal(err)
	}
	equal(t, "the funnel with a copy that lacks somebody", f.through(t), fmt.Sprintf(both, 3, 2, 3, 2))
	copied()
	equal(t, "the funnel with a new copy", f.through(t), fmt.Sprintf(both, 4, 2, 4, 2))

	d.collect(t, visit(dan, f.pot, 3))
	command(t, "rebuild", "--data", folder, "--late")
	f.await(t, "after a late hit", fmt.Sprintf(both, 4, 3, 4, 3))
	d.operate(t, "contact", map[string]any{"contact_id": people[phone].ContactID, "email": ann})
	f.await(t, "after a merge", fmt.Sprintf(both, 4, 3, 4, 4))
	command(t, "erase", "--data", folder, "--workspace", "1", "--email", erased)
	equal(t, "the funnel after an erasure", f.through(t), fmt.Sprintf(both, 3, 2, 3, 3))
	if n := count(" AND visitor = sipHash64($1)", eve); n != 0 {
		t.Errorf("%d rows of the erased are left", n)
	}

	copied()
	if n := count(" AND build = (SELECT max(build) FROM journeys)"); n != 6 {
		t.Errorf("%d of 6 page views are in the newest copy", n)
	}
	equal(t, "the funnel with another copy", f.through(t), fmt.Sprintf(both, 3, 2, 3, 3))
	if err := conn.Exec(within(t), "TRUNCATE TABLE journeys"); err != nil {
		t.Fatal(err)
	}
	equal(t, "the funnel without a copy", f.through(t), fmt.Sprintf(both, 3, 2, 3, 3))
	copied()
	equal(t, "the funnel with a copy made anew", f.through(t), fmt.Sprintf(both, 3, 2, 3, 3))
}
