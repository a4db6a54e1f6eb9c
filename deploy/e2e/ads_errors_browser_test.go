package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// always is a number of times that no test uses up: a fault then lasts until it
// is ended, however often the stage that sends tries again meanwhile.
const always = 100_000

// pushDetail is a push with its attempts.
type pushDetail struct {
	push
	History []struct{ Outcome, Words string }
}

// awaitDetail waits until what a contact's conversion became at a destination is
// as it should be.
func (d *demo) awaitDetail(t testing.TB, destination, contact string, ready func(pushDetail) bool) pushDetail {
	t.Helper()
	var found pushDetail
	untilEvery(t, 250*time.Millisecond, "the push of "+contact+" to destination "+destination, func() (bool, string) {
		list := d.pushes(t, destination, contact)
		if len(list) != 1 {
			return false, fmt.Sprintf("%+v", list)
		}
		found = get[pushDetail](t, d.account, "/api/v1/pushes/"+list[0].ID)
		return ready(found), fmt.Sprintf("%+v", found)
	})
	return found
}

// stands is a push in a state, after an attempt and with words.
func stands(state, words string) func(pushDetail) bool {
	return func(p pushDetail) bool {
		return p.State == state && len(p.History) > 0 && p.Words != "" && strings.Contains(p.Words, words)
	}
}

// answered fails unless one of the attempts had an outcome, told in words.
func answered(t testing.TB, p pushDetail, outcome, words string) {
	t.Helper()
	for _, a := range p.History {
		if a.Outcome == outcome && strings.Contains(a.Words, words) {
			return
		}
	}
	t.Errorf("no attempt of %s at %s was %s, with %q: %+v", p.ID, p.Platform, outcome, words, p.History)
}

// clickAndChat is a number of people who each came by an ad of every platform
// and chat; their contacts.
func (d *demo) clickAndChat(t testing.TB, people int) (contacts []string) {
	t.Helper()
	var emails []string
	for range people {
		at, email := time.Now().Add(-3*time.Minute), newEmail("ad")
		visitor := d.adClick(t, at, "?gclid=Cj0K"+randomHex(8)+"&fbclid=IwAR"+randomHex(8)+"&li_fat_id="+newHitID(at), nil)
		d.chat(t, map[string]any{"email": email, "message": "What does it cost?", "sourceloop_id": visitor})
		emails = append(emails, email)
	}
	for _, email := range emails {
		contacts = append(contacts, d.awaitContact(t, email, converted).ID)
	}
	return contacts
}

// adTrouble is one destination of which the log is read.
type adTrouble struct {
	*tab
	d           *demo
	platform    string
	destination string
}

// adTroubles is a demo with Intercom and all three platforms connected, and a
// destination at each.
func adTroubles(t *testing.T, platform string) *adTrouble {
	t.Helper()
	w, d := openBrowser(t, chromeOnLinux).person(t), forwards(t)
	w.signIn(d)
	return &adTrouble{w, d, platform, d.everywhere(t, nil)[platform]}
}

// during has the platform misbehave while something is done. What is answered
// late is so at once: nobody needs to run out of patience here.
func (a *adTrouble) during(kind string, something func()) {
	a.t.Helper()
	for _, times := range []int{always, 0} {
		fault := map[string]any{"kind": kind, "times": times, "delay_ms": 1}
		r := send(a.t, http.MethodPost, a.d.platform(a.platform)+"/standin/fault", fault)
		equal(a.t, a.platform+"'s answer to the fault "+kind, r.status, http.StatusOK)
		if times > 0 {
			something()
		}
	}
}

// openPush shows a push in the log.
func (a *adTrouble) openPush(p pushDetail) (item string) {
	a.t.Helper()
	a.open(a.d.url + "/setup/ads/" + p.Destination + "?push=" + p.ID)
	item = fmt.Sprintf(`[data-id="%s"]`, p.ID)
	a.see(item)
	return item
}

// reads waits until a contact's push stands as it should, and reads it in the
// log as a person does: its state, its words and its attempts.
func (a *adTrouble) reads(contact, state, label string, says ...string) pushDetail {
	a.t.Helper()
	return a.readsAt(a.destination, contact, state, label, says...)
}

func (a *adTrouble) readsAt(destination, contact, state, label string, says ...string) pushDetail {
	a.t.Helper()
	p := a.d.awaitDetail(a.t, destination, contact, stands(state, says[0]))
	item := a.openPush(p)
	a.await(fmt.Sprintf("document.querySelector('%s %s').innerText", item, id("push-state")), label)
	words := a.text(item + " " + id("push-words"))
	for _, part := range says {
		if !strings.Contains(words, part) {
			a.t.Errorf("the log does not say %q of %s: %q", part, p.Code, words)
		}
	}
	if own := ourWords(words); jargon.MatchString(own) || own == "" {
		a.t.Errorf("these are no words for a marketer: %q", words)
	}
	a.see(item + " " + id("attempts") + ` li[data-outcome]:not([data-outcome=""])`)
	return p
}

