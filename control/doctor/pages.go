package doctor

import (
	"slices"
	"strings"

	"sourceloop/schema"
)

// newest is when the tracker was last heard, and where.
func (f *Facts) newest() (h Host) {
	for _, other := range f.Hosts {
		if other.Last > h.Last {
			h = other
		}
	}
	return h
}

// heard finds what the tracker told on a host; its moments are 0 when nothing.
func (f *Facts) heard(host string) Host {
	for _, h := range f.Hosts {
		if sameHost(h.Host, host) {
			return h
		}
	}
	return Host{}
}

func sameHost(a, b string) bool {
	bare := func(host string) string { return strings.TrimPrefix(strings.Trim(strings.ToLower(host), "[]"), "www.") }
	return bare(a) == bare(b)
}

func (f *Facts) hostNames() string {
	var names []string
	for _, h := range f.Hosts {
		names = append(names, h.Host)
	}
	return list(names)
}

// looked tells whether there is a page whose HTML was read.
func (f *Facts) looked() bool { return f.Page != nil && f.Page.Problem == "" }

// widget is what the provider's chat on a page is called.
func (f *Facts) widget() string {
	if f.ofHubSpot() {
		return "chat"
	}
	return "Messenger"
}

func (f *Facts) putCode() string {
	return "Put the code of Setup → Tracking code on every page that has the " + f.widget() + "."
}

func (f *Facts) namePage() string {
	return "Name a page that has the " + f.widget() + ", and it is looked at."
}

func tracker(f *Facts) Finding {
	p, last := f.Page, f.newest()
	switch {
	case f.HostsErr != "":
		return unknown("What has arrived cannot be read just now: "+f.HostsErr, "Ask again in a minute.")
	case f.looked() && !p.Tracker && f.heard(p.Host).Last == 0 && !p.TagManager:
		means := "A chat from there has no source."
		if last.Last != 0 {
			means += " The tracker was heard on " + f.hostNames() + "."
		}
		return Finding{State: Failed, Text: "The page " + p.URL + " does not carry the tracking code.", Means: means, Fix: f.putCode(), AsOf: p.At}
	case f.looked() && p.Tracker && p.Blocked && f.heard(p.Host).Last == 0:
		return Finding{State: Failed, Text: "The page " + p.URL + " carries the tracking code, and its content security policy forbids to load it.",
			Means: "Browsers do not run the tracker.", Fix: "Allow this server's address under script-src and connect-src of the policy.", AsOf: p.At}
	case last.Last != 0:
		return ok(last.Last, "Heard on %s; last %s.", f.hostNames(), f.ago(last.Last))
	case f.looked() && p.Tracker:
		return Finding{State: Warning, Text: "The page " + p.URL + " carries the tracking code, and nothing was heard of it in the last 24 hours.",
			Means: "Nobody was there, or something keeps it from sending; the next steps tell.", Fix: "Open the page in a private window with ?sl_debug=1 and look at the browser's console.", AsOf: p.At}
	case p != nil && p.Problem != "":
		return Finding{State: Failed, Text: "Nothing was heard of the tracker in the last 24 hours, and the page could not be looked at: " + p.Problem,
			Means: "Chats have no source.", Fix: f.putCode(), AsOf: f.Now}
	}
	return Finding{State: Failed, Text: "Nothing was heard of the tracker in the last 24 hours.", Means: "Chats have no source.", Fix: f.putCode() + " " + f.namePage(), AsOf: f.Now}
}

func key(f *Facts) Finding {
	p, last := f.Page, f.newest()
	switch {
	case f.looked() && p.Tracker && p.Key != "" && p.Key != f.SiteKey:
		return Finding{State: Failed, Text: "The page " + p.URL + " sends the key " + short(p.Key) + ", and this workspace's is " + f.SiteKey + ".",
			Means: "What its visitors do is not counted here.", Fix: "Copy the code of Setup → Tracking code again; data-key must be " + f.SiteKey + ".", AsOf: p.At}
	case f.looked() && p.Tracker && p.Key == "":
		return Finding{State: Failed, Text: "The tracking code on " + p.URL + " has no key.", Means: "What its visitors do belongs to nobody.",
			Fix: "Copy the code of Setup → Tracking code again, with data-key.", AsOf: p.At}
	case f.looked() && p.Tracker:
		return ok(p.At, "The page sends this workspace's key.")
	case last.Last != 0:
		return ok(last.Last, "What was heard of %s came with this workspace's key.", last.Host)
	}
	return unknown("No page was looked at.", f.namePage())
}

