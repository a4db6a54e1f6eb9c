package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sourceloop/deploy/standin/intercom"
	"sourceloop/schema"
)

type standinCommand struct {
	Name         string   `arg:"" help:"Whose stand-in: intercom."`
	Listen       string   `help:"Address to listen on." default:"127.0.0.1:0"`
	Data         string   `help:"Folder that keeps everything." default:"data/standin"`
	ClientID     string   `help:"The app's client id." default:"sourceloop" env:"SOURCELOOP_INTERCOM_CLIENT_ID"`
	ClientSecret string   `help:"The app's client secret." default:"secret-of-the-stand-in" env:"SOURCELOOP_INTERCOM_CLIENT_SECRET"`
	WebhookURL   string   `help:"Where notifications go." placeholder:"URL"`
	UninstallURL string   `help:"Where uninstall notices go." placeholder:"URL"`
	RedirectURI  []string `help:"OAuth redirect addresses registered for the app." placeholder:"URL"`

	RetryAfter time.Duration `help:"How long a failed notification waits until it is sent again." default:"1m"`
	Attempts   int           `help:"How often a notification is sent until it is given up." default:"2"`
}

// Run serves the stand-in until it is told to stop.
func (c *standinCommand) Run(ctx context.Context, log *slog.Logger) error {
	if c.Name != "intercom" {
		return schema.E("standin", schema.KindInvalid, "There is no stand-in for %q. There is one for: intercom.", c.Name)
	}
	s, err := startIntercom(c.Listen, intercom.Config{
		Dir: filepath.Join(c.Data, c.Name), ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		RedirectURIs: c.RedirectURI, WebhookURL: c.WebhookURL, UninstallURL: c.UninstallURL,
		RetryAfter: c.RetryAfter, Attempts: c.Attempts, Log: log,
	}, log)
	if err != nil {
		return err
	}
	fmt.Println(s.url)
	return s.run(ctx)
}

// intercomStandin is a running stand-in.
type intercomStandin struct {
	url    string
	server *intercom.Server
	web    *webServer
}

func startIntercom(address string, config intercom.Config, log *slog.Logger) (*intercomStandin, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	config.PublicURL = "http://" + l.Addr().String()
	server, err := intercom.New(config)
	if err != nil {
		_ = l.Close() // Nothing was served on it.
		return nil, err
	}
	return &intercomStandin{url: config.PublicURL, server: server, web: serveHTTP(l, server.Handler(), log)}, nil
}

// run delivers notifications until the context ends, then stops everything.
func (s *intercomStandin) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.server.Run(ctx) })
	group.Go(func() error {
		select {
		case err := <-s.web.failed:
			return err
		case <-ctx.Done():
			return s.web.close(5 * time.Second)
		}
	})
	err := group.Wait()
	if closed := s.server.Close(); err == nil {
		err = closed
	}
	return err
}