var (
	// jargon is what tells nothing to somebody who places ads.
	jargon = regexp.MustCompile(`_|::|[{}\[\]]|\b(HTTP|JSON|OAuth|status \d+|[45]\d\d|payload|parameter|subcode|timeout|exception|null)\b`)
	// setting is for whoever runs the server, and said so.
	setting = regexp.MustCompile(`Whoever runs this server sets SOURCELOOP_[A-Z_]+`)
	// quote is what the platform says itself, behind our words.
	quote = regexp.MustCompile(` [A-Z][A-Za-z]+ says: “.*”$`)
)

// ourWords are those of a push without what is quoted in them.
func ourWords(words string) string {
	return strings.TrimSpace(setting.ReplaceAllString(quote.ReplaceAllString(words, ""), ""))
}

// againAll presses the button that sends everything again that failed.
func (a *adTrouble) againAll(failed int) {
	a.t.Helper()
	a.open(a.d.url + "/setup/ads/" + a.destination + "?state=error")
	a.await(fmt.Sprintf("document.querySelector('%s')?.dataset.value", id("state-error")), strconv.Itoa(failed))
	a.click(id("retry-all"))
}

// again presses the button of a push that failed.
func (a *adTrouble) again(p pushDetail) {
	a.t.Helper()
	a.click(a.openPush(p) + " " + id("retry"))
}

// mistypes makes a destination that is not there at the platform, and reads what
// becomes of somebody who chats. Then it is deleted, so that the other one is
// sent to alone.
func (a *adTrouble) mistypes(fields map[string]string, says ...string) (contact string) {
	a.t.Helper()
	makesDestination(a.tab, a.d, a.platform, "Mistyped", fields, nil)
	contact, mistyped := a.d.clickAndChat(a.t, 1)[0], a.d.named(a.t, "Mistyped")
	a.readsAt(mistyped, contact, "error", "Error", says...)
	a.shot("ads-" + a.platform + "-mistyped")
	r := a.d.ask(a.t, http.MethodDelete, "/api/v1/destinations/"+mistyped, nil)
	equal(a.t, "deleting the destination", r.status, http.StatusNoContent)
	return contact
}

// losesAccess has the platform refuse the token; then the card says so. Nothing
// is lost: connected again, all that waits is sent at once.
func (a *adTrouble) losesAccess(says string, something, connect func(), waiting ...string) (sent []pushDetail) {
	a.t.Helper()
	a.d.platformFault(a.t, a.platform, "revoke", 1)
	something()
	a.cardSays(says)
	connect()
	for _, contact := range waiting {
		sent = append(sent, a.d.awaitDetail(a.t, a.destination, contact, stands("sent", "")))
	}
	return sent
}

// cardSays reads why a connection does not work.
func (a *adTrouble) cardSays(says string) {
	a.t.Helper()
	a.open(a.d.url + "/setup/ads")
	a.await(adState(a.platform), "error")
	if words := a.text(adCard(a.platform) + ` [data-field="last_error"]`); !strings.Contains(words, says) {
		a.t.Errorf("the card of %s says %q, not %q", a.platform, words, says)
	}
	a.shot("ads-" + a.platform + "-card")
}

// refusedThroughout has the platform take nothing of anybody for a reason that is
// not in the token. Once it is gone, testing the connection has all sent.
func (a *adTrouble) refusedThroughout(kind string, says ...string) {
	a.t.Helper()
	var p pushDetail
	a.during(kind, func() {
		p = a.reads(a.d.clickAndChat(a.t, 1)[0], "pending", "Pending", says...)
		if above := a.text(id("not-connected")); !strings.Contains(above, says[0]) {
			a.t.Errorf("above the log of %s it says %q, not %q", a.platform, above, says[0])
		}
		a.cardSays(says[0])
	})
	a.click(adCard(a.platform) + " " + id("test"))
	a.await(adState(a.platform), "connected")
	sent := a.d.awaitDetail(a.t, a.destination, p.Contact, stands("sent", ""))
	answered(a.t, sent, "denied", says[0])
	a.countedOnce(sent)
}

// countedOnce fails unless the platform counts each of what was sent once.
func (a *adTrouble) countedOnce(sent ...pushDetail) {
	a.t.Helper()
	for _, p := range sent {
		equal(a.t, "how often "+a.platform+" counts "+p.ID, len(a.d.arrived(a.t, a.platform, p.ID).Accepted), 1)
	}
}

// adError is how a platform answers when a push is sent again, and what the log
// says then: what happened, and what to do.
type adError struct {
	fault, state, label string
	says                []string
}

