package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

const referrerHeader = `# Search engines, social networks and AI assistants by host.
#
# Derived by enrich/gen from matomo-org/searchengine-and-social-list as of
# 2026-07-15, which its authors released under CC0 1.0. Not edited by hand: our
# own entries are in additions.txt.
#
# A line is: kind, short name, hosts. In a host, {} stands for a country: two
# letters in front, a top-level domain at the end. host/path is bound to paths
# beginning so. host?a,b counts only when the referrer has one of these
# parameters, because the host is more than a search engine.
number %d
`

// engine is one way in which a search engine shows up as a referrer.
type engine struct {
	URLs   []string `yaml:"urls"`
	Params []string `yaml:"params"`
	Hidden []string `yaml:"hiddenkeyword"` // seen without a keyword as well
}

func referrerTable(dir string, number int) (string, error) {
	var engines map[string][]engine
	var socials, assistants map[string][]string
	for name, into := range map[string]any{
		"SearchEngines.yml": &engines, "Socials.yml": &socials, "AIAssistants.yml": &assistants,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("cannot read a referrer list: %w", err)
		}
		if err := yaml.Unmarshal(raw, into); err != nil {
			return "", fmt.Errorf("cannot parse %s: %w", name, err)
		}
	}
	lines := append(hostLines("ai", assistants), hostLines("social", socials)...)
	lines = append(lines, searchLines(engines, socials, assistants)...)
	return fmt.Sprintf(referrerHeader, number) + strings.Join(lines, "\n") + "\n", nil
}

// retired hosts are in the list for what they were; today they are sign-in
// pages, which are no social networks.
func retired(host string) bool { return host == "login.live.com" }

func hostLines(kind string, groups map[string][]string) []string {
	var lines []string
	for name, hosts := range groups {
		hosts = slices.DeleteFunc(slices.Clone(hosts), retired)
		if len(hosts) > 0 {
			lines = append(lines, line(kind, name, hosts))
		}
	}
	sort.Strings(lines)
	return lines
}

// searchLines leaves out engines that are listed as social networks or AI
// assistants too, and those with {} in the middle of a host.
func searchLines(engines map[string][]engine, others ...map[string][]string) []string {
	taken := map[string]bool{}
	for _, groups := range others {
		for name := range groups {
			taken[strings.ToLower(name)] = true
		}
	}
	var lines []string
	for name, ways := range engines {
		if taken[strings.ToLower(name)] {
			continue
		}
		if hosts := searchHosts(name, ways); len(hosts) > 0 {
			lines = append(lines, line("search", name, hosts))
		}
	}
	sort.Strings(lines)
	return lines
}

func searchHosts(name string, ways []engine) []string {
	var hosts []string
	for _, w := range ways {
		for _, u := range w.URLs {
			u = strings.TrimPrefix(u, "www.")
			if strings.HasPrefix(u, "android-app//") || strings.Contains(strings.Trim(u, "{}"), "{}") && !strings.Contains(u, ".{}/") {
				continue
			}
			if needsKeyword(name, u, w) {
				u += "?" + strings.Join(w.Params, ",")
			}
			hosts = append(hosts, u)
		}
	}
	sort.Strings(hosts)
	return slices.Compact(hosts)
}

// needsKeyword tells hosts that are search engines among other things, like a
// news site with a search box. Browsers rarely send more than the origin, so a
// host that says by its name that it searches counts without its keyword.
func needsKeyword(name, host string, w engine) bool {
	if len(w.Hidden) > 0 || len(w.Params) == 0 || strings.Contains(host, "/") {
		return false
	}
	searches := regexp.MustCompile(`search|suche|such|find|sok|busca|ricerca|cerca|seek|hledej|query|recherche|szukaj|zoek|images`)
	plain := func(s string) string { return regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(strings.ToLower(s), "") }
	first, _, _ := strings.Cut(name, " ")
	return !searches.MatchString(host) && !strings.Contains(plain(host), plain(first))
}

func line(kind, name string, hosts []string) string {
	return kind + " " + shortName(name) + " " + strings.Join(hosts, " ")
}

// shortName is the source that reports show: lower case, without spaces, and
// one name for all services of a big engine.
func shortName(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "%2B", "+"))
	if i := strings.Index(name, " ("); i > 0 {
		name = name[:i]
	}
	for _, family := range []string{"google", "bing", "yahoo", "yandex", "seznam", "biglobe", "nifty", "so-net", "auone"} {
		if name != "google+" && strings.HasPrefix(name, family) {
			return family
		}
	}
	switch name {
	case "twitter":
		return "x"
	case "vkontakte":
		return "vk"
	case "ozone":
		return "qzone"
	}
	return strings.ReplaceAll(strings.TrimRight(name, "!"), " ", "-")
}
