package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBIToolReadsItsWorkspace: an operator lets somebody read a workspace with a BI tool; after the next start they sign in to
// the embedded ClickHouse and see in the views what happened, and nothing but the views.
func TestBIToolReadsItsWorkspace(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "sourceloop")
	password := strings.TrimSpace(command(t, "bi", "add", "looker", "--workspace", "1", "--data", data))
	if list := command(t, "bi", "list", "--data", data); !strings.Contains(list, "looker\tworkspace 1") || strings.Contains(list, "contact_details") {
		t.Fatalf("the BI users are %q", list)
	}
	d := startDemo(t, dir, "--connected")
	visitor, email, source := newVisitor(), newEmail("bi"), "bi"+randomHex(4)
	began := time.Now().Add(-time.Hour)
	d.collect(t, pageview(visitor, began, shop+"/?utm_medium=cpc&utm_source="+source, ""))
	d.chat(t, map[string]any{"at": began.Add(time.Minute).UnixMilli(), "email": email, "message": "Hello", "sourceloop_id": visitor})
	d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == source })

	var at struct{ BI string }
	text, err := readFile(filepath.Join(data, "engines.json"))
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	if err != nil || at.BI == "" {
		t.Fatalf("the engines are at %s, %v", text, err)
	}
	ask := func(question string) (string, bool) {
		r, err := http.NewRequestWithContext(within(t), http.MethodPost, at.BI+"/?"+url.Values{"max_execution_time": {"60"}}.Encode(), strings.NewReader(question))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("looker", password)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		answer, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(answer)), w.StatusCode == http.StatusOK
	}
	for question, want := range map[string]string{
		"SELECT count(), any(last_source) FROM contacts":                                                  "1\t" + source,
		"SELECT count(), any(source) FROM bi.conversations":                                               "1\t" + source,
		"SELECT sum(conversions) FROM channel_daily WHERE source = '" + source + "'":                      "1",
		"SELECT groupUniqArray(workspace) FROM sessions":                                                  "[1]",
		"SELECT count() FROM system.tables WHERE database = 'bi' AND comment != ''":                       "7",
		"SELECT count() FROM information_schema.tables WHERE table_schema = 'bi' AND table_comment != ''": "7",
	} {
		if got, ok := ask(question); !ok || got != want {
			t.Errorf("%s gives %q, want %q", question, got, want)
		}
	}
	for _, question := range []string{"SELECT * FROM sourceloop.contacts", "SELECT * FROM bi.contact_details", "DROP VIEW bi.contacts"} {
		if got, ok := ask(question); ok {
			t.Errorf("%s gives %s", question, got)
		}
	}
	if script := command(t, "bi", "add", "looker", "--workspace", "7", "--print"); strings.Count(script, "ROW POLICY") != 7 || strings.Count(script, "workspace = 7") != 7 {
		t.Errorf("for a server these are to be run: %s", script)
	}
	command(t, "bi", "remove", "looker", "--data", data)
	if list := command(t, "bi", "list", "--data", data); list != "" {
		t.Errorf("the BI users are %q", list)
	}
}
