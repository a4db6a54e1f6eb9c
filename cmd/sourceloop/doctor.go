package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/connect/hubspot"
	"sourceloop/control/doctor"
	"sourceloop/control/doctor/examine"
	"sourceloop/query/report"
	"sourceloop/schema"
	"sourceloop/sinks/clickhouse"
)

// arrived is what ClickHouse knows, as the doctor asks for it.
type arrived struct{ reports *report.Reader }

// Hosts are those on which the tracker was heard since a moment.
func (a arrived) Hosts(ctx context.Context, workspace *schema.Workspace, since schema.Millis) ([]doctor.Host, error) {
	seen, err := a.reports.For(workspace).SeenHosts(ctx, since)
	hosts := make([]doctor.Host, len(seen))
	for i, h := range seen {
		hosts[i] = doctor.Host{
			Host: h.Host, Page: h.Page, Last: h.Last, Left: h.Left, Pushed: h.Pushed, Stub: h.Stub, Throttled: h.Throttled, Messaged: h.Opened,
		}
	}
	return hosts, err
}

// Chats tells which of a provider's conversations are here.
func (a arrived) Chats(ctx context.Context, workspace *schema.Workspace, provider string, ids []string) (map[string]bool, error) {
	return a.reports.For(workspace).KnownConversations(ctx, provider, ids)
}

// doctorConfig is where the doctor looks.
type doctorConfig struct {
	intercomAPI  string
	hubspot      *hubspot.Provider // nil: no app of HubSpot is set here
	publicURL    string
	collectorURL string
	privatePages bool
}

func newExaminer(config doctorConfig, store *control.Store, tokens examine.Tokens, reports *report.Reader) *examine.Examiner {
	client := &http.Client{
		Timeout: 10 * time.Second,
		// A redirect would carry the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	vendors := map[string]examine.Vendor{
		"intercom": &examine.Intercom{
			Base: strings.TrimSuffix(config.intercomAPI, "/"), Regions: intercomRegions(config.intercomAPI), Client: client, Now: time.Now,
		},
	}
	if p := config.hubspot; p != nil {
		vendors[hubspot.Name] = &examine.HubSpot{
			Base: p.APIBase(control.Connection{}), ClientID: p.Config.ClientID, ClientSecret: p.Config.ClientSecret, Scopes: p.Config.Scopes,
			Client: client, Now: time.Now,
		}
	}
	return &examine.Examiner{
		Settings: store, Tokens: tokens, Log: arrived{reports}, Pages: examine.NewWebPages(config.collectorURL, config.privatePages, time.Now),
		Vendors: vendors, PublicURL: config.publicURL, Now: time.Now,
	}
}

// intercomRegions are the hosts of Intercom's other regions; another address than
// Intercom's own has none.
func intercomRegions(api string) map[string]string {
	if strings.TrimSuffix(api, "/") != "https://api.intercom.io" {
		return nil
	}
	return map[string]string{"EU": "https://api.eu.intercom.io", "AU": "https://api.au.intercom.io"}
}

type doctorCommand struct {
	Connection string `arg:"" help:"The connection: the provider's name, such as intercom or hubspot, or its number."`
	Page       string `help:"Address of a page that has the chat: its HTML is read as well." placeholder:"URL"`
	Workspace  uint32 `help:"Number of the workspace, where several have the provider connected." placeholder:"N"`
	JSON       bool   `name:"json" help:"Print JSON."`

	storeFlags
	ClickHouse     string `name:"clickhouse" help:"ClickHouse as clickhouse://user:password@host:9000/database; that of the data folder when empty." env:"SOURCELOOP_CLICKHOUSE" placeholder:"DSN"`
	PublicURL      string `help:"Where browsers, Intercom and HubSpot reach the server." env:"SOURCELOOP_PUBLIC_URL" default:"https://<your server>" placeholder:"URL"`
	CollectorURL   string `help:"Where sites load the tracker from, when that is another address." env:"SOURCELOOP_COLLECTOR_URL" placeholder:"URL"`
	IntercomAPIURL string `name:"intercom-api-url" help:"Intercom's REST API." env:"SOURCELOOP_INTERCOM_API_URL" default:"https://api.intercom.io" placeholder:"URL"`
	PrivatePages   bool   `name:"doctor-private-pages" help:"Look at pages in private networks, too." env:"SOURCELOOP_DOCTOR_PRIVATE_PAGES"`

	HubSpot hubspotFlags `embed:"" prefix:"hubspot-" envprefix:"SOURCELOOP_HUBSPOT_"`
}

