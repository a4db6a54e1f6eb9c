package doctor

import (
	"fmt"
	"time"

	"sourceloop/schema"
)

func (f *Facts) ofHubSpot() bool { return f.Word == "hubspot" }

// hubspotSteps leaves out what HubSpot has not: identity verification, and an
// id that its chat puts on people. There a conversation ties a browser.
func hubspotSteps() []step {
	return []step{
		{"token", "Access to HubSpot", hubspotToken},
		{"clock", "Clock", clock},
		{"routing", "Routing", hubspotRouting},
		{"tracker", "Tracker on the pages", tracker},
		{"key", "Site key", key},
		{"consent", "Consent", consent},
		{"messenger", "Chat on the tracker's pages", hubspotChat},
		{"attribute", "Contact property sourceloop_id", hubspotProperty},
		{"signature", "Signature of webhooks", hubspotSignature},
		{"webhooks", "Webhooks arrive", hubspotWebhooks},
		{"topics", "Subscriptions of webhooks", hubspotSubscriptions},
		{"plan", "HubSpot's scopes and plan", hubspotPlan},
		{"contacts", "Chats become contacts", contacts},
	}
}

const (
	// hubspotFile is where a developer project says what webhooks it wants.
	hubspotFile = "webhooks-hsmeta.json"
	// hubspotUpload makes a change of it hold.
	hubspotUpload = " and upload the project (hs project upload); HubSpot needs up to five minutes to follow."
)

func account(name string) string {
	if name == "" {
		return "the account"
	}
	return "the account " + name
}

func hubspotToken(f *Facts) Finding {
	v := f.Vendor
	switch {
	case f.Connection.State == "disconnected" || f.Connection.State == "pending":
		return token(f)
	case f.Stranger:
		return unknown("HubSpot can be asked by its app only, and none is set here.", "Set SOURCELOOP_HUBSPOT_CLIENT_ID and "+f.Secret+" to those of the app in HubSpot's developer project.")
	case v == nil:
		return token(f)
	case v.Identity == Told:
		return ok(v.At, "HubSpot says that the token is good: it opens %s.", account(v.Name))
	case v.Identity == Denied:
		return Finding{State: Failed, Text: "HubSpot says that the token is dead.",
			Means: "The app was removed there, or the person who connected it left; HubSpot sends no webhooks then.",
			Fix:   "Click Reconnect on the card and agree, as a super admin of " + account(f.Connection.Name) + ". If HubSpot does not take that either, compare the app's client id and secret.", AsOf: v.At}
	case v.Identity == Foreign:
		return Finding{State: Failed, Text: "HubSpot does not take the app's client id and client secret.",
			Means: "Tokens cannot be renewed and end within half an hour, and no webhook's signature fits.",
			Fix:   "Copy both from the app's page in HubSpot's developer project into SOURCELOOP_HUBSPOT_CLIENT_ID and " + f.Secret + ", and start the server again.", AsOf: v.At}
	}
	return token(f)
}

func hubspotRouting(f *Facts) Finding {
	v, c, p := f.Vendor, f.Connection, f.Page
	told := v != nil && v.Identity == Told
	switch {
	case told && c.App != "" && v.App != c.App:
		return Finding{State: Failed, Text: "The token opens the account " + v.App + ", and webhooks are taken for " + c.App + ".",
			Means: "Chats of " + v.App + " go nowhere.", Fix: "Click Reconnect on the card and choose the account whose chat is on your site.", AsOf: v.At}
	case p != nil && p.Hub != "" && c.App != "" && p.Hub != c.App:
		return Finding{State: Failed, Text: "HubSpot's code on " + p.URL + " belongs to the account " + p.Hub + "; connected is " + c.App + " (" + c.Name + ").",
			Means: "Its chats go to another account of HubSpot, which tells nothing here.",
			Fix:   "Connect the account " + p.Hub + ", or put the code of " + c.App + " on the page.", AsOf: p.At}
	case told && c.State == "error":
		return Finding{State: Failed, Text: c.LastError, Means: "The connection is not routed, so its webhooks are not worked on.",
			Fix: "Do what the sentence says, then click Test on the card.", AsOf: c.Since}
	case c.App == "" || c.State != "connected":
		return unknown("Nothing is routed here, since HubSpot is not connected.", "")
	case p != nil && p.Hub == c.App:
		return ok(p.At, "HubSpot's code on %s belongs to the connected account %s.", p.Host, c.App)
	}
	return ok(f.Now, "Webhooks of the account %s (%s) are taken for this workspace, by their portalId.", c.App, c.Name)
}

