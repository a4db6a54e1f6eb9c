package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sourceloop/control"
	"sourceloop/deploy/embedded"
	"sourceloop/deploy/standin/hubspot"
	"sourceloop/deploy/standin/intercom"
	"sourceloop/deploy/standin/site"
	"sourceloop/deploy/walk"
)

type demoCommand struct {
	Data      string `help:"Folder of the demo; the same folder gives the same demo." default:"data/demo" type:"path"`
	Listen    string `help:"Address of the dashboard; a free port, kept for the next start, by default." placeholder:"HOST:PORT"`
	Connected bool   `help:"Start with Intercom connected."`
}

// demoFile is DIR/demo.json: what outside programs need to use the demo.
type demoFile struct {
	URL           string `json:"url"`
	SiteURL       string `json:"site_url"`
	IntercomURL   string `json:"intercom_url"`
	HubSpotURL    string `json:"hubspot_url"`
	GoogleURL     string `json:"google_url"`
	MetaURL       string `json:"meta_url"`
	LinkedInURL   string `json:"linkedin_url"`
	SiteKey       string `json:"site_key"`
	APIKey        string `json:"api_key"`
	OwnerEmail    string `json:"owner_email"`
	OwnerPassword string `json:"owner_password"`
}

// demo is the product, the stand-ins and the site in one process.
type demo struct {
	command   *demoCommand
	log       *slog.Logger
	state     *demoState
	listeners demoListeners
	node      *node
	standin   *intercomStandin
	hubspot   *hubspotStandin
	ads       []*runningStandin
	site      *webServer
	file      demoFile
}

// Run starts everything, prints the addresses and serves until it is told to
// stop.
func (c *demoCommand) Run(ctx context.Context, log *slog.Logger) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("cannot make the demo's folder: %w", err)
	}
	release, err := embedded.LockFolder(c.Data)
	if err != nil {
		return err
	}
	defer release()
	if err := os.Remove(c.demoPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the former demo.json: %w", err)
	}
	d := &demo{command: c, log: log}
	defer func() { d.listeners.close() }() // Of those that nothing came to serve.
	if err := d.start(ctx); err != nil {
		return err
	}
	return d.run(ctx)
}

func (c *demoCommand) demoPath() string { return filepath.Join(c.Data, "demo.json") }

// start starts the product, its workspace, the stand-in and the site.
func (d *demo) start(ctx context.Context) error {
	state, listeners, err := loadDemoState(d.command.Data, d.command.Listen)
	if err != nil {
		return err
	}
	d.state, d.listeners = state, listeners
	d.file = demoFile{
		URL: "http://" + state.Listen, SiteURL: "http://" + state.SiteListen, IntercomURL: "http://" + state.IntercomListen, HubSpotURL: "http://" + state.HubSpotListen,
		SiteKey: state.SiteKey, APIKey: state.APIKey, OwnerEmail: state.OwnerEmail, OwnerPassword: state.OwnerPassword,
	}
	urls := state.adsURLs()
	d.file.GoogleURL, d.file.MetaURL, d.file.LinkedInURL = urls["google"], urls["meta"], urls["linkedin"]
	if err := d.startNode(ctx); err != nil {
		return err
	}
	if err := d.startOthers(ctx); err != nil {
		return errors.Join(err, d.node.web.close(time.Second), d.node.close())
	}
	return nil
}

func (d *demo) startNode(ctx context.Context) error {
	var err error
	d.node, err = startNode(ctx, nodeConfig{
		roles: []string{roleCollect, rolePipeline, roleQuery}, data: filepath.Join(d.command.Data, "sourceloop"), listener: d.listeners[d.state.Listen],
		engines: engineFlags{NoSync: true},
		settings: settingFlags{PublicURL: d.file.URL, PrivatePages: true, PrivateWebhooks: true, Intercom: intercomFlags{
			ClientID: d.state.ClientID, ClientSecret: d.state.ClientSecret,
			AuthorizeURL: d.file.IntercomURL + "/oauth", APIURL: d.file.IntercomURL, InboxURL: d.file.IntercomURL,
		}, HubSpot: hubspotFlags{
			ClientID: d.state.HubSpotID, ClientSecret: d.state.HubSpotSecret,
			AuthorizeURL: d.file.HubSpotURL + "/oauth/authorize", APIURL: d.file.HubSpotURL, InboxURL: d.file.HubSpotURL,
		}, Google: d.state.googleFlags(), Meta: metaFlags{APIURL: d.file.MetaURL}, LinkedIn: d.state.linkedinFlags()},
	}, d.log)
	return err
}

func (d *demo) startOthers(ctx context.Context) error {
	if err := d.workspace(ctx); err != nil {
		return err
	}
	standin, err := startIntercom(d.listeners[d.state.IntercomListen], intercom.Config{
		Dir: filepath.Join(d.command.Data, "standin", "intercom"), ClientID: d.state.ClientID, ClientSecret: d.state.ClientSecret,
		RedirectURIs: []string{d.file.URL + "/connect/intercom/callback"},
		WebhookURL:   d.file.URL + "/hooks/intercom", UninstallURL: d.file.URL + "/hooks/intercom/uninstall",
		PanelURL: d.file.URL + "/panel/intercom",
		Log:      d.log,
	}, d.log)
	if err != nil {
		return err
	}
	d.standin = standin
	if err := errors.Join(d.startHubSpot(), d.startAds()); err != nil {
		return err
	}
	pages, err := site.New(site.Config{
		CollectorURL: d.file.URL, SiteKey: d.state.SiteKey, IntercomURL: d.file.IntercomURL, AppID: standin.server.AppID(),
		HubSpotURL: d.file.HubSpotURL, HubID: d.hubspot.server.HubID(),
	})
	if err != nil {
		return err
	}
	d.site = serveHTTP(d.listeners[d.state.SiteListen], pages, d.log)
	return nil
}

