package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sourceloop/control/seal"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/deploy/load"
	"sourceloop/deploy/load/check"
	"sourceloop/deploy/ports"
	"sourceloop/deploy/servers/serverstest"
	"sourceloop/deploy/walk"
)

// engines are real servers of a test's own.
type engines struct {
	kafka       string
	environment []string // of every process that is to use them
}

func startServers(t *testing.T) *engines {
	t.Helper()
	kafka, redis, clickhouse := serverstest.NewKafka(t), serverstest.Redis(t), serverstest.ClickHouse(t)
	// Whoever looks for an engine of its own finds none.
	own := append(environment(embedded.Engine{}), embedded.LibraryVariable+"=/there-is-none",
		"SOURCELOOP_KAFKA="+kafka.Addr, "SOURCELOOP_REDIS="+redis.Addr,
		"SOURCELOOP_CLICKHOUSE="+clickhouse.DSN("sourceloop"), "SOURCELOOP_DATABASE="+serverstest.Database(t),
		"SOURCELOOP_KEYS="+seal.NewKey(),
	)
	return &engines{kafka: kafka.Addr, environment: own}
}

// member is one process of a role.
type member struct {
	*process
	role, url   string
	dir         string // its data folder, also when it is started again
	environment []string
	balancer    *balancer // in front of it; nil for none
}

func (m *member) start(t *testing.T) {
	t.Helper()
	m.process = startIn(t, m.environment, "serve", "--roles", m.role, "--listen", strings.TrimPrefix(m.url, "http://"),
		"--data", m.dir, "--drain-delay", "1h")
	t.Cleanup(m.kill)
	m.showOnFailure(t)
}

func (m *member) awaitReady(t *testing.T) {
	t.Helper()
	until(t, m.role+" to be ready", func() (bool, string) {
		select {
		case <-m.ended:
			t.Fatalf("%s ended by itself: %v\n%s", m.role, m.err, m.stderr)
		default:
		}
		got, err := statusOf(m.url + "/readyz")
		return got == http.StatusOK, fmt.Sprint(got, err)
	})
}

// link is the one-time link that the process prints on an empty database.
func (m *member) link(t *testing.T) (link string) {
	t.Helper()
	until(t, "the one-time link", func() (bool, string) {
		link = m.stdout.line("/sign-up?token=")
		return link != "", m.stderr.String()
	})
	return link
}

// know waits until the process has heard of the workspace, which takes up to a
// second: until then a collector answers its hits as it answers a stranger's.
func (m *member) know(t *testing.T, a *account) {
	t.Helper()
	until(t, m.role+" to know the workspace", func() (bool, string) {
		if m.role == "query" {
			r := send(t, http.MethodGet, m.url+"/api/v1/contacts", nil, "Authorization", "Bearer "+a.key)
			return r.status == http.StatusOK, string(r.body)
		}
		const strangers = "sourceloop_collect_requests_refused_total"
		before := m.metric(t, strangers, `"unknown_key"`)
		send(t, http.MethodPost, m.url+"/sl/hits?key="+a.siteKey, []hit{{"type": "nothing that is stored"}})
		return m.metric(t, strangers, `"unknown_key"`) == before, "a stranger's"
	})
}

// retire tells the process to stop and waits until nobody sends it anything.
func (m *member) retire(t *testing.T) {
	t.Helper()
	m.tellToStop(t)
	awaitStatus(t, m.url+"/readyz", http.StatusServiceUnavailable)
	if m.balancer != nil {
		m.balancer.awaitOut(t, m.url)
	}
}

