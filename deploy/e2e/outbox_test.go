package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/deploy/chaos/failpoint"
	"sourceloop/deploy/embedded/embeddedtest"
)

// awaitLong is until for what waits for a platform's pauses: 30 s before the
// first repetition, and more before the next.
func awaitLong(t testing.TB, what string, condition func() (done bool, seen string)) {
	t.Helper()
	again, deadline := time.NewTicker(250*time.Millisecond), time.After(5*patience)
	defer again.Stop()
	for {
		done, seen := condition()
		if done {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %s in vain for %s; last: %s", 5*patience, what, seen)
		}
	}
}

// everywhere makes a destination at each platform, by platform.
func (d *demo) everywhere(t testing.TB, changes map[string]any) map[string]string {
	t.Helper()
	made := map[string]string{}
	for _, platform := range platforms() {
		made[platform] = d.destination(t, platform, changes)
	}
	return made
}

// talker is somebody who came by an ad of Google, one of Meta and one of
// LinkedIn, and then chats.
type talker struct {
	email, phone         string
	gclid, fbclid, fatID string
	metaAt, chatAt       time.Time // Meta wants to know when its click was
	chat                 map[string]any
}

// comes sends the three visits, which are hours apart.
func (d *demo) comes(t testing.TB, name string) talker {
	t.Helper()
	chatAt := time.Now().Add(-4 * time.Minute).Truncate(time.Second)
	p := talker{
		email: newEmail(name), phone: "+4791" + digits(6), gclid: "Cj0K_" + randomHex(8), fbclid: "IwAR" + randomHex(8) + "_xY", fatID: newHitID(chatAt),
		metaAt: chatAt.Add(-2 * time.Hour), chatAt: chatAt,
	}
	visitor := newVisitor()
	d.collect(t, pageview(visitor, chatAt.Add(-3*time.Hour), shop+"/?gclid="+p.gclid, ""))
	d.collect(t, pageview(visitor, p.metaAt, shop+"/?fbclid="+p.fbclid, ""))
	d.collect(t, pageview(visitor, chatAt.Add(-time.Hour), shop+"/?li_fat_id="+p.fatID, ""))
	p.chat = map[string]any{"id": "chat-" + visitor, "at": chatAt.UnixMilli(), "email": p.email, "phone": p.phone, "message": "Hello", "sourceloop_id": visitor}
	return p
}

// isWhole checks that what a platform was sent of somebody is all that it wants
// to know: the id, the click that was its own, hashes, the time, the value.
func (p *talker) isWhole(t testing.TB, platform string, push push, event json.RawMessage) {
	t.Helper()
	var got, want string
	switch platform {
	case "google":
		e := decoded[googleEvent](t, event)
		got = fmt.Sprintln(e.TransactionID, e.EventTimestamp.Unix(), e.AdIdentifiers, e.UserData.UserIdentifiers, e.ConversionValue, e.Currency)
		want = fmt.Sprintln(push.ID, p.chatAt.Unix(), map[string]string{"gclid": p.gclid},
			[]map[string]string{{"emailAddress": hashOf(p.email)}, {"phoneNumber": hashOf(p.phone)}}, 25.5, "EUR")
	case "meta":
		e := decoded[metaEvent](t, event)
		got = fmt.Sprintln(e.Name, e.ID, e.Source, e.Time, e.User, e.Custom)
		want = fmt.Sprintln("Lead", push.ID, "chat", p.chatAt.Unix(), struct {
			em, ph   []string
			fbc, fbp string
		}{[]string{hashOf(p.email)}, []string{hashOf(p.phone[1:])}, fmt.Sprintf("fb.1.%d.%s", p.metaAt.UnixMilli(), p.fbclid), ""}, "{25.5 EUR}")
	case "linkedin":
		e := decoded[linkedinEvent](t, event)
		got = fmt.Sprintln(e.EventID, e.Conversion, e.ConversionHappenedAt/1000, e.User.UserIDs, e.ConversionValue)
		want = fmt.Sprintln(push.ID, "urn:lla:llaPartnerConversion:"+linkedinRule, p.chatAt.Unix(),
			[]struct{ t, v string }{{"SHA256_EMAIL", hashOf(p.email)}, {"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", p.fatID}}, "{EUR 25.5}")
	}
	equal(t, "what "+platform+" was sent", got, want)
}

