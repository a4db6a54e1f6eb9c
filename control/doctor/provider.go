package doctor

import (
	"fmt"

	"sourceloop/schema"
)

func attribute(f *Facts) Finding {
	v := f.Vendor
	if v == nil || v.Attributes != Told {
		return unknown("It could not be read.", "")
	}
	bad := Finding{State: Failed, Means: f.Provider + " drops the id that the tracker gives the Messenger, in silence.", AsOf: v.At}
	const press = "Press Test on the card: it is mended by itself."
	switch a := v.Attribute; {
	case !a.Found:
		bad.Text, bad.Fix = f.Provider+" has no attribute sourceloop_id of people.", press
	case a.Type != "string":
		bad.Text = "The attribute sourceloop_id has the type " + a.Type + ", and it must be text."
		bad.Fix = "An attribute's type cannot be changed: rename or archive it in " + f.Provider + " under Settings → Data → People, then press Test on the card."
	case a.Archived:
		bad.Text, bad.Fix = "The attribute sourceloop_id is archived.", press
	case !a.Writable:
		bad.Text, bad.Fix = "The Messenger may not write the attribute sourceloop_id.", press
	default:
		return ok(v.At, "It is there, is text, and the Messenger may write it.")
	}
	return bad
}

// untied counts the chats whose contact was read, and those of them that carry
// no id although the tracker was heard where they began.
func (f *Facts) untied() (asked, without int, at schema.Millis) {
	if f.Vendor == nil {
		return 0, 0, 0
	}
	for _, c := range f.Vendor.Chats {
		if !c.Asked {
			continue
		}
		asked++
		if !c.Tied {
			without++
			at = max(at, c.At)
		}
	}
	return asked, without, at
}

func identity(f *Facts) Finding {
	v := f.Vendor
	if v == nil || v.Identity != Told {
		return unknown("It could not be read.", "")
	}
	if !v.Verified {
		return ok(v.At, "It is not enforced.")
	}
	_, without, _ := f.untied()
	found := Finding{State: Warning, Text: "Identity verification is enforced.",
		Means: f.Provider + " takes no update for a signed-in user that your site did not sign; visitors who are not signed in are fine.",
		Fix:   "Have your site boot the Messenger with intercom_user_jwt (or user_hash) for its users.", AsOf: v.At}
	if without > 0 {
		found.State = Failed
		found.Text += fmt.Sprintf(" %s of the newest chats carry no sourceloop_id.", several(without, "contact", "contacts"))
	}
	return found
}

func several(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func tied(f *Facts) Finding {
	asked, without, at := f.untied()
	if asked == 0 {
		return unknown("There is no chat of the last three days whose contact could be read.", "Begin a chat on your site and ask again.")
	}
	newest := f.Vendor.Chats[0].At
	switch {
	case without < asked && asked == 1:
		return ok(newest, "The newest chat's contact carries a sourceloop_id.")
	case without < asked:
		return ok(newest, "%d of the %d newest chats' contacts carry a sourceloop_id.", asked-without, asked)
	}
	text := fmt.Sprintf("None of the %d newest chats' contacts carries a sourceloop_id.", asked)
	if asked == 1 {
		text = "The newest chat's contact carries no sourceloop_id."
	}
	return Finding{State: Warning, Text: text,
		Means: "These chats have the source Direct: they came by email or a shared link, their visitors gave no consent, or one of the other steps stands in the way.",
		Fix:   "Begin a chat yourself on a page with the tracker, and ask again.", AsOf: at}
}