// metric adds up a metric of the process, over its labels that contain a text.
func (m *member) metric(t *testing.T, name, labels string) float64 {
	t.Helper()
	var sum float64
	for line := range strings.Lines(string(send(t, http.MethodGet, m.url+"/metrics", nil).body)) {
		var value float64
		if !strings.HasPrefix(line, name) || !strings.Contains(line, labels) {
			continue
		}
		fields := strings.Fields(line)
		if _, err := fmt.Sscan(fields[len(fields)-1], &value); err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// cluster is two processes of each role, and an Intercom.
type cluster struct {
	*engines
	members        []*member
	collect, query *balancer
	intercom       string
	account        *account
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	free, err := ports.Free(7)
	if err != nil {
		t.Fatal(err)
	}
	addr := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", free[i]) }
	c := &cluster{engines: startServers(t), collect: newBalancer(t, addr(0), addr(1)), query: newBalancer(t, addr(4), addr(5))}
	c.intercom = "http://" + addr(6)
	c.environment = append(c.environment,
		"SOURCELOOP_PUBLIC_URL="+c.query.URL, "SOURCELOOP_COLLECTOR_URL="+c.collect.URL,
		"SOURCELOOP_INTERCOM_CLIENT_ID=app", "SOURCELOOP_INTERCOM_CLIENT_SECRET=secret-of-the-app",
		"SOURCELOOP_INTERCOM_AUTHORIZE_URL="+c.intercom+"/oauth", "SOURCELOOP_INTERCOM_API_URL="+c.intercom,
	)
	for i, role := range []string{"collect", "collect", "pipeline", "pipeline", "query", "query"} {
		m := &member{role: role, url: "http://" + addr(i), dir: t.TempDir(), environment: c.environment}
		m.balancer = map[string]*balancer{"collect": c.collect, "query": c.query}[role]
		if i == 5 { // The link of the one that asks last is the one that holds.
			c.members[4].link(t)
		}
		c.members = append(c.members, m)
		m.start(t) // The others all at once: they find the databases empty.
	}
	intercom := startIn(t, c.environment, "standin", "intercom", "--listen", addr(6), "--data", t.TempDir(), "--retry-after", "1s", "--attempts", "100",
		"--redirect-uri", c.query.URL+"/connect/intercom/callback", "--webhook-url", c.collect.URL+"/hooks/intercom",
		"--uninstall-url", c.collect.URL+"/hooks/intercom/uninstall")
	t.Cleanup(intercom.kill)
	intercom.showOnFailure(t)
	for _, m := range c.members {
		m.awaitReady(t)
	}
	c.connect(t)
	return c
}

// connect makes a workspace by the one-time link, and connects Intercom.
func (c *cluster) connect(t *testing.T) {
	t.Helper()
	link := c.members[5].link(t)
	until(t, "both to be in rotation", func() (bool, string) {
		return c.query.backends[0].ready.Load() && c.query.backends[1].ready.Load(), ""
	})
	s := &server{url: c.query.URL}
	c.account = s.signUp(t, tokenOf(t, link), "roles")
	person, err := walk.New(c.query.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := person.Connect(within(t), "intercom", "roles@example.com", "a sentence of roles"); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.members {
		if m.balancer != nil {
			m.know(t, c.account)
		}
	}
}

// restart replaces one process after the other under traffic: hits come while it
// is draining, while it is gone, and when it is back.
func (c *cluster) restart(t *testing.T) {
	t.Helper()
	const some = 12
	for _, m := range c.members {
		c.collect.pass(t, some)
		m.retire(t)
		c.collect.pass(t, some)
		if err := m.terminate(t); err != nil {
			t.Errorf("%s ended with %v\n%s", m.role, err, m.stderr)
		}
		c.collect.pass(t, some)
		m.start(t)
		m.awaitReady(t)
	}
}

// compare holds the API's answers against what must come out.
func (c *cluster) compare(t *testing.T, account *load.Account) {
	t.Helper()
	report, err := check.Until(t.Context(), check.NewAPI(c.query.URL, c.account.key), account, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("sent %+v; compared %d values", account.Sent, report.Compared)
	for _, difference := range report.Differences {
		t.Error(difference)
	}
}

// committed compares what the groups have committed with the ends of the topics.
func (c *cluster) committed(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	lags, err := kadm.NewClient(client).Lag(t.Context(), "sourceloop-sessionize", "sourceloop-resolve", "sourceloop-stitch")
	if err != nil {
		t.Fatal(err)
	}
	for group, lag := range lags {
		if err := lag.Error(); err != nil || lag.Lag.Total() != 0 || len(lag.Members) > 0 {
			t.Errorf("after everything has stopped %s has %d members and %d records to do, %v", group, len(lag.Members), lag.Lag.Total(), err)
		}
	}
}

// shares tells how the partitions of hits are shared out, and what each process
// has done.
func (c *cluster) shares(t *testing.T) {
	t.Helper()
	until(t, "all partitions of hits to be owned, by both", func() (bool, string) {
		one := c.members[2].metric(t, "sourceloop_stage_partitions", `"sessionize"`)
		two := c.members[3].metric(t, "sourceloop_stage_partitions", `"sessionize"`)
		return one > 0 && two > 0 && one+two == 64, fmt.Sprint(one, two)
	})
	for _, b := range append(c.collect.backends, c.query.backends...) {
		if b.answers.Load() == 0 {
			t.Errorf("%s was asked nothing", b.url)
		}
	}
	if owned := c.members[0].metric(t, "sourceloop_stage_partitions", ""); owned != 0 {
		t.Errorf("a collector owns %v partitions", owned)
	}
}

// volume is how many hits the roles get: enough requests for a rolling restart
// under traffic, or as many as HITS in the environment says.
func volume(t *testing.T) (load.Config, int) {
	t.Helper()
	hits := 6000
	if text := os.Getenv("HITS"); text != "" {
		var err error
		if hits, err = strconv.Atoi(text); err != nil || hits < 6000 {
			t.Fatalf("HITS is %q, and must be a number, 6000 at least", text)
		}
	}
	return load.Config{
		Seed: 7, Base: load.StartOfDay(time.Now(), time.UTC), Days: 30, Hits: hits, Visitors: hits / 10, Chats: hits / 200,
	}, min(hits/600, 500)
}

func TestRolesOnRealServersAreExactThroughARollingRestart(t *testing.T) {
	c := startCluster(t)
	config, batch := volume(t)
	target := load.Target{URL: c.collect.URL, Key: c.account.siteKey, Intercom: c.intercom, Batch: batch}
	type result struct {
		account *load.Account
		err     error
	}
	loaded := make(chan result, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		account, err := load.Run(ctx, config, target, slog.New(slog.DiscardHandler))
		loaded <- result{account, err}
	}()
	c.restart(t)
	select {
	case r := <-loaded:
		t.Fatalf("the load had ended before all were restarted, so that nothing was shown: %v", r.err)
	default:
	}
	close(c.collect.gate)
	sent := <-loaded
	if sent.err != nil {
		t.Fatal(sent.err)
	}
	c.compare(t, sent.account)
	if _, err := load.Run(t.Context(), config, target, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	c.compare(t, sent.account) // The same traffic once more changes nothing.
	for _, words := range append(c.collect.failed(), c.query.failed()...) {
		t.Errorf("a request was not answered: %s", words)
	}
	c.shares(t)
	for _, m := range c.members {
		m.retire(t)
		if err := m.terminate(t); err != nil {
			t.Errorf("%s ended with %v", m.role, err)
		}
	}
	c.committed(t)
}

// readiness is what /readyz tells.
type readiness struct {
	Ready  bool
	Checks map[string]string
}

// A process starts, asks and waits for what its roles need, and for nothing
// else.
func TestARoleNeedsOnlyItsOwnEngines(t *testing.T) {
	engine := embeddedtest.Engine(t)
	kafka, settings := serverstest.NewKafka(t), serverstest.Database(t)
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{role: "collect", url: fmt.Sprintf("http://127.0.0.1:%d", free[0]), dir: t.TempDir()}
	m.environment = append(environment(embedded.Engine{}), embedded.LibraryVariable+"=/there-is-none",
		"SOURCELOOP_KAFKA="+kafka.Addr, "SOURCELOOP_DATABASE="+settings)
	m.start(t)
	m.awaitReady(t)
	var answer readiness
	if err := json.Unmarshal(send(t, http.MethodGet, m.url+"/readyz", nil).body, &answer); err != nil {
		t.Fatal(err)
	}
	for name := range answer.Checks {
		if name == "redis" || name == "clickhouse" || name == "reports" {
			t.Errorf("a collector asks for %s", name)
		}
	}
	if below := m.descendants(t); len(below) > 0 {
		t.Errorf("a collector started the processes %v", below)
	}
	for role, missing := range map[string]string{"collect": "SOURCELOOP_KAFKA", "pipeline": "SOURCELOOP_REDIS", "query": "SOURCELOOP_CLICKHOUSE"} {
		p := startIn(t, append(environment(engine), "SOURCELOOP_DATABASE="+settings), "serve", "--roles", role, "--listen", "127.0.0.1:0")
		<-p.ended
		if p.err == nil || p.stderr.line(missing) == "" || strings.Contains(p.stderr.String(), "goroutine") {
			t.Errorf("%s without engines that others see ended with %v and the words %s", role, p.err, p.stderr)
		}
	}
}
