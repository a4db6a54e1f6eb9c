package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"sourceloop/deploy/standin/ads"
)

// adsState is what a demo keeps of one advertising platform's stand-in.
type adsState struct {
	Listen       string `json:"listen"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// adsURLs are the addresses of the stand-ins, by name.
func (s *demoState) adsURLs() map[string]string {
	urls := map[string]string{}
	for name, kept := range s.Ads {
		urls[name] = "http://" + kept.Listen
	}
	return urls
}

// googleFlags and linkedinFlags lead the product to the stand-ins.
func (s *demoState) googleFlags() googleFlags {
	kept, url := s.Ads["google"], s.adsURLs()["google"]
	return googleFlags{
		ClientID: kept.ClientID, ClientSecret: kept.ClientSecret,
		AuthorizeURL: url + "/o/oauth2/auth", TokenURL: url + "/token", RevokeURL: url + "/revoke", APIURL: url,
	}
}

func (s *demoState) linkedinFlags() linkedinFlags {
	kept, url := s.Ads["linkedin"], s.adsURLs()["linkedin"]
	return linkedinFlags{
		ClientID: kept.ClientID, ClientSecret: kept.ClientSecret,
		AuthorizeURL: url + "/oauth/v2/authorization", TokenURL: url + "/oauth/v2/accessToken", RevokeURL: url + "/oauth/v2/revoke", APIURL: url,
	}
}

func (d *demo) startAds() error {
	for name, open := range adPlatforms() {
		kept := d.state.Ads[name]
		s, err := startAds(d.listeners[kept.Listen], ads.Config{
			Dir: filepath.Join(d.command.Data, "standin", name), ClientID: kept.ClientID, ClientSecret: kept.ClientSecret,
			RedirectURIs: []string{d.file.URL + "/connect/" + name + "/callback"}, Log: d.log,
		}, open, d.log)
		if err != nil {
			return err
		}
		d.ads = append(d.ads, s)
	}
	return nil
}

// adsWords tell where the stand-ins are.
func (f *demoFile) adsWords() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  stand-in Google    %s\n", f.GoogleURL)
	fmt.Fprintf(&b, "  stand-in Meta      %s\n", f.MetaURL)
	fmt.Fprintf(&b, "  stand-in LinkedIn  %s\n", f.LinkedInURL)
	return b.String()
}