func decoded[T any](t testing.TB, text json.RawMessage) (value T) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// isFinal: nothing more comes of a push by itself.
func isFinal(p push) bool { return p.State != "pending" && p.State != "pending_identity" }

// awaitFinal waits until a person's push to a destination is through.
func (d *demo) awaitFinal(t testing.TB, destination, contact string) push {
	t.Helper()
	var found push
	awaitLong(t, "the outcome of a push", func() (bool, string) {
		list := d.pushes(t, destination, contact)
		if len(list) != 1 {
			return false, fmt.Sprintf("%+v", list)
		}
		found = list[0]
		return isFinal(found), fmt.Sprintf("%+v", found)
	})
	return found
}

// oneOf checks that what came of a person's push is right, at the platform too.
// Nobody can know whether LinkedIn has what an attempt without an answer brought
// it, and it tells no ids apart: there it is parked, and came once at most.
func (d *demo) oneOf(t testing.TB, platform string, p push, of talker) {
	t.Helper()
	got := d.arrived(t, platform, p.ID)
	for _, k := range got.Accepted {
		of.isWhole(t, platform, p, k.Event)
	}
	switch {
	case p.State == "sent" && len(got.Accepted) == 1:
		if platform == "linkedin" && len(got.NotCounted) > 0 {
			t.Errorf("LinkedIn was sent %s more than once: %+v", p.ID, got)
		}
	case p.State == "error" && platform == "linkedin" && len(got.Accepted) <= 1:
		if !strings.Contains(p.Words, "may") {
			t.Errorf("the words do not say that it may have arrived: %q", p.Words)
		}
	default:
		t.Errorf("%s: the push is %+v, and the platform has %+v", platform, p, got)
	}
}

// armed starts the demo again, to die at a place.
func armed(t testing.TB, dir, place, fired string) *demo {
	t.Helper()
	variables := append(environment(embeddedtest.Engine(t)), failpoint.Variable+"="+place+"=kill", failpoint.LogVariable+"="+fired)
	d := &demo{process: startIn(t, variables, "demo", "--data", dir, "--connected"), dir: dir}
	t.Cleanup(d.kill)
	return d
}

// TestOutboxSendsOnceThroughKills: the process dies at each place of the stage
// that sends, and is started again; every chat arrives once. So it stays when
// everything is derived anew and the webhooks come again.
func TestOutboxSendsOnceThroughKills(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--connected")
	d.connectAds(t)
	to := d.everywhere(t, nil)
	var people []talker
	for _, place := range []string{"deliver.after-plan", "deliver.before-send", "deliver.after-send", "deliver.after-note"} {
		p := d.comes(t, "kill")
		people = append(people, p)
		d.kill()
		fired := filepath.Join(t.TempDir(), "fired")
		intercom := d.file.IntercomURL // Which it keeps, as everything.
		d = armed(t, dir, place, fired)
		awaitLong(t, place+" to kill the process", func() (bool, string) {
			select {
			case <-d.ended:
				return true, ""
			default:
			}
			// Again and again: the same chat is one, however often it is told, and nobody may be there yet, or any more.
			if r, err := http.Post(intercom+"/standin/chat", "application/json", strings.NewReader(text(t, p.chat))); err == nil {
				_ = r.Body.Close() // Nothing is read of it.
			}
			return false, d.stderr.String()
		})
		if lines, err := os.ReadFile(fired); err != nil || !strings.Contains(string(lines), place+" kill") {
			t.Fatalf("the process ended, and %s has not fired: %q, %v\n%s", place, lines, err, d.stderr)
		}
		d = startDemo(t, dir, "--connected")
		d.chat(t, p.chat) // The same chat: told twice, it is one.
		c := d.awaitContact(t, p.email, converted)
		for platform, destination := range to {
			d.oneOf(t, platform, d.awaitFinal(t, destination, c.ID), p)
		}
	}

	sent := func() (n int) {
		for _, platform := range platforms() {
			all := decode[keptList](t, "accepted", send(t, http.MethodGet, d.platform(platform)+"/standin/accepted", nil))
			n += len(all.Accepted) + len(all.NotCounted)
		}
		return n
	}
	before := sent()
	command(t, "rebuild", "--data", filepath.Join(dir, "sourceloop"))
	for _, p := range people {
		d.chat(t, p.chat)
	}
	last := d.comes(t, "last")
	d.chat(t, last.chat)
	c := d.awaitContact(t, last.email, converted)
	for platform, destination := range to {
		d.oneOf(t, platform, d.awaitFinal(t, destination, c.ID), last)
	}
	equal(t, "what all platforms were sent since", sent()-before, len(to))
}

