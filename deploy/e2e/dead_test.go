package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDeadLettersOfARunningProcess lists and shows, beside a process that
// embeds its Kafka, what its collector set aside.
func TestDeadLettersOfARunningProcess(t *testing.T) {
	d := connected(t)
	page := shop + "/dead-" + randomHex(6)
	future := pageview(newVisitor(), time.Now(), page, "")
	future["at"] = time.Now().Add(48 * time.Hour).UnixMilli()
	r := send(t, http.MethodPost, d.url+"/sl/hits?key="+d.siteKey, text(t, future), "Content-Type", "text/plain")
	equal(t, "status", r.status, http.StatusBadRequest)

	data := filepath.Join(d.dir, "sourceloop")
	id := ""
	for line := range strings.Lines(dead(t, 0, "list", "--data", data, "--json", "--stage", "collect", "--reason", "bad_time")) {
		var letter struct{ ID, Topic, Reason string }
		if err := json.Unmarshal([]byte(line), &letter); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if strings.Contains(dead(t, 0, "show", "--data", data, letter.ID), page) {
			id = letter.ID
		}
	}
	if id == "" {
		t.Fatalf("nothing was set aside for %s", page)
	}
	if said := dead(t, 1, "replay", "--data", data, id); !strings.Contains(said, "refused at the front door") {
		t.Errorf("replay said %q", said)
	}
	if said := dead(t, 0, "replay", "--data", data, "--all", "--dry-run"); !strings.Contains(said, "left") {
		t.Errorf("replay --dry-run said %q", said)
	}
}

// dead runs one of the commands on dead letters and returns what it printed.
func dead(t *testing.T, code int, arguments ...string) string {
	t.Helper()
	p := start(t, append([]string{"dead"}, arguments...)...)
	t.Cleanup(p.kill)
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("dead %v does not end", arguments)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("dead %v ended with %d\n%s", arguments, got, p.stderr)
	}
	return p.stdout.String()
}
