package identity

import (
	"slices"

	"sourceloop/schema"
)

// joinThroughBrowsers joins contacts that share a browser, and refuses where
// both are known people.
func (f *fold) joinThroughBrowsers() {
	f.cutAmbiguous()
	for _, c := range f.claims {
		for _, b := range c.browsers {
			if c.anchor < 0 || len(f.links[b]) == 0 {
				continue
			}
			if to, found := f.partner(b, link{c, c.anchor}); found {
				f.join(to, c.anchor)
			}
		}
	}
	for b := range f.links {
		f.reportSplit(b)
	}
}

// cutAmbiguous takes all links from browsers that were seen with too many
// verified emails: those of everybody whom a link names, former ones included.
func (f *fold) cutAmbiguous() {
	emails := make(map[int]int) // of a root, how many are verified
	for i, vouched := range f.vouched {
		if vouched {
			emails[f.root(i)]++
		}
	}
	for b, links := range f.links {
		seen := make(map[int]bool)
		count := 0
		var claims []*said
		for _, l := range links {
			if r := f.root(l.node); f.email[r] && !seen[r] {
				seen[r] = true
				count += emails[r]
				claims = append(claims, l.claim)
			}
		}
		if count > MaxEmails {
			f.refuse(f.nodes[b], AmbiguousBrowser, claims...)
			delete(f.links, b)
		}
	}
}

// partner finds the contact that the browser's other identifications give one
// of its links: of those that may be joined, and have something better than the
// link itself, the one that the browser belonged to at that time.
func (f *fold) partner(browser int, l link) (node int, found bool) {
	if f.hasEmail(l.node) || f.known(l.node) && !l.claim.GetVerified() {
		return 0, false
	}
	candidates := f.others(browser, l, func(o link) bool {
		if f.known(l.node) { // a verified phone: only a verified link to an email joins it
			return f.hasEmail(o.node) && o.claim.GetVerified()
		}
		return f.known(o.node)
	})
	if len(candidates) == 0 && !f.known(l.node) {
		candidates = f.others(browser, l, func(link) bool { return true })
	}
	if len(candidates) == 0 {
		return 0, false
	}
	best := candidates[0]
	for _, o := range candidates[1:] {
		if o.claim.GetAt() <= l.claim.GetAt() {
			best = o
		}
	}
	return best.node, true
}

// others are the links of a browser to other contacts, by time.
func (f *fold) others(browser int, l link, accept func(link) bool) []link {
	var found []link
	for _, o := range f.links[browser] {
		if f.root(o.node) != f.root(l.node) && accept(o) && !f.areApart(o.node, l.node) {
			found = append(found, o)
		}
	}
	return found
}

// reportSplit records that a browser belongs to several contacts.
func (f *fold) reportSplit(browser int) {
	var roots []int
	var claims []*said
	for _, l := range f.links[browser] {
		if r := f.root(l.node); !slices.Contains(roots, r) {
			roots = append(roots, r)
			claims = append(claims, l.claim)
		}
	}
	if len(roots) > 1 {
		f.refuse(f.nodes[browser], RefusedBrowser, claims...)
	}
}

// stretches says since when a browser is whose.
func (f *fold) stretches(browser int, ids map[int]schema.ID) (since []schema.Millis, contacts []schema.ID) {
	for _, l := range f.links[browser] {
		id := ids[f.root(l.node)]
		if n := len(contacts); n > 0 && contacts[n-1] == id {
			continue
		}
		since = append(since, schema.Millis(l.claim.GetAt()))
		contacts = append(contacts, id)
	}
	return since, contacts
}
