package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sourceloop/deploy/walk"
)

// Where the stand-ins' accounts take conversions.
const (
	googleAccount, googleAction = "123-456-7890", "7001001"
	linkedinAccount             = "512345678"
	linkedinRule                = "8001001"
)

// push is an entry of the push log.
type push struct {
	ID, Destination, Platform, Conversion, Contact, State, Stage, Words, Code, Note string
	ConversionName                                                                  string `json:"conversion_name"`
	Attempts                                                                        int
	At                                                                              time.Time
}

type pushList struct {
	Items []push
	Next  string
}

// kept is a conversion as a stand-in has it.
type kept struct {
	ID, Place, Why string
	Event          json.RawMessage
}

// keptList are the conversions that count at a stand-in, and those that came
// and do not count.
type keptList struct {
	Accepted   []kept
	NotCounted []kept `json:"not_counted"`
}

// platform is the address of a platform's stand-in.
func (d *demo) platform(name string) string {
	return map[string]string{"google": d.file.GoogleURL, "meta": d.file.MetaURL, "linkedin": d.file.LinkedInURL}[name]
}

// platforms are all of them.
func platforms() []string { return []string{"google", "meta", "linkedin"} }

// connectAds connects the three platforms as a person does.
func (d *demo) connectAds(t testing.TB) {
	t.Helper()
	person, err := walk.New(d.file.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"google", "linkedin"} {
		if err := person.Connect(within(t), name, d.file.OwnerEmail, d.file.OwnerPassword); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	token := decode[struct {
		Token string `json:"access_token"`
	}](t, "a token of Meta", send(t, http.MethodPost, d.file.MetaURL+"/standin/token", nil)).Token
	r := d.ask(t, http.MethodPost, "/api/v1/ads/meta/token", map[string]any{"token": token})
	equal(t, "Meta's card", decode[struct{ State string }](t, "the token", r).State, "connected")
}

// destination makes a destination for chats, with changes.
func (d *demo) destination(t testing.TB, platform string, changes map[string]any) string {
	t.Helper()
	body := map[string]any{
		"platform": platform, "name": platform + " " + randomHex(4), "account": "", "action": "", "conversions": []string{},
		"trigger": "conversion", "value": map[string]any{"kind": "fixed", "fixed": 25.5, "currency": "EUR"},
		"consent": "not_denied", "dry_run": false, "paused": false, "from": time.Now().Add(-7 * 24 * time.Hour).UTC().Format(time.RFC3339),
	}
	switch platform {
	case "google":
		body["account"], body["action"] = googleAccount, googleAction
	case "meta":
		body["action"], body["event"] = d.dataset(t), "Lead"
	case "linkedin":
		body["account"], body["action"] = linkedinAccount, linkedinRule
	}
	for name, value := range changes {
		body[name] = value
	}
	r := d.ask(t, http.MethodPost, "/api/v1/destinations", body)
	id := decode[struct{ ID string }](t, "destination", r).ID
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("destination %s: %s", id, d.ask(t, http.MethodGet, "/api/v1/pushes?destination="+id, nil).body)
		}
	})
	return id
}

func (d *demo) dataset(t testing.TB) string {
	t.Helper()
	about := decode[map[string]any](t, "Meta", send(t, http.MethodGet, d.file.MetaURL+"/", nil))
	dataset, ok := about["dataset_id"].(string)
	if !ok {
		t.Fatalf("the stand-in names no dataset: %v", about)
	}
	return dataset
}

// pushes are what went, or goes, to a destination of a contact.
func (d *demo) pushes(t testing.TB, destination, contact string) []push {
	t.Helper()
	return get[pushList](t, d.account, "/api/v1/pushes?destination="+destination+"&contact="+url.QueryEscape(contact)).Items
}

// awaitPush waits until a contact's only push to a destination is in a state.
func (d *demo) awaitPush(t testing.TB, destination, contact, state string) push {
	t.Helper()
	var found push
	until(t, "a push that is "+state, func() (bool, string) {
		list := d.pushes(t, destination, contact)
		if len(list) != 1 {
			return false, fmt.Sprintf("%+v", list)
		}
		found = list[0]
		return found.State == state, fmt.Sprintf("%+v", found)
	})
	return found
}

