package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/hubspot"
	"sourceloop/control/connect/intercom"
	"sourceloop/deploy/chaos/failpoint"
	"sourceloop/pipeline/collect/spool"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/state"
	"sourceloop/pipeline/stitch"
	"sourceloop/pipeline/stream"
	"sourceloop/pipeline/upkeep"
	"sourceloop/query/report"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
	"sourceloop/sinks"
	"sourceloop/sinks/clickhouse"
)

// The consumer groups of the pipeline.
const (
	groupSessionize = "sourceloop-sessionize"
	groupResolve    = "sourceloop-resolve"
	groupStitch     = "sourceloop-stitch"
	groupDeliver    = "sourceloop-deliver"
	groupNotify     = "sourceloop-notify"
)

// readers are the groups of the pipeline that read each topic. A topic of the
// embedded Kafka is freed of what all of its groups have finished with.
func readers() map[string][]string {
	return map[string][]string{
		schema.TopicHits:     {groupSessionize},
		schema.TopicWebhooks: {groupResolve},
		schema.TopicLeads:    {groupStitch},
		schema.TopicCredited: {groupDeliver, groupNotify},
	}
}

// node is one process with its roles. It is started in the order in which data
// flows back to front, and stopped the other way round.
type node struct {
	config    nodeConfig
	url       string
	log       *slog.Logger
	registry  *prometheus.Registry
	engines   *engines
	control   *control.Store
	logs      *stream.Log
	spool     *spool.Spool      // role collect
	sink      *clickhouse.Sink  // role pipeline
	state     *state.Store      // role pipeline
	reports   *report.Reader    // role query
	costs     *clickhouse.Costs // role query
	progress  *stream.Progress  // role query
	intercom  *intercom.Provider
	hubspot   *hubspot.Provider
	connect   *connect.Service
	platforms []sinks.Platform // of advertising that are set up here
	channels  *enrich.Channels
	echo      *echo.Echo
	web       *webServer
	runners   []func(context.Context) error
	closers   []func() error
	draining  atomic.Bool
	// reach is called at the stages' named places; nil unless a test asks for failpoints.
	reach func(place string) error
}

func (n *node) has(role string) bool { return n.config.has(role) }

