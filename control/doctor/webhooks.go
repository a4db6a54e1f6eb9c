package doctor

import (
	"fmt"
	"strings"
	"time"

	"sourceloop/schema"
)

// grace is how long a webhook may be on its way, and its chat in work.
const grace = 15 * time.Second

// overdue is the newest chat that should be known by now and is not.
func (f *Facts) overdue() (Chat, bool) {
	if f.Vendor == nil || f.Vendor.Conversations != Told {
		return Chat{}, false
	}
	for _, c := range f.Vendor.Chats {
		if !c.Here && f.Now.Sub(c.At) > grace {
			return c, true
		}
	}
	return Chat{}, false
}

// last is when a delivery of a kind last came: signed ones by their topic's
// beginning, others by name.
func (f *Facts) last(begins ...string) (at schema.Millis) {
	for _, s := range f.Signals {
		for _, b := range begins {
			if strings.HasPrefix(s.What, b) {
				at = max(at, s.Last)
			}
		}
	}
	return at
}

const (
	unsigned      = "(unsigned)"
	ofContact     = "contact."
	ofVisitor     = "visitor."
	ofChat        = "conversation."
	ofOldContacts = "user."
)

// signed is when a genuine delivery last came.
func (f *Facts) signed() (at schema.Millis) {
	for _, s := range f.Signals {
		if s.What != unsigned && s.What != "(uninstall)" {
			at = max(at, s.Last)
		}
	}
	return max(at, f.Connection.LastWebhook)
}

func signature(f *Facts) Finding {
	wrong, right := f.last(unsigned), f.signed()
	switch {
	case wrong != 0 && wrong > right:
		return Finding{State: Failed, Text: "A webhook that names this workspace came " + f.ago(wrong) + ", and its signature does not fit.",
			Means: "It was refused. The client secret here is another than that of the app, or somebody tries.",
			Fix:   "Copy the client secret from the app in the Developer Hub into " + f.Secret + ", and start the server again.", AsOf: wrong}
	case right == 0:
		return unknown("No webhook has come yet.", "")
	case wrong != 0:
		return Finding{State: OK, Text: fmt.Sprintf("The newest webhook was signed as it must be. One that was not came %s and was refused.", f.ago(wrong)), AsOf: right}
	}
	return ok(right, "Every webhook was signed as it must be.")
}

func webhooks(f *Facts) Finding {
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
		return Finding{State: Failed, Text: f.Provider + " has a chat that began " + f.ago(late.At) + ", and no webhook of it came. " + heard,
			Means: "New chats do not arrive by themselves.",
			Fix:   "In the Developer Hub under Webhooks, set the address " + f.HookURL + " and send a test. It must be reachable from the internet.", AsOf: late.At}
	case last == 0:
		return unknown(heard, "Begin a chat on your site and ask again. If none comes then, compare the address in the Developer Hub with "+f.HookURL+".")
	}
	return ok(last, "%s", heard)
}

func topics(f *Facts) Finding {
	people, chats := max(f.last(ofContact), f.last(ofVisitor), f.last(ofOldContacts)), f.last(ofChat)
	late, missing := f.overdue()
	const tick = "In the Developer Hub under Webhooks, tick the topics that the README lists: those of contacts and those of conversations."
	switch {
	case f.Stranger:
		return unknown("The doctor does not know "+f.Provider+"'s topics.", "")
	case people == 0 && chats == 0:
		return unknown("No webhook of a chat has come yet.", "")
	case missing && people >= late.At && chats < late.At:
		return Finding{State: Failed, Text: "Webhooks about people come, and none about conversations: " + f.Provider + " has a chat that began " + f.ago(late.At) + ".",
			Means: "Chats do not arrive, only people.", Fix: tick, AsOf: people}
	case chats == 0:
		return Finding{State: Warning, Text: "Webhooks about people have come, and none about conversations.", Means: "Chats may not arrive, only people.", Fix: tick, AsOf: people}
	case f.unnamed().ID != "" && people < f.unnamed().At:
		return Finding{State: Failed, Text: "Webhooks about conversations come, and none about people: somebody who began a chat " + f.ago(f.unnamed().At) + " gave an email or a phone.",
			Means: "What is given after the chat began arrives with the next message only, so that there is no contact.", Fix: tick, AsOf: chats}
	case people == 0:
		return Finding{State: Warning, Text: "Webhooks about conversations have come, and none about people.",
			Means: "An email that is given after the chat began arrives with the next message only.", Fix: tick, AsOf: chats}
	}
	return ok(max(people, chats), "About people %s, about conversations %s.", f.ago(people), f.ago(chats))
}

