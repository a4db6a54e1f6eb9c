package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/hubspot"
	"sourceloop/deploy/standin/intercom"
	"sourceloop/schema"
)

type standinCommand struct {
	Name         string   `arg:"" help:"Whose stand-in: intercom, hubspot, google, meta or linkedin."`
	Listen       string   `help:"Address to listen on." default:"127.0.0.1:0"`
	Data         string   `help:"Folder that keeps everything." default:"data/standin"`
	ClientID     string   `help:"The app's client id." default:"sourceloop" env:"SOURCELOOP_INTERCOM_CLIENT_ID"`
	ClientSecret string   `help:"The app's client secret." default:"secret-of-the-stand-in" env:"SOURCELOOP_INTERCOM_CLIENT_SECRET"`
	WebhookURL   string   `help:"Where notifications go." placeholder:"URL"`
	UninstallURL string   `help:"Where uninstall notices go; HubSpot has none." placeholder:"URL"`
	PanelURL     string   `help:"Where requests of Intercom's Inbox panel go, without /initialize and /submit." placeholder:"URL"`
	RedirectURI  []string `help:"OAuth redirect addresses registered for the app." placeholder:"URL"`

	RetryAfter time.Duration `help:"How long a failed notification waits until it is sent again." default:"1m"`
	Attempts   int           `help:"How often a notification is sent until it is given up; as often as the vendor does by default."`
}

// Run serves the stand-in until it is told to stop.
func (c *standinCommand) Run(ctx context.Context, log *slog.Logger) error {
	s, err := c.start(log)
	if err != nil {
		return err
	}
	fmt.Println(s.url)
	return s.run(ctx)
}

func (c *standinCommand) start(log *slog.Logger) (*runningStandin, error) {
	dir := filepath.Join(c.Data, c.Name)
	l, err := listen(c.Listen)
	if err != nil {
		return nil, err
	}
	switch c.Name {
	case "intercom":
		s, err := startIntercom(l, intercom.Config{
			Dir: dir, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
			RedirectURIs: c.RedirectURI, WebhookURL: c.WebhookURL, UninstallURL: c.UninstallURL, PanelURL: c.PanelURL,
			RetryAfter: c.RetryAfter, Attempts: c.Attempts, Log: log,
		}, log)
		if err != nil {
			return nil, err
		}
		return &s.runningStandin, nil
	case "hubspot":
		s, err := startHubSpot(l, hubspot.Config{
			Dir: dir, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
			RedirectURIs: c.RedirectURI, WebhookURL: c.WebhookURL,
			RetryAfter: c.RetryAfter, Retries: max(c.Attempts-1, 0), Log: log,
		}, log)
		if err != nil {
			return nil, err
		}
		return &s.runningStandin, nil
	}
	if open, known := adPlatforms()[c.Name]; known {
		return startAds(l, ads.Config{
			Dir: dir, ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURIs: c.RedirectURI, Log: log,
		}, open, log)
	}
	_ = l.Close() // Nothing came of it.
	return nil, schema.E("standin", schema.KindInvalid, "There is no stand-in for %q. There is one for: intercom, hubspot, google, meta, linkedin.", c.Name)
}

// vendor is what stand-ins are alike in.
type vendor interface {
	Handler() http.Handler
	Run(ctx context.Context) error
	Close() error
}

// runningStandin is a stand-in that is served.
type runningStandin struct {
	url    string
	vendor vendor
	web    *webServer
}

// intercomStandin and hubspotStandin are running, with what the site needs to
// know of them.
type intercomStandin struct {
	runningStandin
	server *intercom.Server
}

type hubspotStandin struct {
	runningStandin
	server *hubspot.Server
}

func startIntercom(l net.Listener, config intercom.Config, log *slog.Logger) (*intercomStandin, error) {
	s := &intercomStandin{}
	var err error
	s.runningStandin, err = serveStandin(l, log, func(url string) (vendor, error) {
		config.PublicURL = url
		s.server, err = intercom.New(config)
		return s.server, err
	})
	return s, err
}

func startHubSpot(l net.Listener, config hubspot.Config, log *slog.Logger) (*hubspotStandin, error) {
	s := &hubspotStandin{}
	var err error
	s.runningStandin, err = serveStandin(l, log, func(url string) (vendor, error) {
		config.PublicURL = url
		s.server, err = hubspot.New(config)
		return s.server, err
	})
	return s, err
}

func serveStandin(l net.Listener, log *slog.Logger, open func(url string) (vendor, error)) (runningStandin, error) {
	url := "http://" + l.Addr().String()
	v, err := open(url)
	if err != nil {
		_ = l.Close() // Nothing was served on it.
		return runningStandin{}, err
	}
	return runningStandin{url: url, vendor: v, web: serveHTTP(l, v.Handler(), log)}, nil
}

// run delivers notifications until the context ends, then stops everything.
func (s *runningStandin) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.vendor.Run(ctx) })
	group.Go(func() error {
		select {
		case err := <-s.web.failed:
			return err
		case <-ctx.Done():
			return s.web.close(5 * time.Second)
		}
	})
	err := group.Wait()
	if closed := s.vendor.Close(); err == nil {
		err = closed
	}
	return err
}