// arrived are the events that a platform was sent under a push's id.
func (d *demo) arrived(t testing.TB, platform, id string) keptList {
	t.Helper()
	if platform == "meta" {
		id = "Lead/" + id
	}
	all := decode[keptList](t, "accepted", send(t, http.MethodGet, d.platform(platform)+"/standin/accepted?limit=1000", nil))
	other := func(k kept) bool { return k.ID != id }
	return keptList{slices.DeleteFunc(all.Accepted, other), slices.DeleteFunc(all.NotCounted, other)}
}

// only is the one event that a platform was sent under a push's id, and nothing
// beside.
func only[T any](t testing.TB, d *demo, platform, id string) T {
	t.Helper()
	got := d.arrived(t, platform, id)
	if len(got.Accepted) != 1 || len(got.NotCounted) != 0 {
		t.Fatalf("%s has %s: %+v", platform, id, got)
	}
	var event T
	if err := json.Unmarshal(got.Accepted[0].Event, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func (d *demo) platformFault(t testing.TB, platform, kind string, times int) {
	t.Helper()
	r := send(t, http.MethodPost, d.platform(platform)+"/standin/fault", map[string]any{"kind": kind, "times": times})
	if r.status != http.StatusOK {
		t.Fatalf("fault %s: %d %s", kind, r.status, r.body)
	}
}

// hashOf is SHA-256 in hexadecimal, as all three platforms take it.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// adClick is a visitor who came by an ad and said what they said about
// advertising.
func (d *demo) adClick(t testing.TB, at time.Time, query string, ads hit) (visitor string) {
	t.Helper()
	visitor = newVisitor()
	view := pageview(visitor, at, shop+"/"+query, "")
	if ads == nil {
		d.collect(t, view)
		return visitor
	}
	said := hit{"id": newHitID(at.Add(time.Second)), "visitor": visitor, "at": at.Add(time.Second).UnixMilli(), "type": "ads", "url": shop + "/"}
	for name, value := range ads {
		said[name] = value
	}
	d.collect(t, view, said)
	return visitor
}

// forwards is the demo that tests share which need the platforms connected.
func forwards(t testing.TB) *demo {
	t.Helper()
	d := startDemo(t, filepath.Join(t.TempDir(), "ads"), "--connected")
	d.connectAds(t)
	return d
}

type googleEvent struct {
	TransactionID   string
	EventTimestamp  time.Time
	EventSource     string
	AdIdentifiers   map[string]string
	UserData        struct{ UserIdentifiers []map[string]string }
	ConversionValue float64
	Currency        string
	Consent         map[string]string
}

// TestGoogleGetsEachChatOnce: by click, by email, by phone, with the value of the
// destination; and what the visitor said about advertising decides.
func TestGoogleGetsEachChatOnce(t *testing.T) {
	d := forwards(t)
	everybody := d.destination(t, "google", nil)
	granted := d.destination(t, "google", map[string]any{"action": "7001002", "consent": "granted"})
	came := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	chatAt := came.Add(5 * time.Minute)
	click, mailbox, phone := "Cj0K_"+randomHex(10), "ann.miller"+randomHex(6), "+4791"+digits(6)

	visitor := d.adClick(t, came, "?gclid="+click, hit{"ad_consent": "granted"})
	d.chat(t, map[string]any{"at": chatAt.UnixMilli(), "email": mailbox + "@gmail.com", "phone": phone, "message": "Hello", "sourceloop_id": visitor})
	c := d.awaitContact(t, mailbox+"@gmail.com", converted)
	for _, destination := range []string{everybody, granted} {
		p := d.awaitPush(t, destination, c.ID, "sent")
		e := only[googleEvent](t, d, "google", p.ID)
		equal(t, "transaction id", e.TransactionID, p.ID)
		equal(t, "click", fmt.Sprint(e.AdIdentifiers), fmt.Sprint(map[string]string{"gclid": click}))
		equal(t, "time", e.EventTimestamp.Unix(), chatAt.Unix())
		equal(t, "value", e.ConversionValue, 25.5)
		equal(t, "currency", e.Currency, "EUR")
		equal(t, "consent", e.Consent["adUserData"], "CONSENT_GRANTED")
		equal(t, "identifiers", fmt.Sprint(e.UserData.UserIdentifiers), fmt.Sprint([]map[string]string{
			{"emailAddress": hashOf("annmiller" + mailbox[len("ann.miller"):] + "@gmail.com")}, {"phoneNumber": hashOf(phone)},
		}))
	}

	// Without a click, and nothing was said: the email is what there is.
	email := newEmail("unasked")
	d.chat(t, map[string]any{"email": email, "message": "No ad"})
	c = d.awaitContact(t, email, converted)
	p := d.awaitPush(t, everybody, c.ID, "sent")
	e := only[googleEvent](t, d, "google", p.ID)
	equal(t, "identifiers", fmt.Sprint(e.UserData.UserIdentifiers, len(e.AdIdentifiers)), fmt.Sprint([]map[string]string{{"emailAddress": hashOf(email)}}, 0))
	p = d.awaitPush(t, granted, c.ID, "skipped_consent")
	equal(t, "what Google has of it", len(d.arrived(t, "google", p.ID).Accepted), 0)

	// Refused, after it was granted: nothing goes, whatever the visitor clicked.
	email, visitor = newEmail("refused"), d.adClick(t, came, "?gclid=Cj0Krefused", hit{"ad_consent": "denied"})
	d.chat(t, map[string]any{"email": email, "message": "No, thank you", "sourceloop_id": visitor})
	c = d.awaitContact(t, email, func(c contact) bool { return converted(c) && c.LastTouch.Source == "google" })
	for _, destination := range []string{everybody, granted} {
		p = d.awaitPush(t, destination, c.ID, "skipped_consent")
		equal(t, "what Google has of it", len(d.arrived(t, "google", p.ID).Accepted), 0)
	}
}

type metaEvent struct {
	Name   string `json:"event_name"`
	ID     string `json:"event_id"`
	Time   int64  `json:"event_time"`
	Source string `json:"action_source"`
	User   struct {
		Em, Ph   []string
		FBC, FBP string
	} `json:"user_data"`
	Custom struct {
		Value    float64
		Currency string
	} `json:"custom_data"`
}

// TestMetaGetsEachChatOnce: with the pixel's own ids where it set them, and with
// the click as Meta wants it where only the URL has it.
func TestMetaGetsEachChatOnce(t *testing.T) {
	d := forwards(t)
	destination := d.destination(t, "meta", nil)
	came := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	click, phone := "IwAR0_"+randomHex(10)+"xY", "+4791"+digits(6)
	fbp, fbc := fmt.Sprintf("fb.1.%d.1098115397", came.UnixMilli()), fmt.Sprintf("fb.1.%d.%s", came.UnixMilli()+7, click)

	email := newEmail("Pixel.Person")
	visitor := d.adClick(t, came, "?fbclid="+click+"&utm_medium=paid", hit{"fbp": fbp, "fbc": fbc})
	chatAt := came.Add(5 * time.Minute)
	d.chat(t, map[string]any{"at": chatAt.UnixMilli(), "email": email, "phone": phone, "message": "Hello", "sourceloop_id": visitor})
	p := d.awaitPush(t, destination, d.awaitContact(t, email, converted).ID, "sent")
	e := only[metaEvent](t, d, "meta", p.ID)
	equal(t, "name, id, source", e.Name+" "+e.ID+" "+e.Source, "Lead "+p.ID+" chat")
	equal(t, "time", e.Time, chatAt.Unix())
	equal(t, "email", fmt.Sprint(e.User.Em), fmt.Sprint([]string{hashOf(email)}))
	equal(t, "phone", fmt.Sprint(e.User.Ph), fmt.Sprint([]string{hashOf(phone[1:])}))
	equal(t, "fbp", e.User.FBP, fbp)
	equal(t, "fbc", e.User.FBC, fbc)
	equal(t, "value", fmt.Sprint(e.Custom), "{25.5 EUR}")

	// Without the pixel: Meta's form is made of the click of the URL.
	phone, visitor = "+4791"+digits(6), d.adClick(t, came, "?fbclid="+click+"&utm_medium=paid", nil)
	d.chat(t, map[string]any{"phone": phone, "message": "Call me", "sourceloop_id": visitor})
	p = d.awaitPush(t, destination, d.awaitContact(t, phone, converted).ID, "sent")
	e = only[metaEvent](t, d, "meta", p.ID)
	equal(t, "fbc", e.User.FBC, fmt.Sprintf("fb.1.%d.%s", came.UnixMilli(), click))
	equal(t, "fbp and emails", e.User.FBP+fmt.Sprint(e.User.Em), "[]")

	// The pixel's ids are taken back by a refusal, and nothing goes.
	email = newEmail("refused")
	visitor = d.adClick(t, came, "?fbclid="+click+"&utm_medium=paid", hit{"fbp": fbp, "ad_consent": "denied"})
	d.chat(t, map[string]any{"email": email, "message": "No, thank you", "sourceloop_id": visitor})
	p = d.awaitPush(t, destination, d.awaitContact(t, email, func(c contact) bool { return c.LastTouch.Source == "facebook" }).ID, "skipped_consent")
	equal(t, "what Meta has of it", len(d.arrived(t, "meta", p.ID).Accepted), 0)
}

type linkedinEvent struct {
	Conversion           string
	ConversionHappenedAt int64
	ConversionValue      struct{ CurrencyCode, Amount string }
	EventID              string
	User                 struct {
		UserIDs []struct{ IDType, IDValue string }
	}
}

// TestLinkedInGetsEachChatOnce: by the click of a URL, by that of the Insight
// Tag's own cookie, by email; and of somebody who gave a phone alone only when
// an email is known.
func TestLinkedInGetsEachChatOnce(t *testing.T) {
	d := forwards(t)
	destination := d.destination(t, "linkedin", nil)
	came := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	uuid := func() string { return newHitID(came) }
	ids := func(e linkedinEvent) string { return fmt.Sprint(e.User.UserIDs) }

	email, click := newEmail("click"), uuid()
	visitor := d.adClick(t, came, "?li_fat_id="+click, nil)
	chatAt := came.Add(5 * time.Minute)
	d.chat(t, map[string]any{"at": chatAt.UnixMilli(), "email": email, "message": "Hello", "sourceloop_id": visitor})
	p := d.awaitPush(t, destination, d.awaitContact(t, email, converted).ID, "sent")
	e := only[linkedinEvent](t, d, "linkedin", p.ID)
	equal(t, "rule", e.Conversion, "urn:lla:llaPartnerConversion:"+linkedinRule)
	equal(t, "time", e.ConversionHappenedAt/1000, chatAt.Unix())
	equal(t, "value", e.ConversionValue.Amount+" "+e.ConversionValue.CurrencyCode, "25.5 EUR")
	equal(t, "who", ids(e), fmt.Sprint([]struct{ t, v string }{{"SHA256_EMAIL", hashOf(email)}, {"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", click}}))

	// The cookie knows a click that no URL of the visit has; the visit stays what it is.
	phone := "+4791" + digits(6)
	click = uuid()
	visitor = d.adClick(t, came, "", hit{"li_fat_id": click})
	d.chat(t, map[string]any{"phone": phone, "message": "Call me", "sourceloop_id": visitor})
	c := d.awaitContact(t, phone, func(c contact) bool { return converted(c) && c.PagesBefore == 1 })
	equal(t, "channel", c.LastTouch.Channel, "Direct")
	p = d.awaitPush(t, destination, c.ID, "sent")
	equal(t, "who", ids(only[linkedinEvent](t, d, "linkedin", p.ID)), fmt.Sprint([]struct{ t, v string }{{"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", click}}))

	// Nothing that LinkedIn could match by, and then there is.
	phone = "+4791" + digits(6)
	talk := d.chat(t, map[string]any{"phone": phone, "message": "Call me, too"})
	c = d.awaitContact(t, phone, converted)
	waiting := d.awaitPush(t, destination, c.ID, "pending_identity")
	email = newEmail("later")
	d.chat(t, map[string]any{"contact_id": talk.ContactID, "email": email})
	c = d.awaitContact(t, email, converted)
	p = d.awaitPush(t, destination, c.ID, "sent")
	equal(t, "the push's id", p.ID, waiting.ID)
	equal(t, "who", ids(only[linkedinEvent](t, d, "linkedin", p.ID)), fmt.Sprint([]struct{ t, v string }{{"SHA256_EMAIL", hashOf(email)}}))
}
