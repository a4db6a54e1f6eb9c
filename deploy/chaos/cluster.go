package chaos

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sourceloop/control"
	"sourceloop/control/seal"
	"sourceloop/deploy/chaos/proxy"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/ports"
	"sourceloop/deploy/servers"
	"sourceloop/deploy/walk"
)

// The roles of processes.
const (
	roleCollect  = "collect"
	rolePipeline = "pipeline"
	roleQuery    = "query"
	roleIntercom = "intercom"
)

const (
	database     = "sourceloop"
	clientID     = "chaos"
	clientSecret = "secret-of-the-stand-in"
	ownerEmail   = "owner@sourceloop.example"
	ownerWord    = "correct horse battery staple"
)

// server is an engine that can be killed, paused and started again.
type server interface {
	Name() string
	Start(ctx context.Context) error
	Kill() error
	Pause() error
	Resume() error
	Close() error
	Pid() int
	Words() string
}

// cluster is everything that runs: the engines with a proxy in front of each,
// the product's processes, and a proxy that goes round the collectors.
type cluster struct {
	config Config
	dir    string
	log    *slog.Logger
	tally  *tally
	points *points
	ports  portList
	busy   targets

	kafka      *servers.Kafka
	redis      *servers.Redis
	clickhouse *servers.ClickHouse
	postgres   *servers.Postgres

	// By the engine's name; collect and query are in front of those processes.
	proxies map[string]*proxy.Proxy
	members []*member
	state   *redis.Client // past the proxy

	settings        string // the database of settings
	keys            string
	siteKey, apiKey string
	closers         []func() error
}

// portList is ports that were found free.
type portList []int

func (l *portList) next() string {
	port := (*l)[0]
	*l = (*l)[1:]
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// startCluster starts the engines and prepares the processes. On an error what
// was started is stopped again.
func startCluster(ctx context.Context, config Config, log *slog.Logger) (*cluster, error) {
	c := &cluster{config: config, dir: config.Dir, log: log, tally: newTally(), proxies: make(map[string]*proxy.Proxy)}
	c.points = newPoints(filepath.Join(c.dir, "failpoints.log"))
	c.keys, c.siteKey, c.apiKey = base64.StdEncoding.EncodeToString(randomBytes(32)), "sl_chaos", "slk_chaos_"+rand.Text()
	for _, start := range []func(context.Context) error{c.startProxies, c.startServers, c.prepareMembers, c.makeWorkspace} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // It never fails.
	return b
}

// close ends everything, in reverse order.
func (c *cluster) close() error {
	var all []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		all = append(all, c.closers[i]())
	}
	return errors.Join(all...)
}

func (c *cluster) startProxies(context.Context) error {
	for _, name := range []string{"kafka", "redis", "clickhouse", "postgres", roleIntercom, roleCollect, roleQuery} {
		p, err := proxy.Start("127.0.0.1:0")
		if err != nil {
			return err
		}
		c.proxies[name] = p
		c.closers = append(c.closers, p.Close)
	}
	return nil
}

func (c *cluster) startServers(ctx context.Context) (err error) {
	in := func(name string) string { return filepath.Join(c.dir, name) }
	c.kafka, err = servers.StartKafka(ctx, servers.KafkaConfig{
		Dir: in("kafka"), Jars: c.config.Jars, Memory: "384m", Advertised: c.proxies["kafka"].Addr(),
	})
	if err = c.started(c.kafka, err); err != nil {
		return err
	}
	c.redis, err = servers.StartRedis(ctx, servers.RedisConfig{Dir: in("redis")})
	if err = c.started(c.redis, err); err != nil {
		return err
	}
	c.clickhouse, err = servers.StartClickHouse(ctx, servers.ClickHouseConfig{
		Dir: in("clickhouse"), Engine: c.config.Engine, Executable: c.config.Binary, Args: []string{embedded.ChildCommand},
	})
	if err = c.started(c.clickhouse, err); err != nil {
		return err
	}
	c.postgres, err = servers.StartPostgres(ctx, servers.PostgresConfig{})
	if err = c.started(c.postgres, err); err != nil {
		return err
	}
	if c.settings, err = c.postgres.NewDatabase(ctx); err != nil {
		return err
	}
	for name, addr := range map[string]string{
		"kafka": c.kafka.Addr, "redis": c.redis.Addr, "clickhouse": c.clickhouse.Addr, "postgres": c.postgres.Addr,
	} {
		c.proxies[name].To(addr)
	}
	c.state = redis.NewClient(&redis.Options{Addr: c.redis.Addr, MaxRetries: -1, DisableIdentity: true})
	c.closers = append(c.closers, c.state.Close)
	return nil
}

// started has a server closed at the end.
func (c *cluster) started(s server, err error) error {
	if err == nil {
		c.closers = append(c.closers, s.Close)
		c.log.Info("started", "server", s.Name())
	}
	return err
}