// hubspotChat: the chat tells the page which conversation it began, and the
// tracker tells that a chat was opened.
func hubspotChat(f *Facts) Finding {
	var newest Host
	for _, h := range f.Hosts {
		newest = later(newest, h, h.Messaged > newest.Messaged)
	}
	if newest.Messaged != 0 {
		return ok(newest.Messaged, "A chat was begun on %s %s, where the tracker saw it.", newest.Host, f.ago(newest.Messaged))
	}
	if f.Vendor != nil && f.HostsErr == "" {
		for _, c := range f.Vendor.Chats {
			if age := f.Now.Sub(c.At); age > grace && age < 23*time.Hour {
				return Finding{State: Warning, Text: "HubSpot has a chat that began " + f.ago(c.At) + ", and the tracker saw none begin in the last 24 hours.",
					Means: "HubSpot ties a chat to a browser by the conversation that it begins on the page, so that these chats have no source.",
					Fix:   "Put the tracking code on every page that has HubSpot's chat. If it is there, the visitors gave no consent: begin a chat yourself and ask again.", AsOf: c.At}
			}
		}
	}
	return unknown("No chat was begun on a page with the tracker in the last 24 hours.", "Begin a chat on such a page and ask again.")
}

func hubspotProperty(f *Facts) Finding {
	v := f.Vendor
	if v == nil || v.Attributes != Told {
		return unknown("It could not be read.", "")
	}
	const name = "The contact property sourceloop_id"
	// Nothing of it is a failure: a conversation ties the browser all the same.
	bad := Finding{State: Warning, AsOf: v.At,
		Means: "Contacts whom your site itself names with an email (_hsq identify) carry no id. Chats arrive all the same, since a conversation ties its browser."}
	switch a := v.Attribute; {
	case a.Archived:
		bad.Text = name + " is in HubSpot's archive, where its name stays taken."
		bad.Fix = "Restore it in HubSpot under Settings → Properties → Archived, then press Test on the card."
	case !a.Found:
		bad.Text, bad.Fix = "HubSpot has no contact property sourceloop_id.", "Press Test on the card: it is created."
	case a.Type != "string":
		bad.Text = name + " has the type " + a.Type + ", and it must be string."
		bad.Fix = "Rename or archive it in HubSpot under Settings → Properties, or change its field type there to Single-line text, then press Test on the card."
	default:
		return ok(v.At, "It is there and is text. HubSpot has no switch that keeps its chat from writing it.")
	}
	return bad
}

func hubspotSignature(f *Facts) Finding {
	wrong, right := f.last(unsigned), f.signed()
	if wrong == 0 || wrong <= right {
		return signature(f)
	}
	return Finding{State: Failed, Text: "A webhook that names this account came " + f.ago(wrong) + ", and its X-HubSpot-Signature-v3 does not fit.",
		Means: "It was refused. The client secret here is another than that of the app, the target URL is another than the server's own address, the clock is off by five minutes, or somebody tries.",
		Fix: "Copy the client secret from the app in HubSpot's developer project into " + f.Secret + " and start the server again. The targetUrl in " +
			hubspotFile + " must be exactly " + f.HookURL + ", since HubSpot signs it.", AsOf: wrong}
}

func hubspotWebhooks(f *Facts) Finding {
	last := f.signed()
	late, missing := f.overdue()
	heard := "None has ever come."
	if last != 0 {
		heard = "The last one came " + f.ago(last) + "."
	}
	switch {
	case missing && last < late.At && f.last(unsigned) >= late.At:
		return Finding{State: Failed, Text: "Webhooks come, and are refused for their signature.", Means: "Chats do not arrive.", Fix: "See the step before.", AsOf: late.At}
	case missing && last < late.At:
		return Finding{State: Failed, Text: "HubSpot has a chat that began " + f.ago(late.At) + ", and no webhook came since. " + heard,
			Means: "New chats do not arrive by themselves.",
			Fix: "In the developer project set the targetUrl in " + hubspotFile + " to " + f.HookURL + ", have the subscription conversation.creation active there," +
				hubspotUpload + " The address must be reachable from the internet; the app's log of webhooks in HubSpot says how it answered.", AsOf: late.At}
	case last == 0:
		return unknown(heard, "Begin a chat on your site and ask again. If none comes then, compare the targetUrl in "+hubspotFile+" with "+f.HookURL+".")
	}
	return ok(last, "%s", heard)
}

