package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// loadDemoState reads the folder's state, or makes one with free ports. The listeners are on all its addresses: open
// before anything else is, they lose no port to what starts meanwhile.
func loadDemoState(dir, listen string) (*demoState, demoListeners, error) {
	s, err := readDemoState(dir)
	if err != nil {
		return nil, nil, err
	}
	if listen != "" {
		s.Listen = listen
	}
	listeners, err := s.open()
	if err != nil {
		return nil, nil, err
	}
	s.fill()
	if err := s.save(dir); err != nil {
		listeners.close()
		return nil, nil, err
	}
	return s, listeners, nil
}

func readDemoState(dir string) (*demoState, error) {
	path := filepath.Join(dir, "demo-state.json")
	s := &demoState{}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newDemoState(), nil
	case err != nil:
		return nil, fmt.Errorf("cannot read the demo's state: %w", err)
	default:
		if err := json.Unmarshal(data, s); err != nil {
			return nil, schema.E("demo", schema.KindInvalid, "%s is damaged (%v). Delete the folder %s to start anew.", path, err, dir)
		}
	}
	return s, nil
}

func newDemoState() *demoState {
	return &demoState{
		OwnerEmail: "owner@demo.example", OwnerPassword: rand.Text(),
		ClientID: "demo-" + rand.Text()[:8], ClientSecret: rand.Text(),
		SiteKey: newSiteKey(), APIKey: newAPIKey(),
	}
}

// fill makes the secrets that a state lacks, as one does that an older release made.
func (s *demoState) fill() {
	if s.HubSpotID == "" || s.HubSpotSecret == "" {
		s.HubSpotID, s.HubSpotSecret = "demo-"+rand.Text()[:8], rand.Text()
	}
	for name, kept := range s.Ads {
		if kept.ClientID == "" {
			kept.ClientID, kept.ClientSecret = "demo-"+rand.Text()[:8], rand.Text()
			s.Ads[name] = kept
		}
	}
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