func plan(f *Facts) Finding {
	v := f.Vendor
	if v == nil || v.Identity != Told {
		return unknown("It could not be asked.", "")
	}
	var refused []string
	if v.Attributes == Restricted {
		refused = append(refused, "attributes")
	}
	if v.Conversations == Restricted {
		refused = append(refused, "conversations")
	}
	if len(refused) > 0 {
		return Finding{State: Warning, Text: f.Provider + " refuses questions about " + list(refused) + ".",
			Means: "The plan, or a permission of the app, does not allow it. What webhooks say is used instead, so that chats arrive all the same; this doctor sees less.",
			Fix:   "In the Developer Hub, tick the permissions that the README names. If they are ticked, it is the plan, and nothing needs to be done.", AsOf: v.At}
	}
	return ok(v.At, "%s answers everything that is asked.", f.Provider)
}

func contacts(f *Facts) Finding {
	v := f.Vendor
	late, missing := f.overdue()
	switch {
	case f.HostsErr != "":
		return unknown("What has arrived cannot be read just now: "+f.HostsErr, "Ask again in a minute.")
	case missing && f.signed() < late.At:
		return Finding{State: Failed, Text: "A chat that began " + f.ago(late.At) + " is not here.", Means: "Its webhook never came.", Fix: "See the steps before.", AsOf: late.At}
	case missing && f.Waiting > 0:
		return Finding{State: Warning, Text: several(f.Waiting, "webhook waits", "webhooks wait") + " because " + f.Provider + " could not be asked.",
			Means: "They are tried again by themselves.", Fix: "Wait a few minutes. The card says what went wrong.", AsOf: f.Now}
	case missing:
		return Finding{State: Failed, Text: "A chat that began " + f.ago(late.At) + " is not here, although webhooks came.",
			Means: "It is still in work, or it was set aside.", Fix: "Ask again in a minute. If it stays, the operator finds it with: sourceloop dead list --stage resolve.", AsOf: late.At}
	case v == nil || v.Conversations != Told || len(v.Chats) == 0:
		return unknown("There is no chat of the last three days to compare with.", "Begin a chat on your site and ask again.")
	}
	if c := f.unnamed(); c.ID != "" {
		return Finding{State: Failed, Text: "Somebody who began a chat " + f.ago(c.At) + " gave an email or a phone, and is no contact here.",
			Means: "What was given after the chat began has not arrived.", Fix: "See the step of the webhooks' " + f.topics() + " above; the next message of the chat brings it.", AsOf: c.At}
	}
	return outcome(f, v.Chats)
}

// topics are what the provider calls the kinds of its webhooks.
func (f *Facts) topics() string {
	if f.ofHubSpot() {
		return "subscriptions"
	}
	return "topics"
}

// unnamed is the newest chat that is here without the email or phone that its
// contact has meanwhile.
func (f *Facts) unnamed() Chat {
	if f.Vendor == nil {
		return Chat{}
	}
	for _, c := range f.Vendor.Chats {
		if c.Here && c.Asked && c.Named && !c.Count && f.Now.Sub(c.At) > grace {
			return c
		}
	}
	return Chat{}
}

// outcome tells of chats that are all here.
func outcome(f *Facts, chats []Chat) Finding {
	here, count, nameless := 0, 0, 0
	for _, c := range chats {
		if c.Here {
			here++
		}
		if c.Count {
			count++
		}
		if c.Here && !c.Count && c.Asked && !c.Named {
			nameless++
		}
	}
	if here == 0 {
		return unknown("A chat has just begun, and is on its way.", "Ask again in a few seconds.")
	}
	found := ok(chats[0].At, "%s of the last three days is here, %d of them as a contact.", several(here, "chat", "chats"), count)
	if here != 1 {
		found.Text = fmt.Sprintf("%d chats of the last three days are here, %d of them as contacts.", here, count)
	}
	if nameless > 0 {
		found.Means = several(nameless, "person", "persons") + " gave neither an email nor a phone, and becomes a contact when they do."
	}
	return found
}
