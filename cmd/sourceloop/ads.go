package main

import (
	"sourceloop/control/connect"
	"sourceloop/control/connect/google"
	"sourceloop/control/connect/linkedin"
	"sourceloop/control/connect/meta"
	"sourceloop/sinks"
	"sourceloop/sinks/googleads"
	linkedinsink "sourceloop/sinks/linkedin"
	metasink "sourceloop/sinks/meta"
)

// googleFlags say where Google is and who we are there.
type googleFlags struct {
	ClientID         string `help:"Client id of the OAuth client in the Google Cloud project." env:"CLIENT_ID"`
	ClientSecret     string `help:"Its client secret." env:"CLIENT_SECRET"`
	ClientSecretFile string `help:"File with the client secret." env:"CLIENT_SECRET_FILE" type:"path" placeholder:"FILE"`
	AuthorizeURL     string `help:"Consent page." env:"AUTHORIZE_URL" default:"https://accounts.google.com/o/oauth2/auth"`
	TokenURL         string `help:"Where codes become tokens." env:"TOKEN_URL" default:"https://oauth2.googleapis.com/token"`
	RevokeURL        string `help:"Where access is ended." env:"REVOKE_URL" default:"https://oauth2.googleapis.com/revoke"`
	APIURL           string `name:"api-url" help:"Data Manager API." env:"API_URL" default:"https://datamanager.googleapis.com"`
}

// metaFlags say where Meta is. There is no app: people paste a token.
type metaFlags struct {
	APIURL  string `name:"api-url" help:"Graph API." env:"API_URL" default:"https://graph.facebook.com"`
	Version string `help:"Version of the Graph API." env:"VERSION" default:"v26.0" placeholder:"vN.0"`
}

// linkedinFlags say where LinkedIn is and who we are there.
type linkedinFlags struct {
	ClientID         string `help:"Client id of the app in LinkedIn's developer portal." env:"CLIENT_ID"`
	ClientSecret     string `help:"Its client secret." env:"CLIENT_SECRET"`
	ClientSecretFile string `help:"File with the client secret." env:"CLIENT_SECRET_FILE" type:"path" placeholder:"FILE"`
	AuthorizeURL     string `help:"Consent page." env:"AUTHORIZE_URL" default:"https://www.linkedin.com/oauth/v2/authorization"`
	TokenURL         string `help:"Where codes become tokens." env:"TOKEN_URL" default:"https://www.linkedin.com/oauth/v2/accessToken"`
	RevokeURL        string `help:"Where access is ended." env:"REVOKE_URL" default:"https://www.linkedin.com/oauth/v2/revoke"`
	APIURL           string `name:"api-url" help:"Marketing API." env:"API_URL" default:"https://api.linkedin.com"`
	Version          string `help:"Version of the Marketing API: each lives for a year or a little longer." env:"VERSION" default:"202607" placeholder:"YYYYMM"`
}

// adSetup are the advertising platforms as this server can use them.
type adSetup struct {
	providers []connect.Provider
	absent    []connect.Absent
	platforms []sinks.Platform
}

// setUpAds makes what the settings have an app for, in the order of the cards.
func (n *node) setUpAds() (adSetup, error) {
	var s adSetup
	for _, add := range []func(*adSetup) error{n.addGoogle, n.addMeta, n.addLinkedIn} {
		if err := add(&s); err != nil {
			return adSetup{}, err
		}
	}
	return s, nil
}

func (n *node) addGoogle(s *adSetup) error {
	f := n.config.settings.Google
	secret, err := secretOf("Google", f.ClientSecret, f.ClientSecretFile)
	if err != nil {
		return err
	}
	if f.ClientID == "" || secret == "" {
		s.absent = append(s.absent, connect.Absent{Name: google.Name, Words: noApp("Google", "GOOGLE"), Sends: true})
		return nil
	}
	p, err := google.New(google.Config{
		ClientID: f.ClientID, ClientSecret: secret, AuthorizeURL: f.AuthorizeURL, TokenURL: f.TokenURL, RevokeURL: f.RevokeURL, APIBase: f.APIURL,
		RedirectURL: n.url + "/connect/google/callback",
	})
	s.providers = append(s.providers, p)
	s.platforms = append(s.platforms, googleads.New(googleads.Config{APIBase: f.APIURL}))
	return err
}

func (n *node) addMeta(s *adSetup) error {
	f := n.config.settings.Meta
	s.providers = append(s.providers, meta.New(meta.Config{APIBase: f.APIURL, Version: f.Version}))
	s.platforms = append(s.platforms, metasink.New(metasink.Config{APIBase: f.APIURL, Version: f.Version}))
	return nil
}

func (n *node) addLinkedIn(s *adSetup) error {
	f := n.config.settings.LinkedIn
	secret, err := secretOf("LinkedIn", f.ClientSecret, f.ClientSecretFile)
	if err != nil {
		return err
	}
	if f.ClientID == "" || secret == "" {
		s.absent = append(s.absent, connect.Absent{Name: linkedin.Name, Words: noApp("LinkedIn", "LINKEDIN"), Sends: true})
		return nil
	}
	p, err := linkedin.New(linkedin.Config{
		ClientID: f.ClientID, ClientSecret: secret, AuthorizeURL: f.AuthorizeURL, TokenURL: f.TokenURL, RevokeURL: f.RevokeURL, APIBase: f.APIURL,
		Version: f.version(), RedirectURL: n.url + "/connect/linkedin/callback",
	})
	s.providers = append(s.providers, p)
	s.platforms = append(s.platforms, linkedinsink.New(linkedinsink.Config{APIBase: f.APIURL, Version: f.version()}))
	return err
}

// version is the setting; a demo has none.
func (f *linkedinFlags) version() string {
	if f.Version == "" {
		return linkedinsink.Version
	}
	return f.Version
}
