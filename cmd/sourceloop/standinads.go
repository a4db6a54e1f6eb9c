package main

import (
	"log/slog"
	"net"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/google"
	"sourceloop/deploy/standin/linkedin"
	"sourceloop/deploy/standin/meta"
)

// adPlatforms open the stand-ins of advertising platforms, by name.
func adPlatforms() map[string]func(ads.Config) (vendor, error) {
	return map[string]func(ads.Config) (vendor, error){
		"google":   func(c ads.Config) (vendor, error) { return google.New(google.Config{Config: c}) },
		"meta":     func(c ads.Config) (vendor, error) { return meta.New(meta.Config{Config: c}) },
		"linkedin": func(c ads.Config) (vendor, error) { return linkedin.New(linkedin.Config{Config: c}) },
	}
}

func startAds(l net.Listener, config ads.Config, open func(ads.Config) (vendor, error), log *slog.Logger) (*runningStandin, error) {
	s, err := serveStandin(l, log, func(url string) (vendor, error) {
		config.PublicURL = url
		return open(config)
	})
	return &s, err
}
