package enrich

import (
	"regexp"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/publicsuffix"

	"sourceloop/schema"
)

// ownDomain tells whether a host is one of the listed domains or below it. The
// list is written by people: www., upper case, a scheme or a port do no harm.
func ownDomain(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		if i := strings.Index(d, "://"); i >= 0 {
			d = d[i+3:]
		}
		d, _, _ = strings.Cut(d, "/")
		d = strings.TrimPrefix(plainHost(strings.TrimSpace(d)), "*.")
		return d != "" && inside(host, d)
	})
}

// sameSite tells whether two hosts belong to the same registrable domain:
// links between shop.example.com and blog.example.com are no referrals.
func sameSite(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if inside(a, b) || inside(b, a) {
		return true
	}
	// Network addresses have no registrable domain.
	if last := a[len(a)-1]; last != b[len(b)-1] || last >= '0' && last <= '9' || last == ']' {
		return false
	}
	x, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	y, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && x == y
}

// patterns keeps the compiled regular expressions of the workspaces' rules.
type patterns struct {
	compiled *lru.Cache[string, *regexp.Regexp] // nil for one that does not compile
}

func newPatterns() *patterns {
	cache, _ := lru.New[string, *regexp.Regexp](4096) // fails for sizes below 1 only
	return &patterns{compiled: cache}
}

// applies tells whether all conditions of a workspace's rule hold. A rule
// without conditions never does: it would take everything.
func (p *patterns) applies(r *schema.ChannelRule, o *origin) bool {
	for i := range r.Conditions {
		if !p.holds(&r.Conditions[i], o) {
			return false
		}
	}
	return len(r.Conditions) > 0
}

func (p *patterns) holds(c *schema.ChannelCondition, o *origin) bool {
	values := o.values(c.Field)
	if c.Operator == "is_not" {
		return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, c.Value) })
	}
	return slices.ContainsFunc(values, func(v string) bool { return p.compare(c, v) })
}

// compare is blind to case, save for regular expressions, which say it themselves.
func (p *patterns) compare(c *schema.ChannelCondition, value string) bool {
	switch c.Operator {
	case "is":
		return strings.EqualFold(value, c.Value)
	case "contains":
		return strings.Contains(strings.ToLower(value), strings.ToLower(c.Value))
	case "starts_with":
		return strings.HasPrefix(strings.ToLower(value), strings.ToLower(c.Value))
	case "regex":
		re := p.compile(c.Value)
		return re != nil && re.MatchString(value)
	}
	return false
}

func (p *patterns) compile(expr string) *regexp.Regexp {
	if re, ok := p.compiled.Get(expr); ok {
		return re
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		re = nil // settings refuse such a rule when it is saved
	}
	p.compiled.Add(expr, re)
	return re
}

// values are what a condition's field holds; click_id holds the name of every
// click id that is present. An empty field is one empty value.
func (o *origin) values(field string) []string {
	switch field {
	case "source":
		return []string{o.source}
	case "medium":
		return []string{o.medium}
	case "campaign":
		return []string{o.utmCampaign}
	case "referrer_host":
		return []string{o.referrer.host}
	case "landing_path":
		return []string{o.page.path}
	case "click_id":
		names := make([]string, 0, len(o.clicks)+1)
		for _, id := range o.clicks {
			name, _, _ := strings.Cut(id, "=")
			names = append(names, name)
		}
		if len(names) == 0 {
			names = append(names, "")
		}
		return names
	}
	return nil
}
