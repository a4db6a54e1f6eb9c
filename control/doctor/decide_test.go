package doctor_test

import (
	"strings"
	"testing"
	"time"

	"sourceloop/control/doctor"
	"sourceloop/schema"
)

const now = schema.Millis(1_790_000_000_000)

func before(d time.Duration) schema.Millis { return now.Add(-d) }

// healthy is a set-up in which nothing is wrong.
func healthy() *doctor.Facts {
	chat := doctor.Chat{
		ID: "1", At: before(10 * time.Minute), Host: "shop.example", Asked: true, Tied: true, Named: true, Here: true, Count: true,
	}
	return &doctor.Facts{
		Now: now, Provider: "Intercom", Secret: "SOURCELOOP_INTERCOM_CLIENT_SECRET", SiteKey: "sl_mine", HookURL: "https://loop.example/hooks/intercom",
		Connection: doctor.Connection{State: "connected", Name: "Acme", App: "acme1", Since: before(time.Hour), LastWebhook: before(9 * time.Minute)},
		Vendor: &doctor.Vendor{
			At: now, Identity: doctor.Told, App: "acme1", Name: "Acme", Clocked: true, Ahead: time.Second,
			Attributes: doctor.Told, Attribute: doctor.Attribute{Found: true, Writable: true, Type: "string"},
			Conversations: doctor.Told, Chats: []doctor.Chat{chat},
		},
		Signals: []doctor.Signal{
			{What: "contact.lead.created", Last: before(9 * time.Minute)}, {What: "conversation.user.created", Last: before(9 * time.Minute)},
		},
		Hosts: []doctor.Host{{Host: "www.shop.example", Page: "https://www.shop.example/", Last: before(time.Minute), Left: before(time.Minute), Pushed: before(time.Minute)}},
		Page:  &doctor.Page{At: now, URL: "https://shop.example/", Host: "shop.example", Tracker: true, Key: "sl_mine", Messenger: true, App: "acme1"},
	}
}

