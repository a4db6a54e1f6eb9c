package main

import (
	"context"
	"crypto/rand"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sourceloop/control"
	"sourceloop/pipeline/collect"
	"sourceloop/pipeline/collect/tracker"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/query/api"
	"sourceloop/query/panel"
	"sourceloop/query/report"
	"sourceloop/query/web"
	"sourceloop/schema"
)

// startWeb serves what the roles of this process answer.
func (n *node) startWeb(context.Context) error {
	n.echo = echo.New()
	n.echo.HideBanner, n.echo.HidePort = true, true
	n.echo.HTTPErrorHandler = n.fail
	n.mountOperations(n.echo)
	var edge *collect.Edge
	if n.has(roleCollect) {
		var err error
		if edge, err = n.mountCollector(); err != nil {
			return err
		}
	}
	if n.has(roleQuery) {
		if err := n.mountDashboard(); err != nil {
			return err
		}
	}
	if edge == nil {
		n.web = serveHTTP(n.config.listener, n.echo, n.log)
		return nil
	}
	front := edge.Front(n.config.listener)
	n.web = serveHTTP(front, n.echo, n.log)
	n.web.drain = front.Drain
	return nil
}

func (n *node) mountCollector() (*collect.Edge, error) {
	settings := n.config.settings
	secret, err := settings.Intercom.secret()
	if err != nil {
		return nil, err
	}
	hubspotSecret, err := settings.HubSpot.secret()
	if err != nil {
		return nil, err
	}
	proxies, err := parseNetworks(settings.TrustedProxies)
	if err != nil {
		return nil, err
	}
	countries, err := enrich.NewCountries(settings.GeoIP)
	if err != nil {
		return nil, err
	}
	script, err := tracker.Handler()
	if err != nil {
		return nil, err
	}
	config := collect.DefaultConfig()
	signals := control.NewSignals(n.control)
	n.runners = append(n.runners, signals.Run)
	config.TrustedProxies, config.CountryHeader = proxies, settings.CountryHeader
	called := settings.CollectorURL // HubSpot signs the address that it calls.
	if called == "" {
		called = n.url
	}
	config.Hooks = []collect.Hooks{collect.NewIntercomHooks(secret), collect.NewHubSpotHooks(hubspotSecret, called, time.Now)}
	edge, err := collect.New(config, collect.Deps{
		Tracker: script, Sites: n.control.Directory(), Routes: n.control.Directory(), Log: n.spool,
		Agents: enrich.NewAgents(), Countries: countries, Now: time.Now, Random: rand.Reader,
		Registerer: n.registry, Logger: n.log, Signals: signals, Incoming: n.control.Directory(), Persons: identity.Rules{}, Fail: n.reach,
	})
	if err != nil {
		return nil, err
	}
	edge.Register(n.echo)
	return edge, nil
}

func parseNetworks(texts []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, schema.E("serve", schema.KindInvalid,
				"%q is not a network like 10.0.0.0/8. SOURCELOOP_TRUSTED_PROXIES lists the networks of your own proxies.", t)
		}
		networks = append(networks, p)
	}
	return networks, nil
}

func (n *node) mountDashboard() error {
	keys, err := n.config.ring()
	if err != nil {
		return err
	}
	core, err := tracker.Core()
	if err != nil {
		return err
	}
	collector := n.url
	if n.config.settings.CollectorURL != "" {
		collector = strings.TrimSuffix(n.config.settings.CollectorURL, "/")
	}
	access, err := n.biAccess()
	if err != nil {
		return err
	}
	server, err := api.New(api.Deps{
		BITools: access,
		Store:   n.control, Reports: n.reports, Connections: n.connect, Leads: n.logs, Costs: n.costs, Doctor: newExaminer(doctorConfig{
			intercomAPI: n.config.settings.Intercom.APIURL, hubspot: n.hubspot, publicURL: n.url, collectorURL: collector, privatePages: n.config.settings.PrivatePages,
		}, n.control, n.connect.Tokens(), n.reports),
		Normalizer: identity.Rules{}, Channels: n.channels, Sealer: keys, Addresses: n.guard(),
		Tracking: func(siteKey string) api.Snippet {
			return api.Snippet{HTML: tracker.Snippet(collector, siteKey), URL: collector + "/sl." + core.Hash + ".js", SRI: core.SRI}
		},
		AsOf: n.progress.AsOf, PublicURL: n.url, CollectorURL: collector, ClientIP: n.echo.IPExtractor, Metrics: n.registry, Log: n.log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	server.Register(n.echo)
	if err := n.mountPanel(); err != nil {
		return err
	}
	pages, err := web.Handler()
	if err != nil {
		return err
	}
	n.echo.GET("/*", echo.WrapHandler(pages))
	n.echo.HEAD("/*", echo.WrapHandler(pages))
	return nil
}

// mountPanel serves the panel in Intercom's Inbox.
func (n *node) mountPanel() error {
	secret, err := n.config.settings.Intercom.secret()
	if err != nil {
		return err
	}
	p, err := panel.New(panel.Config{
		Secret: secret, Routes: n.control.Directory(), People: people{n.reports}, PublicURL: n.url, Metrics: n.registry, Log: n.log,
	})
	if err != nil {
		return err
	}
	p.Register(n.echo)
	return nil
}

// people are those that ClickHouse knows, as the panel asks for them.
type people struct{ reports *report.Reader }

// Person finds who a node is.
func (p people) Person(ctx context.Context, workspace *schema.Workspace, node schema.Node, visitor string) (report.Person, error) {
	return p.reports.For(workspace).Person(ctx, node, visitor)
}
