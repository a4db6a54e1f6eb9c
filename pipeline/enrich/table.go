package enrich

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sourceloop/schema"
)

//go:embed data/referrers.txt
var referrersText string

//go:embed data/additions.txt
var additionsText string

// ListNumber is the number of the referrer list: the day it was published.
// Sessions record it beside the rule that gave their channel.
const ListNumber = 20260715

// kind is what sort of site a source is.
type kind uint8

// The kinds, in the order in which they are asked when a host is of several.
const (
	kindNone kind = iota
	kindAI
	kindVideo
	kindShopping
	kindSocial
	kindSearch
)

// organic is the channel and the medium of an unpaid visit from such a site,
// and how its rule is called.
func (k kind) organic() (channel, medium, rule string) {
	switch k {
	case kindAI:
		return schema.ChannelAIAssistant, "ai-assistant", "AI assistant"
	case kindVideo:
		return schema.ChannelOrganicVideo, "organic", "video site"
	case kindShopping:
		return schema.ChannelOrganicShopping, "organic", "shopping site"
	case kindSocial:
		return schema.ChannelOrganicSocial, "organic", "social network"
	case kindSearch:
		return schema.ChannelOrganicSearch, "organic", "search engine"
	case kindNone:
	}
	return schema.ChannelReferral, "referral", "host"
}

func kindNamed(name string) (kind, bool) {
	k := kind(1 + slices.Index([]string{"ai", "video", "shopping", "social", "search"}, name))
	return k, k != kindNone
}

// site is one line of the table for one host.
type site struct {
	kind   kind
	name   string   // the source that reports show
	path   string   // bound to paths beginning so, or ""
	params []string // counts only with one of these parameters, when not empty
}

func (s *site) fits(path, query string) bool {
	if !strings.HasPrefix(path, s.path) {
		return false
	}
	return len(s.params) == 0 || slices.ContainsFunc(s.params, func(p string) bool {
		_, ok := parameter(query, p)
		return ok
	})
}

// table finds sites by host and by the names that people put in utm_source.
type table struct {
	hosts     map[string][]site // by host
	prefixed  map[string][]site // by what follows a two-letter country
	suffixed  map[string][]site // by what precedes a top-level domain
	names     map[string]site   // values of utm_source
	listValue uint32
}

func newTable() (*table, error) {
	t := &table{hosts: map[string][]site{}, prefixed: map[string][]site{}, suffixed: map[string][]site{}, names: map[string]site{}}
	for name, text := range map[string]string{"referrers.txt": referrersText, "additions.txt": additionsText} {
		if err := t.load(text); err != nil {
			return nil, fmt.Errorf("cannot load %s: %w", name, err)
		}
	}
	if t.listValue != ListNumber {
		return nil, fmt.Errorf("cannot load referrers.txt: it has the number %d, the code %d", t.listValue, ListNumber)
	}
	for _, m := range []map[string][]site{t.hosts, t.prefixed, t.suffixed} {
		for _, sites := range m {
			slices.SortStableFunc(sites, compareSites)
		}
	}
	return t, nil
}

// compareSites puts what is bound to a path before what is not, then goes by
// kind, then by name: map order must not decide.
func compareSites(a, b site) int {
	if len(a.path) != len(b.path) {
		return len(b.path) - len(a.path)
	}
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	return strings.Compare(a.name, b.name)
}

func (t *table) load(text string) error {
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		f := strings.Fields(scan.Text())
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
			continue
		case len(f) == 2 && f[0] == "number":
			n, err := strconv.ParseUint(f[1], 10, 32)
			if err != nil {
				return fmt.Errorf("cannot read the number %q: %w", f[1], err)
			}
			t.listValue = uint32(n)
			continue
		}
		k, ok := kindNamed(f[0])
		if !ok || len(f) < 3 {
			return fmt.Errorf("cannot read the line %q", scan.Text())
		}
		for _, pattern := range f[2:] {
			t.add(site{kind: k, name: f[1]}, pattern)
		}
	}
	return scan.Err()
}

func (t *table) add(s site, pattern string) {
	if !strings.Contains(pattern, ".") {
		t.names[pattern] = s
		return
	}
	pattern, params, _ := strings.Cut(pattern, "?")
	if params != "" {
		s.params = strings.Split(params, ",")
	}
	host, path, bound := strings.Cut(pattern, "/")
	if bound {
		s.path = "/" + path
	}
	into, key := t.hosts, host
	if rest, ok := strings.CutPrefix(host, "{}."); ok {
		into, key = t.prefixed, rest
	} else if rest, ok := strings.CutSuffix(host, ".{}"); ok {
		into, key = t.suffixed, rest
	}
	if !slices.ContainsFunc(into[key], func(o site) bool { return o.name == s.name && o.kind == s.kind && o.path == s.path }) {
		into[key] = append(into[key], s)
	}
}

// byHost finds the site of a referrer: the host itself, then with a country in
// front or at the end, then as a subdomain of a site that is no search engine
// (a search engine's other subdomains are its mail and its documents).
func (t *table) byHost(host, path, query string) (site, bool) {
	if s, ok := pick(t.hosts[host], path, query, kindSearch); ok {
		return s, true
	}
	if s, ok := t.byCountry(host, path, query); ok {
		return s, true
	}
	for rest := host; ; {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			return site{}, false
		}
		if s, ok := pick(t.hosts[parent], path, query, kindSocial); ok {
			return s, true
		}
		if s, ok := pick(t.suffixed[withoutTLD(parent)], path, query, kindSocial); ok {
			return s, true
		}
		rest = parent
	}
}

func (t *table) byCountry(host, path, query string) (site, bool) {
	if len(host) > 3 && host[2] == '.' {
		if s, ok := pick(t.prefixed[host[3:]], path, query, kindSearch); ok {
			return s, true
		}
	}
	return pick(t.suffixed[withoutTLD(host)], path, query, kindSearch)
}

// byName finds what a value of utm_source means: a known name, or a host.
func (t *table) byName(source string) kind {
	if source == "" {
		return kindNone
	}
	if s, ok := t.names[source]; ok {
		return s.kind
	}
	if !strings.Contains(source, ".") {
		return kindNone
	}
	s, _ := t.byHost(strings.TrimPrefix(source, "www."), "/", "")
	return s.kind
}

// pick takes the first site that fits and whose kind is asked for.
func pick(sites []site, path, query string, last kind) (site, bool) {
	for i := range sites {
		if sites[i].kind <= last && sites[i].fits(path, query) {
			return sites[i], true
		}
	}
	return site{}, false
}

// withoutTLD cuts the top-level domain, or a country's second level such as
// co.uk and com.br, from a host. Long top-level domains are no country's, and
// anybody's.
func withoutTLD(host string) string {
	i := strings.LastIndexByte(host, '.')
	if i < 0 || len(host)-i > len(".com") {
		return ""
	}
	rest, tld := host[:i], host[i+1:]
	j := strings.LastIndexByte(rest, '.')
	if j > 0 && len(tld) == 2 && slices.Contains([]string{"co", "com", "net", "org", "ne"}, rest[j+1:]) {
		return rest[:j]
	}
	return rest
}
