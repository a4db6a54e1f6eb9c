package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/deploy/embedded"
	"sourceloop/deploy/ports"
	"sourceloop/deploy/walk"
)

// outsideKafka is a broker that the test starts and stops, always at the same
// address and with the same records.
type outsideKafka struct {
	addr, dir string
	running   *embedded.Kafka
}

func (k *outsideKafka) start(t *testing.T) {
	t.Helper()
	running, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: k.dir, Listen: k.addr})
	if err != nil {
		t.Fatal(err)
	}
	k.running = running
	t.Cleanup(func() { k.stop(t) })
}

func (k *outsideKafka) stop(t *testing.T) {
	t.Helper()
	if err := k.running.Close(); err != nil {
		t.Error(err)
	}
}

// addresses are free ones on loopback.
func addresses(t *testing.T, n int) []string {
	t.Helper()
	free, err := ports.Free(n)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range free {
		all = append(all, "127.0.0.1:"+strconv.Itoa(p))
	}
	return all
}

// visitors send page views one after another, each of a visitor of its own, and
// each again until it is acknowledged.
type visitors struct {
	account *account
	landing string
	working sync.WaitGroup
	stop    context.CancelFunc

	mu           sync.Mutex
	acknowledged int
	others       []string // answers that were no 202
}

func (a *account) visit(landing string) *visitors {
	ctx, stop := context.WithCancel(context.Background())
	v := &visitors{account: a, landing: landing, stop: stop}
	for range 8 {
		v.working.Go(func() {
			for ctx.Err() == nil {
				v.one()
			}
		})
	}
	return v
}

func (v *visitors) one() {
	body, err := json.Marshal(pageview(newVisitor(), time.Now(), v.landing, ""))
	if err != nil {
		v.note(err.Error())
		return
	}
	for {
		r, err := http.Post(v.account.url+"/sl/hits?key="+v.account.siteKey, "application/json", strings.NewReader(string(body)))
		if err != nil {
			<-time.After(20 * time.Millisecond) // The process was killed.
			continue
		}
		_, _ = io.Copy(io.Discard, r.Body) // Read, so that the connection is used again.
		_ = r.Body.Close()
		if r.StatusCode == http.StatusAccepted {
			v.mu.Lock()
			v.acknowledged++
			v.mu.Unlock()
			return
		}
		v.note(r.Status)
		<-time.After(20 * time.Millisecond)
	}
}

func (v *visitors) note(other string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.others = append(v.others, other)
}

func (v *visitors) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.acknowledged
}

// more waits until so many more were acknowledged.
func (v *visitors) more(t *testing.T, n int) {
	t.Helper()
	from := v.count()
	until(t, fmt.Sprintf("%d more acknowledged hits", n), func() (bool, string) {
		return v.count() >= from+n, fmt.Sprint(v.count() - from)
	})
}

// end stops them and gives how many were acknowledged.
func (v *visitors) end(t *testing.T) int {
	t.Helper()
	v.stop()
	v.working.Wait()
	if len(v.others) > 0 {
		t.Errorf("%d answers were no 202, the first %s", len(v.others), v.others[0])
	}
	return v.acknowledged
}

// checks is what /readyz says.
func (a *account) checks(t *testing.T) (status int, checks map[string]string) {
	t.Helper()
	r := send(t, http.MethodGet, a.url+"/readyz", nil)
	var answer struct{ Checks map[string]string }
	if err := json.Unmarshal(r.body, &answer); err != nil {
		t.Fatal(err)
	}
	return r.status, answer.Checks
}

// checkAway: the process can do its work, and says that Kafka does not do its.
func (a *account) checkAway(t *testing.T) {
	t.Helper()
	status, checks := a.checks(t)
	if status != http.StatusOK || !strings.Contains(checks["kafka"], "does not answer") || checks["spool"] != "ok" {
		t.Errorf("readiness while Kafka is away: %d %v", status, checks)
	}
}