// TestOutboxRepeatsWhatHadNoAnswer: the platforms take an event and fall silent.
// Google and Meta know it again by its id; LinkedIn is asked once, until a
// person says to send it again.
func TestOutboxRepeatsWhatHadNoAnswer(t *testing.T) {
	d := forwards(t)
	to := d.everywhere(t, nil)
	for _, platform := range platforms() {
		d.platformFault(t, platform, "timeout", 1)
	}
	p := d.comes(t, "silent")
	d.chat(t, p.chat)
	c := d.awaitContact(t, p.email, converted)
	for platform, destination := range to {
		got := d.awaitFinal(t, destination, c.ID)
		d.oneOf(t, platform, got, p)
		if want := map[bool]string{true: "error", false: "sent"}[platform == "linkedin"]; got.State != want {
			t.Errorf("%s: %+v, not %s", platform, got, want)
		}
	}
	parked := d.awaitFinal(t, to["linkedin"], c.ID)
	if r := d.ask(t, http.MethodPost, "/api/v1/pushes/"+parked.ID+"/retry", nil); r.status != http.StatusOK {
		t.Fatalf("retry: %d %s", r.status, r.body)
	}
	again := d.awaitPush(t, to["linkedin"], c.ID, "sent")
	equal(t, "the id, when sent again by a person", again.ID, parked.ID)
}

// TestOutboxWaitsForStagesAndPeople: a stage sends, with its own value; a paused
// destination keeps what it has; disconnecting cancels it.
func TestOutboxWaitsForStagesAndPeople(t *testing.T) {
	d := forwards(t)
	stages := []map[string]any{}
	for _, name := range []string{"New", "Contacted", "Qualified", "In Progress", "Converted", "Lost"} {
		stages = append(stages, map[string]any{"name": name})
	}
	if r := d.ask(t, http.MethodPut, "/api/v1/stages", map[string]any{"items": stages}); r.status != http.StatusOK {
		t.Fatalf("stages: %d %s", r.status, r.body)
	}
	value := map[string]any{"kind": "stage", "currency": "USD", "by_stage": map[string]float64{"Qualified": 120}}
	qualified := d.destination(t, "meta", map[string]any{"trigger": "stage", "stage": "Qualified", "value": value})
	paused := d.destination(t, "google", map[string]any{"paused": true})
	atOnce := d.destination(t, "linkedin", nil)
	p := d.comes(t, "stages")
	d.chat(t, p.chat)
	c := d.awaitContact(t, p.email, converted)
	d.awaitPush(t, atOnce, c.ID, "sent")
	equal(t, "pushes before the stage", len(d.pushes(t, qualified, c.ID)), 0)
	held := d.awaitPush(t, paused, c.ID, "pending")

	began := time.Now().Truncate(time.Second)
	if r := d.ask(t, http.MethodPatch, "/api/v1/contacts/"+c.ID, map[string]any{"stage": "Qualified"}); r.status != http.StatusOK {
		t.Fatalf("stage: %d %s", r.status, r.body)
	}
	sent := d.awaitPush(t, qualified, c.ID, "sent")
	e := only[metaEvent](t, d, "meta", sent.ID)
	equal(t, "value", fmt.Sprint(e.Custom), "{120 USD}")
	if e.Time < began.Unix() {
		t.Errorf("the time is %d, not that of the stage, after %d", e.Time, began.Unix())
	}

	equal(t, "what Google has while it is paused", len(d.arrived(t, "google", held.ID).Accepted), 0)
	if r := d.ask(t, http.MethodPost, "/api/v1/connections/google/disconnect", nil); r.status >= http.StatusBadRequest {
		t.Fatalf("disconnect: %d %s", r.status, r.body)
	}
	gone := d.awaitPush(t, paused, c.ID, "error")
	if !strings.HasPrefix(gone.Words, "Cancelled") {
		t.Errorf("the words are %q", gone.Words)
	}
	equal(t, "what Google has", len(d.arrived(t, "google", held.ID).Accepted), 0)
}