// short keeps a foreign page from filling ours.
func short(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

func consent(f *Facts) Finding {
	p := f.Page
	switch {
	case f.looked() && p.Tracker && p.Consent != "" && f.heard(p.Host).Last == 0 && f.HostsErr == "":
		fix := `Have the consent banner call sourceloop.consent("granted") on every page once the visitor has agreed, then agree yourself and ask again.`
		if p.Consent == "google" {
			fix = "Have the consent banner tell Google Consent Mode that analytics_storage is granted, then agree yourself and ask again."
		}
		means := "Before consent nothing is sent and the Messenger gets no id, so that chats have no source."
		if f.ofHubSpot() {
			means = "Before consent nothing is sent, so that chats have no source."
		}
		return Finding{State: Failed, Text: "The page " + p.URL + ` waits for consent (data-consent="` + p.Consent + `"), and none was given in the last 24 hours.`,
			Means: means, Fix: fix, AsOf: p.At}
	case f.looked() && p.Tracker && p.Consent != "":
		at := f.heard(p.Host).Last
		return ok(at, "The page waits for consent, and it was given %s. A chat of somebody who refuses has no source.", f.ago(at))
	case f.looked() && p.Tracker:
		return ok(p.At, "The page asks for none, so that the tracker begins at once; only Global Privacy Control stops it.")
	case len(f.Hosts) > 0:
		last := f.newest()
		return ok(last.Last, "Hits arrive from %s, so that it was given there. A chat of somebody who refuses has no source.", last.Host)
	}
	return unknown("Nothing was heard of the tracker, and no page was looked at.", f.namePage())
}

// elsewhere are the hosts of chats on whose pages the tracker was not heard.
func (f *Facts) elsewhere() (hosts []string, at schema.Millis) {
	if f.Vendor == nil || f.HostsErr != "" {
		return nil, 0
	}
	for _, c := range f.Vendor.Chats {
		if c.Host == "" || c.Tied || f.heard(c.Host).Last != 0 || slices.Contains(hosts, c.Host) {
			continue
		}
		hosts, at = append(hosts, c.Host), max(at, c.At)
	}
	return hosts, at
}

func messenger(f *Facts) Finding {
	if f.Stranger {
		return opened(f)
	}
	var pushed, stub, throttled, left Host
	for _, h := range f.Hosts {
		pushed, stub = later(pushed, h, h.Pushed > pushed.Pushed), later(stub, h, h.Stub > stub.Stub)
		throttled, left = later(throttled, h, h.Throttled > throttled.Throttled), later(left, h, h.Left > left.Left)
	}
	hosts, at := f.elsewhere()
	switch {
	case len(hosts) > 0:
		means := "The tracker ties a chat to a visit on its own pages only, so that these chats have no source."
		if len(f.Hosts) > 0 {
			means += " It was heard on " + f.hostNames() + "."
		}
		return Finding{State: Failed, Text: "Chats were begun on " + list(hosts) + ", where the tracker was not heard.", Means: means,
			Fix: "Put the tracking code on the pages of " + list(hosts) + ", too, or load the Messenger where the tracker is.", AsOf: at}
	case stub.Stub > pushed.Pushed:
		return Finding{State: Warning, Text: "On " + stub.Host + " the page asks for the Messenger, and its script never came (" + f.ago(stub.Stub) + ").",
			Means: "An ad blocker, or the page's content security policy, keeps it away.", Fix: "Open the page without blockers and look at the browser's console for what is refused.", AsOf: stub.Stub}
	case throttled.Throttled > pushed.Pushed:
		return Finding{State: Warning, Text: "On " + throttled.Host + " the Messenger was started so often that it takes no more updates.",
			Means: "It may not have the visitor's id.", Fix: "Have the site boot the Messenger once per page load.", AsOf: throttled.Throttled}
	case pushed.Pushed != 0:
		return ok(pushed.Pushed, "The tracker gave the Messenger on %s the visitor's id %s.", pushed.Host, f.ago(pushed.Pushed))
	case f.looked() && f.Page.Messenger:
		return ok(f.Page.At, "The page %s carries the Messenger.", f.Page.URL)
	case f.looked() && len(f.Page.FramedHosts) > 0:
		return Finding{State: Warning, Text: "The page has no Messenger of its own, and shows frames of " + list(f.Page.FramedHosts) + ".",
			Means: "The tracker does not reach a Messenger inside a frame of another site.", Fix: "Load the Messenger in the page itself.", AsOf: f.Page.At}
	case left.Left != 0:
		return Finding{State: Warning, Text: "On the pages that were left in the last 24 hours the tracker saw no Messenger.",
			Means: "If the Messenger is on other pages, the tracker must be there as well.", Fix: "Open a page with the Messenger, leave it, and ask again.", AsOf: left.Left}
	}
	return unknown("No page with the tracker was left in the last 24 hours, and that is when it tells whether there was a Messenger.", "Open a page with the Messenger, leave it, and ask again.")
}

// opened is all that is known of the chat of a provider that is a stranger.
func opened(f *Facts) Finding {
	var newest Host
	for _, h := range f.Hosts {
		newest = later(newest, h, h.Messaged > newest.Messaged)
	}
	if newest.Messaged == 0 {
		return unknown("No chat was opened on a page with the tracker in the last 24 hours.", "Open the chat on such a page and ask again.")
	}
	return ok(newest.Messaged, "A chat was opened on %s %s.", newest.Host, f.ago(newest.Messaged))
}

func later(a, b Host, is bool) Host {
	if is {
		return b
	}
	return a
}