// hubspotSubscriptions compares what came with what HubSpot tells of every
// chat: conversation.creation and conversation.newMessage.
func hubspotSubscriptions(f *Facts) Finding {
	people, chats := f.last(ofContact), f.last(ofChat)
	const tick = "In the developer project make the subscriptions active that the README lists, in " + hubspotFile + " under hubEvents (conversation.…) and legacyCrmObjects (contact.…)," + hubspotUpload
	newest := f.newestChat()
	switch {
	case people == 0 && chats == 0:
		return unknown("No webhook of a chat has come yet.", "")
	case newest != 0 && people >= newest && chats < newest:
		return Finding{State: Failed, Text: "Webhooks about contacts come, and no conversation.creation: HubSpot has a chat that began " + f.ago(newest) + ".",
			Means: "A chat arrives only when its visitor becomes a contact, and others never do.", Fix: tick, AsOf: people}
	case f.unnamed().ID != "" && people < f.unnamed().At:
		return Finding{State: Failed, Text: "Webhooks about conversations come, and no contact.creation or contact.propertyChange: somebody who began a chat " + f.ago(f.unnamed().At) + " gave an email or a phone.",
			Means: "What is given after the chat began arrives with the next message only, so that there is no contact.", Fix: tick, AsOf: chats}
	case chats == 0:
		return Finding{State: Warning, Text: "Webhooks about contacts have come, and none about conversations.",
			Means: "Chats of people who give no email may not arrive.", Fix: tick, AsOf: people}
	case people == 0:
		return Finding{State: Warning, Text: "Webhooks about conversations have come, and none about contacts.",
			Means: "An email that is given after the chat began arrives with the next message only.", Fix: tick, AsOf: chats}
	}
	return ok(max(people, chats), "contact.… %s, conversation.… %s.", f.ago(people), f.ago(chats))
}

// newestChat is when the newest began of which a webhook should have come; 0
// for none.
func (f *Facts) newestChat() schema.Millis {
	if f.Vendor == nil {
		return 0
	}
	for _, c := range f.Vendor.Chats {
		if f.Now.Sub(c.At) > grace {
			return c.At
		}
	}
	return 0
}

func hubspotPlan(f *Facts) Finding {
	v := f.Vendor
	if v == nil || v.Identity != Told {
		return unknown("It could not be asked.", "")
	}
	if len(v.Lacks) > 0 {
		return Finding{State: Failed, Text: fmt.Sprintf("The token lacks %s: %s.", several(len(v.Lacks), "scope", "scopes"), list(v.Lacks)),
			Means: "HubSpot refuses what needs them, and sends no webhooks about it.",
			Fix:   "Add them to the app's scopes in the developer project, upload it, then click Reconnect on the card and agree.", AsOf: v.At}
	}
	switch Restricted {
	case v.Conversations:
		return Finding{State: Failed, Text: "HubSpot refuses questions about conversations, although the scopes are granted.",
			Means: "The account's plan does not allow it. A webhook says of a chat only that there is one, so that chats do not arrive; contacts do.",
			Fix:   "Ask a super admin of the account whether its plan has the conversations inbox. When it has, click Reconnect on the card.", AsOf: v.At}
	case v.Attributes:
		return Finding{State: Warning, Text: "HubSpot refuses questions about contact properties, although the scopes are granted.",
			Means: "Whether sourceloop_id is there cannot be told. Chats arrive all the same.",
			Fix:   "Click Reconnect on the card and agree as a super admin of the account.", AsOf: v.At}
	}
	return ok(v.At, "Every scope is granted, and HubSpot answers everything that is asked.")
}