// all presses the button of one push after another, each while the platform
// answers in its own way.
func (a *adTrouble) all(errors []adError, of func(i int) pushDetail) {
	a.t.Helper()
	for i, e := range errors {
		a.during(e.fault, func() {
			p := of(i)
			a.again(p)
			a.reads(p.Contact, e.state, e.label, e.says...)
		})
	}
}

// fail is a number of people whose chats the platform refuses.
func (a *adTrouble) fail(kind string, people int, says ...string) (failed []pushDetail) {
	a.t.Helper()
	a.during(kind, func() {
		for _, contact := range a.d.clickAndChat(a.t, people) {
			failed = append(failed, a.reads(contact, "error", "Error", says...))
		}
	})
	return failed
}

// pair sends two pushes again that failed, in one request of which the platform
// refuses some for a number of times. They are told apart: here is what becomes of
// them, those that are sent first.
func (a *adTrouble) pair(kind string, times int, pair []pushDetail) []pushDetail {
	a.t.Helper()
	a.d.platformFault(a.t, a.platform, kind, times)
	a.againAll(len(pair))
	for i, p := range pair {
		pair[i] = a.d.awaitDetail(a.t, a.destination, p.Contact, func(now pushDetail) bool {
			return len(now.History) > len(p.History) && now.State != "pending" && now.History[len(now.History)-1].Outcome != ""
		})
	}
	slices.SortFunc(pair, func(one, other pushDetail) int { return strings.Compare(other.State, one.State) })
	return pair
}

func contactsOf(pushes []pushDetail) (contacts []string) {
	for _, p := range pushes {
		contacts = append(contacts, p.Contact)
	}
	return contacts
}

// TestGoogleErrorsAreReadable has Google answer in each way in which it can say
// that a conversion does not count, and reads in the log what a marketer reads.
func TestGoogleErrorsAreReadable(t *testing.T) {
	a := adTroubles(t, "google")
	well := a.mistypes(map[string]string{"account": "123-456-7890", "action": "4711"}, "does not know this destination", "Correct the destination")
	a.reads(well, "sent", "Sent", "Google took it")
	a.mistypes(map[string]string{"account": "999-888-7777", "action": "7001001"}, "does not let the person who connected it send", "Check the customer id")
	a.open(a.d.url + "/contacts/" + well)
	a.await(fmt.Sprintf("document.querySelectorAll('%s [data-state=sent]').length", id("contact-pushes")), "3")
	a.shot("contact-pushes")

	// Of two that go in one request, one does not count: Google does not say which.
	for _, p := range a.pair("click_not_found", 1, a.fail("click_not_found", 2, "does not find the click", "Check that the destination has the customer id")) {
		answered(t, p, "alone", "does not say which")
		a.reads(p.Contact, "sent", "Sent", "count")
		a.countedOnce(p)
	}
	failed := a.fail("invalid_gclid", 7, "cannot read the click identifier", "Check that redirects")
	a.shot("ads-google-errors")
	a.all([]adError{
		{"expired_click", "error", "Error", []string{"clicked longer ago", "lengthen the click-through window"}},
		{"event_too_old", "error", "Error", []string{"too old for Google", "Nothing to do"}},
		{"no_consent", "skipped_consent", "No consent", []string{"consent to advertising", "let your site tell"}},
	}, func(int) pushDetail { return failed[0] })
	failed = failed[1:]
	a.all([]adError{
		{"too_recent_click", "pending", "Pending", []string{"clicked so recently", "sent again in six hours by itself"}},
		{"internal_error", "pending", "Pending", []string{"trouble of its own", "sent again by itself"}},
		{"429", "pending", "Pending", []string{"too many requests", "tried again by itself"}},
		{"500", "pending", "Pending", []string{"trouble of its own", "tried again by itself"}},
		{"timeout", "pending", "Pending", []string{"It may have arrived, or not", "sent again by itself under the same id"}},
	}, func(i int) pushDetail { return failed[i] })
	a.open(a.d.url + "/setup/ads/" + a.destination)
	a.see(id("push"))
	a.shot("ads-google-waits")
	for _, kind := range []string{"duplicate_transaction_id", "duplicate_gclid"} {
		a.during(kind, func() { a.reads(a.d.clickAndChat(t, 1)[0], "duplicate", "Duplicate", "counted once") })
	}
	var looked pushDetail
	a.during("processing", func() {
		looked = a.reads(a.d.clickAndChat(t, 1)[0], "pending", "Pending", "is looking at it", "by itself")
	})
	a.reads(looked.Contact, "sent", "Sent", "Google took it")
	a.refusedThroughout("no_scope", "without the permission to send conversions", "leave its box ticked")
	sent := a.losesAccess("Connect Google Ads again", func() { a.againAll(1) }, func() { connectsAd(a.tab, a.d, "google") }, contactsOf(failed)...)
	answered(t, sent[0], "alone", "six hours")
	a.countedOnce(sent...)
}

