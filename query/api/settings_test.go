package api_test

import (
	"testing"

	"sourceloop/query/api"
)

func TestSettingsAreSavedAsAVersionThatBeginsLater(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn("ann@a.example")
	read := func() (s api.Settings) {
		t.Helper()
		c.want(200, "GET", "/api/v1/settings", nil).into(t, &s)
		return s
	}
	before := read()
	if before.TimeoutSeconds != 1800 || !before.Attribution || !before.Midnight || before.PaidFbclid || len(before.Gateways) == 0 {
		t.Errorf("a workspace begins with %+v", before)
	}
	change := w.settings(t, w.ann)
	change.TimeoutSeconds, change.Midnight, change.Zone = 3600, false, "Europe/Berlin"
	change.Domains = []string{" Shop.A.example."}
	change.Rules = []api.ChannelRule{{Name: "Partners", Channel: "Partners", Conditions: []api.ChannelCondition{{Field: "source", Operator: "starts_with", Value: "partner-"}}}}
	var saved api.Settings
	c.want(200, "PUT", "/api/v1/settings", change).into(t, &saved)
	if saved.Version != before.Version+1 || saved.TimeoutSeconds != 3600 || saved.Domains[0] != "shop.a.example" || saved.InForceFrom <= before.InForceFrom {
		t.Errorf("saved as %+v", saved)
	}
	after := read()
	if after.Version != saved.Version || after.Zone != "Europe/Berlin" || after.Midnight || len(after.Rules) != 1 || after.Rules[0].Conditions[0].Value != "partner-" {
		t.Errorf("read back as %+v", after)
	}
	contains(t, string(c.want(409, "PUT", "/api/v1/settings", change).body), "Somebody else saved", "Load them anew")
	change.Version = saved.Version
	for name, spoil := range map[string]func(*api.SettingsInput){
		"zone":       func(s *api.SettingsInput) { s.Zone = "Europe/Atlantis" },
		"this place": func(s *api.SettingsInput) { s.Zone = "Local" },
		"time-out":   func(s *api.SettingsInput) { s.TimeoutSeconds = 59 },
		"domain":     func(s *api.SettingsInput) { s.Domains = []string{"https://a.example"} },
		"pattern": func(s *api.SettingsInput) {
			s.Rules[0].Conditions[0].Operator, s.Rules[0].Conditions[0].Value = "regex", "("
		},
	} {
		bad := change
		bad.Rules = []api.ChannelRule{{Name: "Partners", Channel: "Partners", Conditions: []api.ChannelCondition{change.Rules[0].Conditions[0]}}}
		spoil(&bad)
		if a := c.ask("PUT", "/api/v1/settings", bad); a.status != 400 {
			t.Errorf("a bad %s answers %d: %s", name, a.status, a.body)
		}
	}
	if now := read(); now.Version != saved.Version {
		t.Errorf("what was refused changed something: %+v", now)
	}
}