func (c *cluster) servers() []server { return []server{c.kafka, c.redis, c.clickhouse, c.postgres} }

func (c *cluster) prepareMembers(context.Context) error {
	free, err := ports.Free(7)
	if err != nil {
		return err
	}
	c.ports = free
	addrs := make(map[string][]string)
	intercom := &member{name: roleIntercom, role: roleIntercom, addr: c.ports.next(), log: c.log, tally: c.tally, points: c.points}
	addrs[roleIntercom] = []string{intercom.addr}
	c.members = append(c.members, intercom)
	if err := intercom.prepare(c, "/standin/requests", c.intercomArguments(intercom.addr)); err != nil {
		return err
	}
	for _, role := range []string{roleCollect, rolePipeline, roleQuery} {
		for number := 1; number <= 2; number++ {
			m, err := newMember(c, role, number)
			if err != nil {
				return err
			}
			c.members = append(c.members, m)
			addrs[role] = append(addrs[role], m.addr)
		}
	}
	for _, role := range []string{roleIntercom, roleCollect, roleQuery} {
		c.proxies[role].To(addrs[role]...)
	}
	return nil
}

func (c *cluster) intercomArguments(addr string) []string {
	collect, query := c.address(roleCollect), c.address(roleQuery)
	return []string{
		"standin", "intercom", "--listen", addr, "--data", filepath.Join(c.dir, roleIntercom, "data"),
		"--client-id", clientID, "--client-secret", clientSecret, "--redirect-uri", query + "/connect/intercom/callback",
		"--webhook-url", collect + "/hooks/intercom", "--uninstall-url", collect + "/hooks/intercom/uninstall",
		"--retry-after", "2s", "--attempts", "10000",
	}
}

// address is where a role is reached, through its proxy.
func (c *cluster) address(role string) string { return "http://" + c.proxies[role].Addr() }

// environment leads every process through the proxies.
func (c *cluster) environment() []string {
	return append(settings(),
		"SOURCELOOP_KAFKA="+c.proxies["kafka"].Addr(),
		"SOURCELOOP_KAFKA_SESSION_TIMEOUT=6s",
		"SOURCELOOP_REDIS="+c.proxies["redis"].Addr(),
		"SOURCELOOP_CLICKHOUSE="+through(c.proxies["clickhouse"], c.clickhouse.DSN(database)),
		"SOURCELOOP_DATABASE="+through(c.proxies["postgres"], c.settings),
		"SOURCELOOP_KEYS="+c.keys,
		"SOURCELOOP_PUBLIC_URL="+c.address(roleQuery),
		"SOURCELOOP_COLLECTOR_URL="+c.address(roleCollect),
		"SOURCELOOP_INTERCOM_CLIENT_ID="+clientID,
		"SOURCELOOP_INTERCOM_CLIENT_SECRET="+clientSecret,
		"SOURCELOOP_INTERCOM_AUTHORIZE_URL="+c.address(roleIntercom)+"/oauth",
		"SOURCELOOP_INTERCOM_API_URL="+c.address(roleIntercom),
		"SOURCELOOP_INTERCOM_INBOX_URL="+c.address(roleIntercom),
	)
}

// through leads a server's address through a proxy.
func through(p *proxy.Proxy, dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // Whoever uses it says so.
	}
	u.Host = p.Addr()
	return u.String()
}

// makeWorkspace makes a workspace whose keys are known, as the demo does.
func (c *cluster) makeWorkspace(ctx context.Context) error {
	keys, err := seal.Parse(c.keys)
	if err != nil {
		return err
	}
	store, err := control.Open(ctx, c.settings, control.Options{Keys: keys, Log: c.log})
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.CreateOwner(ctx, control.NewAccount{
		Email: ownerEmail, Password: ownerWord,
		Workspace: control.NewWorkspace{Name: "Chaos", Zone: "UTC", Currency: "USD", SiteKey: c.siteKey},
	})
	if err != nil {
		return err
	}
	_, who, err := store.SignIn(ctx, control.SignIn{Email: ownerEmail, Password: ownerWord})
	if err != nil {
		return err
	}
	_, err = store.CreateAPIKey(ctx, who, control.NewAPIKey{Name: "chaos", Role: control.Owner, Token: c.apiKey})
	return err
}

// connect connects the stand-in Intercom, once all processes run.
func (c *cluster) connect(ctx context.Context) error {
	w, err := walk.New(c.address(roleQuery))
	if err != nil {
		return err
	}
	if err := w.AwaitReady(ctx); err != nil {
		return err
	}
	if err := w.Connect(ctx, "intercom", ownerEmail, ownerWord); err != nil {
		return fmt.Errorf("cannot connect the stand-in: %w", err)
	}
	return nil
}