// lost is a chat that has not arrived.
func lost(f *doctor.Facts) { f.Vendor.Chats[0].Here, f.Vendor.Chats[0].Count = false, false }

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		breaks func(*doctor.Facts)
		cause  string // the step named, or ""
		state  doctor.State
		says   string
	}{
		{"nothing", func(*doctor.Facts) {}, "", doctor.OK, "Nothing is in the way"},
		{"disconnected", func(f *doctor.Facts) { f.Connection.State, f.Vendor = "disconnected", nil }, "token", doctor.Failed, "not connected"},
		{"pending", func(f *doctor.Facts) { f.Connection.State, f.Vendor = "pending", nil }, "token", doctor.Warning, "not finished"},
		{"no token", func(f *doctor.Facts) { f.Vendor = nil }, "token", doctor.Failed, "no token"},
		{"the token is dead", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Denied} }, "token", doctor.Failed, "does not accept"},
		{"dead, with a notice", func(f *doctor.Facts) {
			f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Denied}
			f.Signals = append(f.Signals, doctor.Signal{What: "(uninstall)", Last: before(time.Minute)})
		}, "token", doctor.Failed, "A notice that the app was removed came 1 minute ago"},
		{"the app may not ask who it is", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Restricted} }, "token", doctor.Failed, "permission"},
		{"the provider is away", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Unreachable} }, "", doctor.Unknown, ""},
		{"the clock is off", func(f *doctor.Facts) { f.Vendor.Ahead = 10 * time.Minute }, "clock", doctor.Failed, "10m0s behind"},
		{"the clock is ahead", func(f *doctor.Facts) { f.Vendor.Ahead = -40 * time.Second }, "clock", doctor.Warning, "40s ahead of"},
		{"another account", func(f *doctor.Facts) { f.Vendor.App = "other1" }, "routing", doctor.Failed, "other1"},
		{"another Messenger", func(f *doctor.Facts) { f.Page.App = "other1" }, "routing", doctor.Failed, "another workspace"},
		{"taken by another workspace", func(f *doctor.Facts) {
			f.Connection.State, f.Connection.LastError = "error", "It is connected to another workspace here."
		}, "routing", doctor.Failed, "connected to another workspace here"},
		{"no tracker anywhere", func(f *doctor.Facts) { f.Hosts, f.Page = nil, nil }, "tracker", doctor.Failed, "Nothing was heard"},
		{"no tracker on the page", func(f *doctor.Facts) { f.Page = &doctor.Page{At: now, URL: "https://b.example/", Host: "b.example"} }, "tracker", doctor.Failed, "does not carry"},
		{"a tag manager", func(f *doctor.Facts) {
			f.Page = &doctor.Page{At: now, URL: "https://b.example/", Host: "b.example", TagManager: true}
		}, "", doctor.OK, ""},
		{"the page is away", func(f *doctor.Facts) { f.Hosts, f.Page = nil, &doctor.Page{At: now, Problem: "it did not answer"} }, "tracker", doctor.Failed, "did not answer"},
		{"the policy", func(f *doctor.Facts) { f.Hosts, f.Page.Blocked = nil, true }, "tracker", doctor.Failed, "content security policy"},
		{"on the page and silent", func(f *doctor.Facts) { f.Hosts = nil }, "tracker", doctor.Warning, "nothing was heard of it"},
		{"another key", func(f *doctor.Facts) { f.Page.Key = "sl_" + strings.Repeat("x", 90) }, "key", doctor.Failed, "sends the key sl_xxxxx"},
		{"no key", func(f *doctor.Facts) { f.Page.Key = "" }, "key", doctor.Failed, "has no key"},
		{"no consent", func(f *doctor.Facts) {
			f.Page.Host, f.Page.Consent = "b.example", "required"
		}, "consent", doctor.Failed, `sourceloop.consent("granted")`},
		{"no consent by Google", func(f *doctor.Facts) { f.Page.Host, f.Page.Consent = "b.example", "google" }, "consent", doctor.Failed, "analytics_storage"},
		{"consent was given", func(f *doctor.Facts) { f.Page.Consent = "required" }, "", doctor.OK, ""},
		{"a Messenger elsewhere", func(f *doctor.Facts) { f.Vendor.Chats[0].Host, f.Vendor.Chats[0].Tied = "help.example", false }, "messenger", doctor.Failed, "help.example"},
		{"elsewhere, and tied all the same", func(f *doctor.Facts) { f.Vendor.Chats[0].Host = "help.example" }, "", doctor.OK, ""},
		{"the script is blocked", func(f *doctor.Facts) { f.Hosts[0].Stub = now }, "messenger", doctor.Warning, "never came"},
		{"told too often", func(f *doctor.Facts) { f.Hosts[0].Throttled = now }, "messenger", doctor.Warning, "so often"},
		{"a Messenger in a frame", func(f *doctor.Facts) {
			f.Hosts[0].Pushed, f.Page.Messenger, f.Page.App, f.Page.FramedHosts = 0, false, "", []string{"chat.example"}
		}, "messenger", doctor.Warning, "frames of chat.example"},
		{"no Messenger", func(f *doctor.Facts) { f.Hosts[0].Pushed, f.Page = 0, nil }, "messenger", doctor.Warning, "saw no Messenger"},
		{"the attribute is missing", func(f *doctor.Facts) { f.Vendor.Attribute = doctor.Attribute{} }, "attribute", doctor.Failed, "no attribute"},
		{"the attribute is archived", func(f *doctor.Facts) { f.Vendor.Attribute.Archived = true }, "attribute", doctor.Failed, "archived"},
		{"the attribute cannot be written", func(f *doctor.Facts) { f.Vendor.Attribute.Writable = false }, "attribute", doctor.Failed, "may not write"},
		{"the attribute's type", func(f *doctor.Facts) { f.Vendor.Attribute.Type = "date" }, "attribute", doctor.Failed, "the type date"},
		{"identity verification", func(f *doctor.Facts) { f.Vendor.Verified, f.Vendor.Chats[0].Tied = true, false }, "identity", doctor.Failed, "1 contact of the newest"},
		{"identity verification, harmless so far", func(f *doctor.Facts) { f.Vendor.Verified = true }, "identity", doctor.Warning, "intercom_user_jwt"},
		{"no id", func(f *doctor.Facts) { f.Vendor.Chats[0].Tied = false }, "tied", doctor.Warning, "The newest chat's contact carries no"},
		{"a wrong signature", func(f *doctor.Facts) {
			lost(f)
			f.Signals, f.Connection.LastWebhook = []doctor.Signal{{What: "(unsigned)", Last: before(time.Minute)}}, 0
		}, "signature", doctor.Failed, "into SOURCELOOP_INTERCOM_CLIENT_SECRET, and"},
		{"a stranger's signature, long ago", func(f *doctor.Facts) {
			f.Signals = append(f.Signals, doctor.Signal{What: "(unsigned)", Last: before(time.Hour)})
		}, "", doctor.OK, ""},
		{"no webhook", func(f *doctor.Facts) { lost(f); f.Signals, f.Connection.LastWebhook = nil, 0 }, "webhooks", doctor.Failed, "None has ever come"},
		{"no webhook lately", func(f *doctor.Facts) {
			lost(f)
			f.Vendor.Chats[0].At = before(time.Minute)
		}, "webhooks", doctor.Failed, "The last one came 9 minutes ago"},
		{"just begun", func(f *doctor.Facts) {
			lost(f)
			f.Vendor.Chats[0].At = before(5 * time.Second)
		}, "", doctor.OK, ""},
		{"no topic of conversations", func(f *doctor.Facts) { lost(f); f.Signals = f.Signals[:1] }, "topics", doctor.Failed, "none about conversations"},
		{"no topic of people", func(f *doctor.Facts) { f.Signals, f.Vendor.Chats[0].Count = f.Signals[1:], false }, "topics", doctor.Failed, "none about people"},
		{"no topic of people yet", func(f *doctor.Facts) { f.Signals = f.Signals[1:] }, "topics", doctor.Warning, "none about people"},
		{"the plan", func(f *doctor.Facts) { f.Vendor.Conversations, f.Vendor.Chats = doctor.Restricted, nil }, "plan", doctor.Warning, "about conversations"},
		{"a provider that the doctor does not know", func(f *doctor.Facts) {
			f.Stranger, f.Vendor, f.Signals, f.Hosts[0].Messaged = true, &doctor.Vendor{At: now, Identity: doctor.Unreachable}, nil, now
		}, "", doctor.OK, "cannot ask Intercom yet"},
		{"waiting", func(f *doctor.Facts) { lost(f); f.Waiting = 2 }, "contacts", doctor.Warning, "2 webhooks wait"},
		{"set aside", func(f *doctor.Facts) { lost(f) }, "contacts", doctor.Failed, "although webhooks came"},
		{"ClickHouse is away", func(f *doctor.Facts) { f.Hosts, f.HostsErr, f.Page = nil, "no answer.", nil }, "", doctor.Unknown, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := healthy()
			test.breaks(f)
			r := doctor.Decide(f)
			if r.Cause != test.cause || !strings.Contains(words(r), test.says) {
				t.Fatalf("the cause is %q, not %q, or nothing says %q:\n%s", r.Cause, test.cause, test.says, words(r))
			}
			for _, found := range r.Findings {
				if found.Step == test.cause && found.State != test.state {
					t.Errorf("%s is %s, not %s", found.Step, found.State, test.state)
				}
				complete(t, found)
			}
		})
	}
}