// TestOutboxRemembersWhatCannotBeTakenBack: no platform takes an event back, so
// a push tells when its person was erased, and the receipt what went where.
func TestOutboxRemembersWhatCannotBeTakenBack(t *testing.T) {
	d := forwards(t)
	to := d.everywhere(t, nil)
	p := d.comes(t, "erased")
	d.chat(t, p.chat)
	c := d.awaitContact(t, p.email, converted)
	var ids []string
	for platform, destination := range to {
		got := d.awaitFinal(t, destination, c.ID)
		d.oneOf(t, platform, got, p)
		ids = append(ids, got.ID)
	}
	receipt := command(t, "erase", "--data", filepath.Join(d.dir, "sourceloop"), "--workspace", "1", "--email", p.email)
	for _, name := range []string{"Google", "Meta", "LinkedIn"} {
		if !strings.Contains(receipt, name) {
			t.Errorf("the receipt does not name %s:\n%s", name, receipt)
		}
	}
	for platform, destination := range to {
		list := get[pushList](t, d.account, "/api/v1/pushes?destination="+destination).Items
		if len(list) != 1 || list[0].State != "sent" || list[0].Contact != "" || !slices.Contains(ids, list[0].ID) {
			t.Errorf("%s: after the erasure the log holds %+v", platform, list)
		}
	}
}

// TestOutboxNotesAnUndoneMerge: what was sent of two who were taken for one says
// so, once an Admin takes them apart.
func TestOutboxNotesAnUndoneMerge(t *testing.T) {
	d := forwards(t)
	ann, bob := newEmail("ann"), newEmail("bob")
	began := time.Now().Add(-30 * time.Minute)
	at := func(minutes time.Duration) int64 { return began.Add(minutes * time.Minute).UnixMilli() }
	d.chat(t, map[string]any{"at": at(0), "email": ann, "message": "I am Ann"})
	second := d.chat(t, map[string]any{"at": at(1), "email": bob, "message": "I am Bob"})
	one, two := d.awaitContact(t, ann, converted), d.awaitContact(t, bob, converted)
	d.operate(t, "contact", map[string]any{"contact_id": second.ContactID, "email": ann})
	d.awaitContact(t, bob, func(c contact) bool { return c.ID == one.ID && len(c.Conversations) == 2 })

	to := d.destination(t, "google", nil)
	d.chat(t, map[string]any{"at": at(10), "contact_id": second.ContactID, "new_conversation": true, "message": "It is me again"})
	var sent push
	until(t, "the third chat to be sent", func() (bool, string) {
		list := slices.DeleteFunc(d.pushes(t, to, one.ID), func(p push) bool { return p.At.UnixMilli() < at(9) })
		if len(list) == 1 {
			sent = list[0]
		}
		return sent.State == "sent", fmt.Sprintf("%+v", list)
	})
	only[googleEvent](t, d, "google", sent.ID)

	r := d.ask(t, http.MethodPost, "/api/v1/contacts/"+one.ID+"/merges", map[string]any{"contact": two.ID, "apart": true})
	equal(t, "undoing the merge", r.status, http.StatusAccepted)
	until(t, "a note of it", func() (bool, string) {
		p := get[push](t, d.account, "/api/v1/pushes/"+sent.ID)
		return p.State == "sent" && strings.Contains(p.Note, "merge"), fmt.Sprintf("%+v", p)
	})
	only[googleEvent](t, d, "google", sent.ID)
}
