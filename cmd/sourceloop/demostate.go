package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"sourceloop/schema"
)

// demoState is what a demo keeps in its folder, so that every start on the
// folder has the same addresses and secrets. It is private to the demo;
// demo.json is what others read.
type demoState struct {
	Listen         string `json:"listen"`
	SiteListen     string `json:"site_listen"`
	IntercomListen string `json:"intercom_listen"`
	HubSpotListen  string `json:"hubspot_listen"`
	OwnerEmail     string `json:"owner_email"`
	OwnerPassword  string `json:"owner_password"`
	ClientID       string `json:"intercom_client_id"`
	ClientSecret   string `json:"intercom_client_secret"`
	HubSpotID      string `json:"hubspot_client_id"`
	HubSpotSecret  string `json:"hubspot_client_secret"`
	SiteKey        string `json:"site_key"`
	APIKey         string `json:"api_key"`

	Ads map[string]adsState `json:"ads"` // By the platform's name.
}

// loadDemoState reads the folder's state, or makes one with free ports.
func loadDemoState(dir, listen string) (*demoState, error) {
	path := filepath.Join(dir, "demo-state.json")
	s := &demoState{}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if s, err = newDemoState(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("cannot read the demo's state: %w", err)
	default:
		if err := json.Unmarshal(data, s); err != nil {
			return nil, schema.E("demo", schema.KindInvalid, "%s is damaged (%v). Delete the folder %s to start anew.", path, err, dir)
		}
	}
	if listen != "" {
		s.Listen = listen
	}
	if err := s.fill(); err != nil {
		return nil, err
	}
	return s, s.save(dir)
}

func newDemoState() (*demoState, error) {
	s := &demoState{
		OwnerEmail: "owner@demo.example", OwnerPassword: rand.Text(),
		ClientID: "demo-" + rand.Text()[:8], ClientSecret: rand.Text(),
		SiteKey: newSiteKey(), APIKey: newAPIKey(),
	}
	return s, s.fill()
}

// fill makes what a state lacks, as one does that an older release made. The
// ports are held until all are found, so that none is found twice.
func (s *demoState) fill() error {
	for _, address := range []*string{&s.Listen, &s.SiteListen, &s.IntercomListen, &s.HubSpotListen} {
		if *address != "" {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("cannot find a free port: %w", err)
		}
		defer l.Close()
		*address = l.Addr().String()
	}
	if s.HubSpotID == "" || s.HubSpotSecret == "" {
		s.HubSpotID, s.HubSpotSecret = "demo-"+rand.Text()[:8], rand.Text()
	}
	return s.fillAds()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("cannot find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *demoState) save(dir string) error {
	return writeFile(filepath.Join(dir, "demo-state.json"), s)
}

// writeFile writes JSON so that a reader sees all of it or nothing, also after
// a loss of power.
func writeFile(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", filepath.Base(path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(append(data, '\n')); err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), path)); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