// complete: whoever reads a finding is told what it means and what to do, and
// how old it is.
func complete(t *testing.T, f doctor.Finding) {
	t.Helper()
	bad := f.State == doctor.Failed || f.State == doctor.Warning
	if f.Text == "" || f.Step == "" || f.Name == "" || bad && (f.Means == "" || f.Fix == "") || f.State == doctor.OK && f.Fix != "" {
		t.Errorf("a finding lacks words: %+v", f)
	}
	if (f.State == doctor.Unknown) != (f.AsOf == 0) {
		t.Errorf("how old is this? %+v", f)
	}
	if strings.Contains(f.Text+f.Means+f.Fix, "  ") || strings.Contains(f.Text, "..") {
		t.Errorf("the words do not fit together: %+v", f)
	}
}

// atHubSpot is a HubSpot set-up in which nothing is wrong.
func atHubSpot() *doctor.Facts {
	f := healthy()
	f.Provider, f.Word, f.Secret, f.HookURL = "HubSpot", "hubspot", "SOURCELOOP_HUBSPOT_CLIENT_SECRET", "https://loop.example/hooks/hubspot"
	f.Connection.App, f.Vendor.App, f.Page.App, f.Page.Hub = "4242", "4242", "acme1", "4242"
	f.Vendor.Chats[0].Host, f.Vendor.Chats[0].Tied = "", false
	f.Hosts[0].Pushed, f.Hosts[0].Messaged = 0, before(10*time.Minute)
	f.Signals = []doctor.Signal{
		{What: "contact.creation", Last: before(9 * time.Minute)}, {What: "conversation.creation", Last: before(9 * time.Minute)},
	}
	return f
}