// Run asks and prints. It may run beside "serve".
func (c *doctorCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	store, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	connection, workspace, err := c.find(ctx, store)
	if err != nil {
		return err
	}
	app, providers, err := c.HubSpot.asked()
	if err != nil {
		return err
	}
	e, err := reachEngines(ctx, needClickHouse, engineFlags{ClickHouse: c.ClickHouse, Database: c.Database}, c.Data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	at := e.clickhouse
	reader, err := report.New(clickhouse.Options(clickhouse.Config{
		Addr: at.addrs, Database: at.database, User: at.user, Password: at.password, Log: log,
	}), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	collector := strings.TrimSuffix(c.CollectorURL, "/")
	if collector == "" {
		collector = strings.TrimSuffix(c.PublicURL, "/")
	}
	examiner := newExaminer(doctorConfig{
		intercomAPI: c.IntercomAPIURL, hubspot: app, publicURL: strings.TrimSuffix(c.PublicURL, "/"), collectorURL: collector, privatePages: c.PrivatePages,
	}, store, connect.NewTokens(store, nil, providers...), reader)
	found, err := examiner.Examine(ctx, control.Operator(workspace.ID), workspace, connection.Provider, c.Page)
	if err != nil {
		return err
	}
	return c.print(os.Stdout, found)
}

// asked is HubSpot as the doctor asks it: with the app's credentials, since
// HubSpot tells of a token to its app only; nil without them.
func (f *hubspotFlags) asked() (*hubspot.Provider, []connect.Provider, error) {
	secret, err := f.secret()
	if err != nil || f.ClientID == "" || secret == "" {
		return nil, nil, err
	}
	p, err := hubspot.New(hubspot.Config{ClientID: f.ClientID, ClientSecret: secret, AuthorizeURL: f.AuthorizeURL, APIBase: f.APIURL})
	return p, []connect.Provider{p}, err
}

// find finds the connection by its number, or by its provider.
func (c *doctorCommand) find(ctx context.Context, store *control.Store) (control.Connection, *schema.Workspace, error) {
	var found []control.Connection
	for _, w := range store.Directory().Workspaces() {
		if c.Workspace != 0 && w.ID != c.Workspace {
			continue
		}
		all, err := store.Connections(ctx, control.Operator(w.ID))
		if err != nil {
			return control.Connection{}, nil, err
		}
		for _, known := range all {
			if known.Provider == c.Connection || strconv.FormatInt(known.ID, 10) == c.Connection {
				found = append(found, known)
			}
		}
	}
	switch len(found) {
	case 0:
		return control.Connection{}, nil, schema.E("doctor", schema.KindUnknown,
			"There is no connection %q. Name a provider that a workspace has begun to connect, such as intercom, or a connection's number.", c.Connection)
	case 1:
		w, ok := store.Directory().Workspace(found[0].Workspace)
		if !ok {
			return control.Connection{}, nil, schema.E("doctor", schema.KindUnavailable, "The workspace was made a moment ago. Try again in a second.")
		}
		return found[0], w, nil
	}
	var choices []string
	for _, known := range found {
		choices = append(choices, fmt.Sprintf("%d (workspace %d, %s)", known.ID, known.Workspace, known.Name))
	}
	slices.Sort(choices)
	return control.Connection{}, nil, schema.E("doctor", schema.KindInvalid, "Several workspaces have %s connected: %s. Name one by its number.",
		c.Connection, strings.Join(choices, ", "))
}

// print writes the answer as the API gives it, or for a person.
func (c *doctorCommand) print(out io.Writer, found examine.Result) error {
	if c.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(diagnosisOf(found))
	}
	var b strings.Builder
	marks := map[doctor.State]string{doctor.OK: "ok      ", doctor.Warning: "warning ", doctor.Failed: "FAILED  ", doctor.Unknown: "unknown "}
	for _, f := range found.Findings {
		fmt.Fprintf(&b, "%s%s. %s\n", marks[f.State], f.Name, strings.TrimSpace(f.Text+" "+f.Means))
		if f.State != doctor.OK && f.Fix != "" {
			fmt.Fprintf(&b, "        → %s\n", f.Fix)
		}
		if f.AsOf != 0 {
			fmt.Fprintf(&b, "        as of %s\n", f.AsOf.Time().Format(time.RFC3339))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", found.Headline)
	_, err := io.WriteString(out, b.String())
	return err
}

// diagnosis is the answer in JSON, with the names that the API has.
type diagnosis struct {
	At       time.Time `json:"at"`
	Cause    string    `json:"cause"`
	Headline string    `json:"headline"`
	Page     string    `json:"page"`
	Findings []finding `json:"findings"`
}

type finding struct {
	Step  string       `json:"step"`
	Name  string       `json:"name"`
	State doctor.State `json:"state"`
	Text  string       `json:"text"`
	Means string       `json:"means"`
	Fix   string       `json:"fix"`
	AsOf  *time.Time   `json:"as_of"`
}

func diagnosisOf(r examine.Result) diagnosis {
	d := diagnosis{At: r.At.Time(), Cause: r.Cause, Headline: r.Headline, Page: r.Page}
	for _, f := range r.Findings {
		told := finding{Step: f.Step, Name: f.Name, State: f.State, Text: f.Text, Means: f.Means, Fix: f.Fix}
		if f.AsOf != 0 {
			told.AsOf = new(f.AsOf.Time())
		}
		d.Findings = append(d.Findings, told)
	}
	return d
}