func (d *demo) startHubSpot() (err error) {
	d.hubspot, err = startHubSpot(d.listeners[d.state.HubSpotListen], hubspot.Config{
		Dir: filepath.Join(d.command.Data, "standin", "hubspot"), ClientID: d.state.HubSpotID, ClientSecret: d.state.HubSpotSecret,
		RedirectURIs: []string{d.file.URL + "/connect/hubspot/callback"}, WebhookURL: d.file.URL + "/hooks/hubspot",
		RetryAfter: 2 * time.Second, Log: d.log, // Nobody who watches a demo waits for minutes.
	}, d.log)
	return err
}

// workspace makes the demo's workspace, its Owner and its API key, all with
// the values of the folder's state. Doing it again changes nothing.
func (d *demo) workspace(ctx context.Context) error {
	empty, err := d.node.control.Empty(ctx)
	if err != nil {
		return err
	}
	if empty {
		if _, err := d.node.control.CreateOwner(ctx, control.NewAccount{
			Email: d.state.OwnerEmail, Password: d.state.OwnerPassword,
			Workspace: control.NewWorkspace{Name: "Demo", Zone: "UTC", Currency: "USD", SiteKey: d.state.SiteKey},
		}); err != nil {
			return err
		}
	}
	token, who, err := d.node.control.SignIn(ctx, control.SignIn{Email: d.state.OwnerEmail, Password: d.state.OwnerPassword})
	if err != nil {
		return err
	}
	if _, err := d.node.control.CreateAPIKey(ctx, who, control.NewAPIKey{Name: "demo", Role: control.Owner, Token: d.state.APIKey}); err != nil {
		return err
	}
	return d.node.control.SignOut(ctx, token)
}

// run serves; when everything answers, it says so in demo.json and on stdout.
func (d *demo) run(ctx context.Context) error {
	outside, stopOutside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOutside()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stopOutside() // The product first: its last webhooks are still answered.
		return d.node.run(ctx)
	})
	group.Go(func() error { return d.standin.run(outside) })
	group.Go(func() error { return d.hubspot.run(outside) })
	for _, s := range d.ads {
		group.Go(func() error { return s.run(outside) })
	}
	group.Go(func() error {
		select {
		case err := <-d.site.failed:
			return err
		case <-outside.Done():
			return d.site.close(5 * time.Second)
		}
	})
	group.Go(func() error { return d.announce(ctx) })
	return group.Wait()
}

func (d *demo) announce(ctx context.Context) error {
	w, err := walk.New(d.file.URL)
	if err != nil {
		return err
	}
	if err := w.AwaitReady(ctx); err != nil {
		return err
	}
	if d.command.Connected {
		if err := w.Connect(ctx, "intercom", d.file.OwnerEmail, d.file.OwnerPassword); err != nil {
			return err
		}
	}
	if err := writeFile(d.command.demoPath(), d.file); err != nil {
		return err
	}
	_, err = fmt.Print(d.words())
	return err
}

func (d *demo) words() string {
	const tag = "?utm_source=test&utm_medium=verify&utm_campaign=intercom-check"
	var b strings.Builder
	fmt.Fprintf(&b, "\nSourceLoop's demo is ready. Everything runs on this machine; nothing sends traffic by itself.\n\n")
	fmt.Fprintf(&b, "  dashboard          %s\n", d.file.URL)
	fmt.Fprintf(&b, "  sign in as         %s\n  password           %s\n", d.file.OwnerEmail, d.file.OwnerPassword)
	fmt.Fprintf(&b, "  demo site          %s/%s\n", d.file.SiteURL, tag)
	fmt.Fprintf(&b, "  stand-in Intercom  %s\n  stand-in HubSpot   %s\n%s\n", d.file.IntercomURL, d.file.HubSpotURL, d.file.adsWords())
	fmt.Fprintf(&b, "1. Sign in, open Setup → Chat and click Connect on the Intercom card.\n")
	fmt.Fprintf(&b, "2. Open the demo site with the address above, chat, and give an email.\n")
	fmt.Fprintf(&b, "3. Open Contacts. The same values are in %s.\n", d.command.demoPath())
	fmt.Fprintf(&b, "4. Open the stand-in's Inbox at %s/a/inbox to see the panel that sales people see.\n\nStop with Ctrl-C.\n", d.file.IntercomURL)
	return b.String()
}

// newSiteKey and newAPIKey make the keys of a new demo.
func newSiteKey() string { return "sl_" + strings.ToLower(rand.Text()[:24]) }

func newAPIKey() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // Never fails.
	return "slk_" + hex.EncodeToString(b[:])
}