// TestMetaErrorsAreReadable: a dataset that is not there, what Meta finds wrong
// with an event, trouble, no answer, an old version, a token that may not, a dead
// one.
func TestMetaErrorsAreReadable(t *testing.T) {
	a := adTroubles(t, "meta")
	well := a.mistypes(map[string]string{"action": "4711"}, "does not know the dataset 4711", "Compare the number", "Events Manager")
	a.reads(well, "sent", "Sent", "Meta received it")

	// A bad event has the whole request refused; halving finds it.
	pair := a.pair("too_old", 2, a.fail("too_old", 2, "more than 7 days old", "later ones are not affected"))
	a.reads(pair[0].Contact, "sent", "Sent", "Meta received it")
	a.countedOnce(pair[0])
	failed := append(a.fail("too_old", 3, "more than 7 days old", "later ones are not affected"), a.reads(pair[1].Contact, "error", "Error", "more than 7 days old"))
	a.all([]adError{{"missing_field", "error", "Error", []string{"misses something", "Check the destination's event name"}}}, func(int) pushDetail { return failed[0] })
	a.shot("ads-meta-errors")
	a.all([]adError{
		{"429", "pending", "Pending", []string{"too many requests", "tried again by itself"}},
		{"500", "pending", "Pending", []string{"trouble of its own", "tried again by itself"}},
		{"timeout", "pending", "Pending", []string{"It may have arrived, or not", "sent again by itself under the same id"}},
	}, func(i int) pushDetail { return failed[i] })
	a.refusedThroughout("version_ended", "version of Meta's API that this server speaks has ended", "Whoever runs this server sets")
	a.refusedThroughout("no_scope", "The access token may not send events", "generate a token")
	sent := a.losesAccess("generate a new access token", func() { a.againAll(1) }, func() { pastesMeta(a.tab, a.d) }, contactsOf(failed)...)
	a.countedOnce(sent...)
}

// TestLinkedInErrorsAreReadable: a rule that is not there, what LinkedIn finds
// wrong with an event, trouble, an answer that never comes, which is not repeated
// by itself, an old version, a permission that is missing, a dead token.
func TestLinkedInErrorsAreReadable(t *testing.T) {
	a := adTroubles(t, "linkedin")
	well := a.mistypes(map[string]string{"account": "512345678", "action": "4711"}, "does not know the conversion rule 4711", "Check in the Campaign Manager")
	a.reads(well, "sent", "Sent", "LinkedIn took it")

	// A batch with a bad event is refused whole, and LinkedIn says which it was.
	pair := a.pair("too_old", 1, a.fail("too_old", 2, "more than 90 days old", "later ones are not affected"))
	a.reads(pair[0].Contact, "sent", "Sent", "LinkedIn took it")
	a.countedOnce(pair[0])
	failed := append(a.fail("malformed", 3, "a fault of ours", "Tell the operator"), a.reads(pair[1].Contact, "error", "Error", "more than 90 days old"))
	a.all([]adError{
		{"timeout", "error", "Error", []string{"may have it already", "count twice", "send it again"}},
		{"429", "pending", "Pending", []string{"too many requests", "tried again by itself"}},
		{"500", "pending", "Pending", []string{"trouble of its own", "tried again by itself"}},
	}, func(i int) pushDetail { return failed[i] })
	a.open(a.d.url + "/setup/ads/" + a.destination)
	a.see(id("push"))
	a.shot("ads-linkedin-errors")
	a.refusedThroughout("version_missing", "did not tell LinkedIn which version", "Whoever runs this server sets")
	a.refusedThroughout("version_ended", "version of LinkedIn's API that this server speaks has ended", "Whoever runs this server sets")
	a.refusedThroughout("no_scope", "without the permission to send conversions", "Connect LinkedIn again")
	sent := a.losesAccess("Connect LinkedIn again", func() { a.againAll(2) }, func() { connectsAd(a.tab, a.d, "linkedin") }, contactsOf(failed[1:])...)
	a.countedOnce(sent...)
	// Somebody asked for it, and LinkedIn tells no ids apart.
	silent := a.reads(failed[0].Contact, "sent", "Sent", "LinkedIn took it")
	answered(t, silent, "unclear", "It may have arrived, or not")
	equal(t, "how often LinkedIn has it", len(a.d.arrived(t, "linkedin", silent.ID).Accepted), 2)
}

// named is the id of a destination by its name.
func (d *demo) named(t testing.TB, name string) string {
	t.Helper()
	all := get[struct{ Items []adDestination }](t, d.account, "/api/v1/destinations").Items
	i := slices.IndexFunc(all, func(one adDestination) bool { return one.Name == name })
	if i < 0 {
		t.Fatalf("there is no destination %q", name)
	}
	return all[i].ID
}