// spooled sums a metric of the spool up.
func (a *account) spooled(t *testing.T, metric string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(string(send(t, http.MethodGet, a.url+"/metrics", nil).body)) {
		rest, ok := strings.CutPrefix(line, "sourceloop_spool_"+metric)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

func (a *account) awaitDrained(t *testing.T) {
	t.Helper()
	until(t, "the spool to be drained", func() (bool, string) {
		left := a.spooled(t, "backlog_bytes")
		return left == 0, fmt.Sprint(left, " bytes")
	})
}

// storedOnce checks that so many hits of a landing page are there, none twice.
func (a *account) storedOnce(t *testing.T, landing string, hits int) {
	t.Helper()
	a.awaitSessions(t, landing, hits, "")
	figures := get[struct {
		Figures []struct {
			Name  string
			Value float64
		}
	}](t, a, "/api/v1/traffic?compare=none&filter=landing_page:is:"+landing).Figures
	for _, f := range figures {
		if f.Name == "page_views" {
			equal(t, "page views", int(f.Value), hits)
		}
	}
}

// intercomOf starts a stand-in Intercom for a product at an address and gives
// the flags that lead the product to it.
func intercomOf(t *testing.T, listen, product string) (flags []string) {
	t.Helper()
	const id, secret = "an-app", "the-secret-of-the-app"
	standin := start(t, "standin", "intercom", "--listen", listen, "--data", t.TempDir(), "--client-id", id, "--client-secret", secret,
		"--redirect-uri", "http://"+product+"/connect/intercom/callback", "--webhook-url", "http://"+product+"/hooks/intercom",
		"--uninstall-url", "http://"+product+"/hooks/intercom/uninstall", "--retry-after", "200ms", "--attempts", "1000")
	t.Cleanup(standin.kill)
	standin.showOnFailure(t)
	until(t, "the stand-in", func() (bool, string) { return standin.stdout.size() > 0, standin.stderr.String() })
	return []string{
		"--intercom-client-id", id, "--intercom-client-secret", secret,
		"--intercom-authorize-url", "http://" + listen + "/oauth", "--intercom-api-url", "http://" + listen,
	}
}

// TestSpoolKeepsHitsWhileKafkaIsAway: hits and webhooks are acknowledged all the
// time while Kafka stops and comes back, and the collector is killed in between
// and starts without it. Then all are stored, once.
func TestSpoolKeepsHitsWhileKafkaIsAway(t *testing.T) {
	at := addresses(t, 3)
	kafka := &outsideKafka{addr: at[0], dir: t.TempDir()}
	kafka.start(t)
	// A killed process keeps its partitions for as long as its session lasts.
	flags := append([]string{"--kafka", kafka.addr, "--kafka-session-timeout", "10s"}, intercomOf(t, at[1], at[2])...)
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, dir, at[2], flags...)
	a := s.signUp(t, tokenOf(t, s.link), "owner")
	person, err := walk.New(s.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := person.Connect(within(t), "intercom", "owner@example.com", "a sentence of owner"); err != nil {
		t.Fatal(err)
	}
	landing := shop + "/while-kafka-is-away"
	v := a.visit(landing)
	defer v.stop()
	v.more(t, 100)
	equal(t, "records in the spool while Kafka is there", a.spooled(t, "records_total"), 0)

	kafka.stop(t)
	v.more(t, 500)
	chatter := &demo{account: a, file: demoFile{IntercomURL: "http://" + at[1]}}
	email := newEmail("grace")
	chatter.chat(t, map[string]any{"email": email, "message": "Is anybody there?"})
	a.checkAway(t)
	s.kill()
	s = serve(t, dir, at[2], append(flags, "--sign-up-link")...)
	v.more(t, 500)
	a.checkAway(t)

	kafka.start(t)
	a.awaitDrained(t)
	v.more(t, 100)
	spooled := a.spooled(t, "records_total")
	v.more(t, 100)
	equal(t, "records in the spool once Kafka is back", a.spooled(t, "records_total"), spooled)
	hits := v.end(t)
	a.awaitDrained(t)
	a.storedOnce(t, landing, hits)
	c := a.awaitContact(t, email, converted)
	equal(t, "conversations", len(c.Conversations), 1)
	t.Logf("%d hits, of which %v went through the spool since the last start", hits, spooled)
	if err := s.terminate(t); err != nil {
		t.Error(err)
	}
}

// TestAFullSpoolRefusesWithRetryAfter: what does not fit is refused so that it is
// sent again, the process is not ready, and recovers by itself.
func TestAFullSpoolRefusesWithRetryAfter(t *testing.T) {
	kafka := &outsideKafka{addr: addresses(t, 1)[0], dir: t.TempDir()}
	s := serve(t, filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "--kafka", kafka.addr, "--spool-bytes", strconv.Itoa(1<<20))
	a := s.signUp(t, tokenOf(t, s.link), "owner")
	landing := shop + "/until-it-is-full"
	batch := func() []hit {
		var hits []hit
		for range 100 {
			h := pageview(newVisitor(), time.Now(), landing, "")
			h["title"] = strings.Repeat("A long title. ", 20)
			hits = append(hits, h)
		}
		return hits
	}
	stored, refused := 0, batch()
	for r := (reply{}); r.status != http.StatusServiceUnavailable; {
		if stored > 100_000 {
			t.Fatal("nothing is refused")
		}
		r = send(t, http.MethodPost, a.url+"/sl/hits?key="+a.siteKey, refused)
		switch r.status {
		case http.StatusAccepted:
			stored += len(refused)
			refused = batch()
		case http.StatusServiceUnavailable:
			if seconds, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After is %q", r.header.Get("Retry-After"))
			}
		default:
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if status, checks := a.checks(t); status != http.StatusServiceUnavailable || checks["spool"] == "ok" {
		t.Errorf("readiness with a full spool: %d %v", status, checks)
	}
	kafka.start(t)
	a.awaitDrained(t)
	a.collect(t, refused...)
	a.storedOnce(t, landing, stored+len(refused))
	until(t, "readiness", func() (bool, string) {
		status, checks := a.checks(t)
		return status == http.StatusOK, fmt.Sprint(checks)
	})
}
