package doctor

import "time"

const (
	// clockWrong is when signed requests begin to be refused.
	clockWrong = 2 * time.Minute
	clockOff   = 30 * time.Second
)

func token(f *Facts) Finding {
	switch f.Connection.State {
	case "disconnected":
		return Finding{State: Failed, Text: f.Provider + " is not connected.", Means: "No webhook is processed, and nothing can be asked.",
			Fix: "Click Connect on the card and agree.", AsOf: f.Now}
	case "pending":
		return Finding{State: Warning, Text: "Connecting has begun and is not finished.", Means: "Chats arrive once it is.",
			Fix: "Wait a minute. If the card still says Pending, click Start again.", AsOf: f.Now}
	}
	v := f.Vendor
	switch {
	case f.Stranger && v != nil:
		return unknown("The doctor cannot ask "+f.Provider+" yet.", "Press Test on the card.")
	case v == nil || v.Identity == NotAsked:
		return Finding{State: Failed, Text: "There is no token of this connection.", Means: f.Provider + " cannot be asked about anybody.",
			Fix: "Click Reconnect on the card and agree.", AsOf: f.Now}
	case v.Identity == Denied:
		said := ""
		if at := f.last("(uninstall)"); at > f.Connection.LastWebhook {
			said = " A notice that the app was removed came " + f.ago(at) + "."
		}
		return Finding{State: Failed, Text: f.Provider + " does not accept the token any more." + said,
			Means: "The app was removed there, or the person who connected it left; " + f.Provider + " sends no webhooks then.",
			Fix:   "Click Reconnect on the card and agree, as an admin of " + named(f.Connection.Name) + ".", AsOf: v.At}
	case v.Identity == Restricted:
		return Finding{State: Failed, Text: f.Provider + " refuses to say whose account this is.", Means: "The app lacks a permission.",
			Fix: "In the Developer Hub, tick the permissions that the README names, then click Reconnect.", AsOf: v.At}
	case v.Identity == Unreachable:
		return unknown(f.Provider+" gave no usable answer just now.", "Ask again in a minute. If it stays, check that this server may reach "+f.Provider+".")
	}
	return ok(v.At, "%s accepted the token just now: it opens %s.", f.Provider, named(v.Name))
}

func named(workspace string) string {
	if workspace == "" {
		return "the workspace"
	}
	return "the workspace " + workspace
}

func clock(f *Facts) Finding {
	v := f.Vendor
	if v == nil || !v.Clocked {
		return unknown("The clocks were not compared, since "+f.Provider+" did not answer.", "")
	}
	off, where := v.Ahead.Round(time.Second), "behind"
	if off < 0 {
		off, where = -off, "ahead of"
	}
	if off < clockOff {
		return ok(v.At, "This server's clock agrees with %s's.", f.Provider)
	}
	bad := Finding{State: Warning, Text: "This server's clock is " + off.String() + " " + where + " " + f.Provider + "'s.",
		Means: "Chats are put before or after the visits that led to them.", Fix: "Let the server set its clock by NTP, then ask again.", AsOf: v.At}
	if off >= clockWrong {
		bad.State = Failed
		bad.Means = "Chats are put before or after the visits that led to them, so that their source is wrong, and signed requests count as too old."
	}
	return bad
}

func routing(f *Facts) Finding {
	v, c, p := f.Vendor, f.Connection, f.Page
	told := v != nil && v.Identity == Told
	switch {
	case told && c.App != "" && v.App != c.App:
		return Finding{State: Failed, Text: "The token opens the workspace " + v.App + ", and webhooks are taken for " + c.App + ".",
			Means: "Chats of " + v.App + " go nowhere.", Fix: "Click Reconnect on the card and choose the workspace whose Messenger is on your site.", AsOf: v.At}
	case p != nil && p.App != "" && c.App != "" && p.App != c.App:
		return Finding{State: Failed, Text: "The Messenger on " + p.URL + " belongs to the workspace " + p.App + "; connected is " + c.App + " (" + c.Name + ").",
			Means: "Its chats go to another workspace of " + f.Provider + ", which tells nothing here.",
			Fix:   "Connect the workspace " + p.App + ", or put the Messenger of " + c.App + " on the page.", AsOf: p.At}
	case told && c.State == "error":
		return Finding{State: Failed, Text: c.LastError, Means: "The connection is not routed, so its webhooks are discarded.",
			Fix: "Do what the sentence says, then click Test on the card.", AsOf: c.Since}
	case c.App == "" || c.State != "connected":
		return unknown("Nothing is routed here, since "+f.Provider+" is not connected.", "")
	case p != nil && p.App == c.App:
		return ok(p.At, "The Messenger on %s belongs to the connected workspace %s.", p.Host, c.App)
	}
	return ok(f.Now, "Webhooks of the workspace %s (%s) are taken for this one.", c.App, c.Name)
}