// startNode starts everything but the loops, which run starts. On an error
// what was started is stopped again.
func startNode(ctx context.Context, config nodeConfig, log *slog.Logger) (*node, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	n := &node{config: config, url: config.url(), log: log, registry: prometheus.NewRegistry()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, start := range []func(context.Context) error{
		n.armFailpoints, n.startEngines, n.startControl, n.startLog, n.startSpool, n.startProviders, n.startPipeline, n.startReports, n.startWeb,
	} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	return n, nil
}

// armFailpoints lets this process die or fail where a test asks for it.
func (n *node) armFailpoints(context.Context) error {
	set, err := failpoint.FromEnvironment()
	if err != nil || set == nil {
		return err
	}
	n.log.Warn("failpoints are armed: this process is meant to fail", "failpoints", os.Getenv(failpoint.Variable))
	n.reach = set.Reach
	return nil
}

// close stops what was started, in reverse order.
func (n *node) close() error {
	var all []error
	for _, c := range slices.Backward(n.closers) {
		all = append(all, c())
	}
	n.closers = nil
	return errors.Join(all...)
}

func (n *node) onClose(c func() error) { n.closers = append(n.closers, c) }

func (n *node) startEngines(ctx context.Context) error {
	e, err := n.config.reach(ctx, n.log)
	if err != nil {
		return err
	}
	n.engines = e
	n.onClose(e.Close)
	if n.has(rolePipeline) {
		n.runners = append(n.runners, func(ctx context.Context) error {
			return e.trim(ctx, readers())
		})
	}
	if n.config.need()&needClickHouse == 0 {
		return nil
	}
	if err := migrations.Migrate(ctx, n.clickhouseOptions(), e.clickhouse.database); err != nil {
		return err
	}
	return migrations.MigrateViews(ctx, n.clickhouseOptions(), e.clickhouse.database)
}

func (n *node) clickhouseConfig() clickhouse.Config {
	at := n.engines.clickhouse
	return clickhouse.Config{
		Addr: at.addrs, Database: at.database, User: at.user, Password: at.password, Log: n.log, Registerer: n.registry,
	}
}

func (n *node) clickhouseOptions() *driver.Options { return clickhouse.Options(n.clickhouseConfig()) }

func (n *node) startControl(ctx context.Context) error {
	keys, err := n.config.ring()
	if err != nil {
		return err
	}
	store, err := control.Open(ctx, n.engines.database, control.Options{Keys: keys, Log: n.log})
	if err != nil {
		return err
	}
	n.control = store
	n.onClose(store.Close)
	if n.has(rolePipeline) && n.config.engines.Database == "" {
		// The database lies in the folder that this process has locked, so that whoever holds something is dead.
		if err := store.FreeLeases(ctx); err != nil {
			return err
		}
	}
	if !n.config.seals() {
		return nil
	}
	resealed, err := store.Reseal(ctx)
	if err != nil {
		return err
	}
	if resealed > 0 {
		n.log.Info("tokens were sealed again with the first key", "tokens", resealed)
	}
	return nil
}

// startProviders sets up what can be connected. Without credentials a provider
// can't be, and the operator is told once.
func (n *node) startProviders(context.Context) error {
	if err := n.startIntercom(); err != nil {
		return err
	}
	if err := n.startHubSpot(); err != nil {
		return err
	}
	if !n.config.seals() { // The collector only proves webhooks genuine.
		return nil
	}
	var providers []connect.Provider
	var absent []connect.Absent
	if n.intercom != nil {
		providers = append(providers, n.intercom)
	} else {
		absent = append(absent, connect.Absent{Name: intercom.Name, Words: noApp("Intercom", "INTERCOM")})
	}
	if n.hubspot != nil {
		providers = append(providers, n.hubspot)
	} else {
		absent = append(absent, connect.Absent{Name: hubspot.Name, Words: noApp("HubSpot", "HUBSPOT")})
	}
	advertising, err := n.setUpAds()
	if err != nil {
		return err
	}
	n.platforms = advertising.platforms
	n.connect = connect.NewService(n.control, n.log, 0, append(providers, advertising.providers...)...)
	n.connect.Lacks(append(absent, advertising.absent...)...)
	if n.has(roleQuery) {
		n.runners = append(n.runners, n.connect.Run)
	}
	n.channels, err = enrich.NewChannels()
	return err
}

func (n *node) startIntercom() error {
	flags := n.config.settings.Intercom
	secret, err := flags.secret()
	if err != nil || !n.config.seals() {
		if err == nil && secret == "" {
			n.log.Warn("Intercom's webhooks can't be proved genuine and are refused: set SOURCELOOP_INTERCOM_CLIENT_SECRET to that of your app in Intercom's Developer Hub")
		}
		return err
	}
	if flags.ClientID == "" || secret == "" {
		n.log.Warn("Intercom can't be connected: set SOURCELOOP_INTERCOM_CLIENT_ID and SOURCELOOP_INTERCOM_CLIENT_SECRET to those of your app in Intercom's Developer Hub")
		return nil
	}
	n.intercom, err = intercom.New(intercom.Config{
		ClientID: flags.ClientID, ClientSecret: secret, AuthorizeURL: flags.AuthorizeURL, APIBase: flags.APIURL,
		RedirectURL: n.url + "/connect/intercom/callback",
	})
	return err
}

func (n *node) startHubSpot() error {
	flags := n.config.settings.HubSpot
	secret, err := flags.secret()
	if err != nil || !n.config.seals() || flags.ClientID == "" || secret == "" {
		return err // Its card says what is missing.
	}
	n.hubspot, err = hubspot.New(hubspot.Config{
		ClientID: flags.ClientID, ClientSecret: secret, AuthorizeURL: flags.AuthorizeURL, APIBase: flags.APIURL,
		RedirectURL: n.url + "/connect/hubspot/callback",
	})
	return err
}

// noApp is what the card says of a provider that this server has no app of.
func noApp(title, variable string) string {
	return fmt.Sprintf("Whoever runs this server first gives it an app of %s: SOURCELOOP_%s_CLIENT_ID and SOURCELOOP_%s_CLIENT_SECRET, as the README tells. It can be connected after the next start.", title, variable, variable)
}

// startPipeline starts the stages between the log and ClickHouse, and those
// that send on what is there.
func (n *node) startPipeline(ctx context.Context) error {
	if !n.has(rolePipeline) {
		return nil
	}
	config := n.clickhouseConfig()
	config.Goals = goals{n.control}
	sink, err := clickhouse.New(ctx, config)
	if err != nil {
		return err
	}
	n.sink = sink
	n.onClose(sink.Close)
	store, err := state.Open(ctx, state.Config{Addrs: n.engines.redis, Log: n.log, Registerer: n.registry})
	if err != nil {
		return err
	}
	n.state = store
	n.onClose(store.Close)
	for _, stage := range []func() error{n.startStitch, n.startResolve, n.startSessionize, n.startDeliver, n.startNotify, n.startUpkeep} {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) startSessionize() error {
	stager := sessionize.NewStager(sessionize.Deps{
		State: n.state, Workspaces: n.control.Directory(), Classifier: n.channels, Normalizer: identity.Rules{},
		Sink: hitStore{n.sink}, History: hitStore{n.sink}, Conversions: stitch.Lookup{State: n.state},
		Erasures: n.control.Directory(), Log: n.logs, Slog: n.log, Now: time.Now, Fail: n.reach,
	}, n.registry)
	n.consume(stream.GroupConfig{Name: groupSessionize, Topic: schema.TopicHits, Stage: sessionize.Stage, New: stager.New})
	return nil
}

func (n *node) startStitch() error {
	stager := stitch.NewStager(stitch.Deps{
		State: n.state, Sink: leadStore{n.sink}, History: leadStore{n.sink}, Erasures: n.control.Directory(), Dead: n.logs, Log: n.logs,
		Slog: n.log, Now: time.Now, Fail: n.reach,
	}, n.registry)
	n.consume(stream.GroupConfig{Name: groupStitch, Topic: schema.TopicLeads, Stage: stitch.Stage, New: stager.New})
	return nil
}

func (n *node) startResolve() error {
	outlet := resolve.NewOutlet(n.logs, time.Now, n.registry)
	outlet.Erasures = n.control.Directory()
	resolver, listers, err := n.resolver()
	if err != nil {
		return err
	}
	stager := &resolve.Stager{Resolver: resolver, Outlet: outlet, Waiting: n.control, Log: n.logs, Now: time.Now, Fail: n.reach}
	inbox := resolve.NewInbox(resolve.InboxConfig{
		Store: n.control, Resolver: resolver, Deliver: outlet.Deliver, Bury: outlet.Bury, Log: n.log, Fail: n.reach,
	})
	sweeper := resolve.NewSweeper(resolve.SweepConfig{Looks: n.control, Listers: listers, Deliver: outlet.Deliver, Log: n.log})
	n.runners = append(n.runners, inbox.Run, sweeper.Run)
	n.consume(stream.GroupConfig{
		Name: groupResolve, Topic: schema.TopicWebhooks, Stage: resolve.Stage, New: stager.New, MaxBatch: resolve.MaxBatch,
	})
	return nil
}

// startUpkeep does the nightly work and the rebuilds that operators ask for.
func (n *node) startUpkeep() error {
	nightly, err := parseNightly(n.config.settings.Nightly)
	if err != nil {
		return err
	}
	keeper := upkeep.New(upkeep.Config{
		Store: n.control, Log: n.logs, Steps: n.sink, People: n.sink, Journeys: n.sink, Workspaces: n.control.Directory(),
		Nightly: nightly, Slog: n.log,
	})
	n.runners = append(n.runners, keeper.Run)
	return nil
}

func (n *node) consume(config stream.GroupConfig) {
	config.SessionTimeout, config.Fail = n.config.engines.Session, n.reach
	n.runners = append(n.runners, n.logs.NewGroup(config).Run)
}

func (n *node) startReports(context.Context) error {
	if !n.has(roleQuery) {
		return nil
	}
	reader, err := report.New(n.clickhouseOptions(), 0)
	if err != nil {
		return err
	}
	reader.ReadAtMost(n.config.settings.ReportBytes)
	reader.RememberAtMost(n.config.settings.FunnelMemory)
	reader.KeepSessions(n.config.settings.SessionMemory)
	n.reports = reader.WithChannels(n.channels)
	n.onClose(reader.Close)
	if n.costs, err = clickhouse.OpenCosts(n.clickhouseConfig(), time.Now); err != nil {
		return err
	}
	n.onClose(n.costs.Close)
	n.progress = n.logs.NewProgress(map[string]string{
		schema.TopicHits: groupSessionize, schema.TopicWebhooks: groupResolve, schema.TopicLeads: groupStitch,
	})
	n.runners = append(n.runners, n.progress.Run)
	return nil
}