func TestDecideAtHubSpot(t *testing.T) {
	for _, test := range []struct {
		name   string
		breaks func(*doctor.Facts)
		cause  string
		state  doctor.State
		says   string
	}{
		{"nothing", func(*doctor.Facts) {}, "", doctor.OK, "Nothing is in the way"},
		{"disconnected", func(f *doctor.Facts) { f.Connection.State, f.Vendor = "disconnected", nil }, "token", doctor.Failed, "HubSpot is not connected"},
		{"no token", func(f *doctor.Facts) { f.Vendor = nil }, "token", doctor.Failed, "no token"},
		{"no app here", func(f *doctor.Facts) {
			f.Stranger, f.Vendor = true, &doctor.Vendor{At: now, Identity: doctor.Unreachable}
		}, "", doctor.OK, "Set SOURCELOOP_HUBSPOT_CLIENT_ID and SOURCELOOP_HUBSPOT_CLIENT_SECRET"},
		{"the token is dead", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Denied} }, "token", doctor.Failed, "HubSpot says that the token is dead"},
		{"the app is refused", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Foreign} }, "token", doctor.Failed, "client id and client secret"},
		{"HubSpot is away", func(f *doctor.Facts) { f.Vendor = &doctor.Vendor{At: now, Identity: doctor.Unreachable} }, "", doctor.Unknown, "HubSpot gave no usable answer"},
		{"the clock is off", func(f *doctor.Facts) { f.Vendor.Ahead = 10 * time.Minute }, "clock", doctor.Failed, "10m0s behind HubSpot's"},
		{"another account", func(f *doctor.Facts) { f.Vendor.App = "77" }, "routing", doctor.Failed, "opens the account 77"},
		{"another account's code on the page", func(f *doctor.Facts) { f.Page.Hub = "77" }, "routing", doctor.Failed, "belongs to the account 77"},
		{"an error on the card", func(f *doctor.Facts) {
			f.Connection.State, f.Connection.LastError = "error", "It is of the type number."
		}, "routing", doctor.Failed, "of the type number"},
		{"no tracker anywhere", func(f *doctor.Facts) { f.Hosts, f.Page = nil, nil }, "tracker", doctor.Failed, "every page that has the chat"},
		{"no consent", func(f *doctor.Facts) { f.Page.Host, f.Page.Consent = "b.example", "required" }, "consent", doctor.Failed, "nothing is sent, so that"},
		{"chats where the tracker is not", func(f *doctor.Facts) { f.Hosts[0].Messaged = 0 }, "messenger", doctor.Warning, "the tracker saw none begin"},
		{"no chat at all", func(f *doctor.Facts) { f.Hosts[0].Messaged, f.Vendor.Chats = 0, nil }, "", doctor.OK, "No chat was begun"},
		{"the property is missing", func(f *doctor.Facts) { f.Vendor.Attribute = doctor.Attribute{} }, "attribute", doctor.Warning, "no contact property sourceloop_id"},
		{"the property is archived", func(f *doctor.Facts) { f.Vendor.Attribute.Archived = true }, "attribute", doctor.Warning, "Archived, then press Test"},
		{"the property's type", func(f *doctor.Facts) { f.Vendor.Attribute.Type = "number" }, "attribute", doctor.Warning, "the type number"},
		{"a property that cannot be read", func(f *doctor.Facts) { f.Vendor.Attributes = doctor.Restricted }, "plan", doctor.Warning, "about contact properties"},
		{"a wrong signature", func(f *doctor.Facts) {
			lost(f)
			f.Signals, f.Connection.LastWebhook = []doctor.Signal{{What: "(unsigned)", Last: before(time.Minute)}}, 0
		}, "signature", doctor.Failed, "X-HubSpot-Signature-v3"},
		{"no webhook", func(f *doctor.Facts) { lost(f); f.Signals, f.Connection.LastWebhook = nil, 0 }, "webhooks", doctor.Failed, "targetUrl in webhooks-hsmeta.json to https://loop.example/hooks/hubspot"},
		{"just begun", func(f *doctor.Facts) { lost(f); f.Vendor.Chats[0].At = before(5 * time.Second) }, "", doctor.OK, ""},
		{"no subscription of conversations, and the chat is here by its contact", func(f *doctor.Facts) {
			f.Signals[1].Last = before(time.Hour)
		}, "topics", doctor.Failed, "no conversation.creation"},
		{"no subscription of contacts", func(f *doctor.Facts) { f.Signals, f.Vendor.Chats[0].Count = f.Signals[1:], false }, "topics", doctor.Failed, "no contact.creation"},
		{"no webhook of contacts yet", func(f *doctor.Facts) { f.Signals = f.Signals[1:] }, "topics", doctor.Warning, "none about contacts"},
		{"a scope", func(f *doctor.Facts) { f.Vendor.Lacks = []string{"conversations.read"} }, "plan", doctor.Failed, "lacks 1 scope: conversations.read"},
		{"the plan", func(f *doctor.Facts) { f.Vendor.Conversations, f.Vendor.Chats = doctor.Restricted, nil }, "plan", doctor.Failed, "about conversations"},
		{"waiting", func(f *doctor.Facts) { lost(f); f.Waiting = 2 }, "contacts", doctor.Warning, "2 webhooks wait"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := atHubSpot()
			test.breaks(f)
			r := doctor.Decide(f)
			if r.Cause != test.cause || !strings.Contains(words(r), test.says) {
				t.Fatalf("the cause is %q, not %q, or nothing says %q:\n%s", r.Cause, test.cause, test.says, words(r))
			}
			for _, found := range r.Findings {
				if found.Step == test.cause && found.State != test.state {
					t.Errorf("%s is %s, not %s", found.Step, found.State, test.state)
				}
				complete(t, found)
			}
			for _, theirs := range []string{"Messenger", "Developer Hub", "Intercom", "tick "} {
				if strings.Contains(words(r), theirs) && f.Page != nil {
					t.Errorf("%q is not a word of HubSpot's:\n%s", theirs, words(r))
				}
			}
		})
	}
}

func words(r doctor.Report) string {
	all := []string{r.Headline}
	for _, f := range r.Findings {
		all = append(all, string(f.State)+" "+f.Step+": "+f.Text+" "+f.Means+" → "+f.Fix)
	}
	return strings.Join(all, "\n")
}
