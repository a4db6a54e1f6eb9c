package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const zoneHeader = `# Time zones and the country they are used in, ISO 3166-1 alpha-2.
#
# Derived by enrich/gen from zone.tab and the links of tzdata.zi, version %s,
# of the IANA time zone database, which is in the public domain. A zone that
# says nothing about a country (UTC, Etc/GMT+5, EST) is not here.
`

func zoneTable(dir string) (string, error) {
	tab, err := os.ReadFile(filepath.Join(dir, "zone.tab"))
	if err != nil {
		return "", fmt.Errorf("cannot read the zones: %w", err)
	}
	zi, err := os.ReadFile(filepath.Join(dir, "tzdata.zi"))
	if err != nil {
		return "", fmt.Errorf("cannot read the links of the zones: %w", err)
	}
	countries := zoneCountries(string(tab))
	version := addLinks(string(zi), countries)
	lines := make([]string, 0, len(countries))
	for zone, country := range countries {
		lines = append(lines, country+" "+zone)
	}
	sort.Strings(lines)
	return fmt.Sprintf(zoneHeader, version) + strings.Join(lines, "\n") + "\n", nil
}

func zoneCountries(tab string) map[string]string {
	countries := map[string]string{}
	for l := range strings.Lines(tab) {
		if f := strings.Split(strings.TrimSpace(l), "\t"); len(f) >= 3 && !strings.HasPrefix(l, "#") {
			countries[f[2]] = f[0]
		}
	}
	return countries
}

// addLinks gives old names the country of the zone they point at (browsers
// still say Asia/Calcutta), and returns the version of the database.
func addLinks(zi string, countries map[string]string) string {
	links := map[string]string{}
	version := ""
	for l := range strings.Lines(zi) {
		f := strings.Fields(l)
		switch {
		case len(f) == 3 && f[0] == "#" && f[1] == "version":
			version = f[2]
		case len(f) == 3 && f[0] == "L":
			links[f[2]] = f[1]
		}
	}
	for name, target := range links {
		if _, known := countries[name]; known || !strings.Contains(name, "/") || strings.HasPrefix(name, "Etc/") {
			continue
		}
		if country := countries[target]; country != "" {
			countries[name] = country
		}
	}
	return version
}
