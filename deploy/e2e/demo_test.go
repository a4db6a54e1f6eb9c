package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDemoIsTheSameAtEveryStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	first := startDemo(t, dir)
	for name, value := range first.raw {
		if value == "" {
			t.Errorf("%s is empty in demo.json", name)
		}
	}
	first.checkEmpty(t)
	first.checkOneChild(t)
	first.stopCleanly(t)

	if err := os.Remove(filepath.Join(dir, "demo.json")); err != nil {
		t.Fatal(err)
	}
	second := startDemo(t, dir)
	if !reflect.DeepEqual(second.raw, first.raw) {
		t.Errorf("with demo.json deleted it is %v, not %v", second.raw, first.raw)
	}
	second.kill()

	foreign(t, dir)
	third := startDemo(t, dir, "--connected")
	if !reflect.DeepEqual(third.raw, first.raw) {
		t.Errorf("with foreign files in the folder it is %v, not %v", third.raw, first.raw)
	}
	equal(t, "the card at --connected", third.card(t).State, "connected")
	third.checkOneChild(t)
	third.stopCleanly(t)
}

// foreign leaves files of somebody else's in a folder, a truncated one of a
// former start among them.
func foreign(t *testing.T, dir string) {
	t.Helper()
	for name, content := range map[string]string{
		"notes.txt": "mine", "demo.json.123": `{"url": "htt`, "standin/README": "mine", "sourceloop/.DS_Store": "mine", "demo.json": `{"url": "`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// card is Intercom's on Setup → Chat.
func (a *account) card(t testing.TB) card {
	t.Helper()
	for _, c := range get[struct{ Items []card }](t, a, "/api/v1/connections").Items {
		if c.Provider == "intercom" {
			return c
		}
	}
	t.Fatal("there is no card of Intercom")
	return card{}
}

func (d *demo) checkEmpty(t *testing.T) {
	t.Helper()
	equal(t, "contacts of a new demo", len(get[contactList](t, d.account, "/api/v1/contacts").Items), 0)
	equal(t, "the card of a new demo", d.card(t).State, "disconnected")
	session := get[struct {
		Workspace struct{ Zone, Currency string }
		Role      string
	}](t, d.account, "/api/v1/session")
	equal(t, "zone", session.Workspace.Zone, "UTC")
	equal(t, "currency", session.Workspace.Currency, "USD")
	for name, address := range map[string]string{
		"dashboard": d.file.URL + "/contacts", "site": d.file.SiteURL + "/", "stand-in": d.file.IntercomURL + "/standin/accepted",
		"HubSpot": d.file.HubSpotURL + "/standin/accepted", "Google": d.file.GoogleURL + "/standin/accepted",
		"Meta": d.file.MetaURL + "/standin/accepted", "LinkedIn": d.file.LinkedInURL + "/standin/accepted",
		"health": d.file.URL + "/healthz", "readiness": d.file.URL + "/readyz", "metrics": d.file.URL + "/metrics", "API": d.file.URL + "/api/v1/openapi.yaml",
	} {
		equal(t, name, send(t, http.MethodGet, address, nil).status, http.StatusOK)
	}
	for _, address := range []string{d.file.URL, d.file.SiteURL, d.file.IntercomURL, d.file.HubSpotURL, d.file.GoogleURL, d.file.MetaURL, d.file.LinkedInURL, d.file.OwnerPassword} {
		if !strings.Contains(d.stdout.String(), address) {
			t.Errorf("%s is not printed:\n%s", address, d.stdout)
		}
	}
}

func (d *demo) checkOneChild(t *testing.T) {
	t.Helper()
	if children := d.descendants(t); len(children) != 1 {
		t.Errorf("the demo has the processes %v below itself, not only ClickHouse", children)
	}
}

// stopCleanly asks the demo to stop; nothing of it may be left.
func (d *demo) stopCleanly(t *testing.T) {
	t.Helper()
	children := d.descendants(t)
	if err := d.terminate(t); err != nil {
		t.Errorf("on SIGTERM the demo ended with %v", err)
	}
	for _, pid := range children {
		if alive(pid) {
			t.Errorf("the child %d is still there", pid)
		}
	}
	if line := d.stderr.line("level=ERROR"); line != "" {
		t.Errorf("logged: %s", line)
	}
}

func TestASecondDemoOnTheFolderIsToldSo(t *testing.T) {
	d := connected(t)
	second := launchDemo(t, d.dir)
	t.Cleanup(second.kill)
	<-second.ended
	if second.err == nil || !strings.Contains(second.stderr.String(), d.dir) {
		t.Errorf("the second start says %v, %s", second.err, second.stderr)
	}
	equal(t, "readiness of the first", send(t, http.MethodGet, d.url+"/readyz", nil).status, http.StatusOK)
}
