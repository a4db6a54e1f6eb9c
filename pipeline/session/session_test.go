package session_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"sourceloop/pipeline/journeys"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

// simple is a small classifier: UTM, gclid, three referrers, and a rule by the
// landing path in the second version of the settings.
type simple struct{}

func (simple) Classify(h *schema.Hit, set *schema.Settings) *schema.Source {
	s := &schema.Source{Rule: "simple", List: set.Version}
	u, err := url.Parse(h.GetUrl())
	if err != nil {
		u = &url.URL{}
	}
	q := u.Query()
	s.Source, s.Medium, s.Campaign = q.Get("utm_source"), q.Get("utm_medium"), q.Get("utm_campaign")
	s.Utm = s.Source+s.Medium+s.Campaign != ""
	if id := q.Get("gclid"); id != "" {
		s.ClickIds = append(s.ClickIds, "gclid="+id)
	}
	if r, err := url.Parse(h.GetReferrer()); err == nil && r.Host != "" && r.Host != "shop.example" {
		s.Referrer = h.GetReferrer()
	}
	s.Direct = !s.Utm && s.Referrer == "" && len(s.ClickIds) == 0
	switch {
	case set.Version == 2 && u.Path == "/partner":
		s.Channel = "Partner"
	case len(s.ClickIds) > 0:
		s.Channel = schema.ChannelPaidSearch
		s.Source, s.Medium = or(s.Source, "google"), or(s.Medium, "cpc")
	case s.Utm:
		s.Channel = schema.ChannelEmail
	case strings.Contains(s.Referrer, "google"):
		s.Channel, s.Source, s.Medium = schema.ChannelOrganicSearch, "google", "organic"
	case s.Referrer != "":
		s.Channel, s.Source, s.Medium = schema.ChannelReferral, "blog.example", "referral"
	default:
		s.Channel, s.Source = schema.ChannelDirect, "direct"
	}
	return s
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

const hour = int64(time.Hour / time.Millisecond)

// epoch is shortly before the clocks of Berlin went forward in 2026.
var epoch = schema.MillisOf(time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC))

func workspace(t interface{ Fatal(...any) }, change func(*schema.Settings)) *schema.Workspace {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := schema.DefaultSettings()
	first.Zone = berlin
	change(&first)
	second := first
	second.Version, second.From, second.Zone, second.Timeout = 2, epoch.Add(100*time.Hour), time.UTC, time.Hour
	return &schema.Workspace{ID: 7, Settings: []schema.Settings{first, second}}
}

// drawWorkspace draws which triggers are on.
func drawWorkspace(t *rapid.T) *schema.Workspace {
	attribution, midnight := rapid.Float64().Draw(t, "a") < .8, rapid.Float64().Draw(t, "m") < .8
	return workspace(t, func(s *schema.Settings) { s.Attribution, s.Midnight = attribution, midnight })
}

func drawHits(t *rapid.T, most int) []*schema.Hit {
	urls := []string{
		"https://shop.example/", "https://shop.example/partner", "https://shop.example/a#part", "https://shop.example/?utm_source=news&utm_medium=email",
		"https://shop.example/?utm_campaign=x", "https://shop.example/?utm_source=google", "https://shop.example/?gclid=1", "https://shop.example/?gclid=2&utm_campaign=x",
	}
	referrers := []string{"", "", "https://shop.example/", "https://www.google.com/", "https://blog.example/post"}
	gaps := []int64{0, 0, 1, 60_000, 29 * 60_000, 30 * 60_000, 30*60_000 + 1, 60 * 60_000, 5 * hour, 30 * hour, 80 * hour}
	types := []schema.HitType{1, 1, 1, 2, 3, 4, 5}
	at, n := int64(epoch), rapid.IntRange(1, most).Draw(t, "hits")
	hits := make([]*schema.Hit, n)
	for i := range hits {
		at += rapid.SampledFrom(gaps).Draw(t, "gap")
		id := schema.NewHitID(schema.Millis(at), [10]byte{rapid.Byte().Draw(t, "id"), byte(i)})
		hits[i] = &schema.Hit{
			Id: id[:], At: at, Received: at + rapid.SampledFrom([]int64{5, 5, 5, hour, 90 * hour}).Draw(t, "delay"),
			Type: rapid.SampledFrom(types).Draw(t, "type"),
			Url:  rapid.SampledFrom(urls).Draw(t, "url"), Referrer: rapid.SampledFrom(referrers).Draw(t, "referrer"),
			Device: rapid.SampledFrom([]string{"", "mobile"}).Draw(t, "device"), Bot: rapid.Bool().Draw(t, "bot"),
			AdConsent: rapid.SampledFrom([]string{"", "", "granted", "denied"}).Draw(t, "consent"),
			Fbp:       rapid.SampledFrom([]string{"", "fb.1.1.1", "fb.1.1.2"}).Draw(t, "fbp"),
			Fbc:       rapid.SampledFrom([]string{"", "fb.1.1.A", "fb.1.1.a"}).Draw(t, "fbc"),
			LiFatId:   rapid.SampledFrom([]string{"", "li-1", "li-2"}).Draw(t, "li_fat_id"),
			Workspace: 7, Visitor: "v", UserAgent: "agent", Properties: []byte(`{"engaged_ms":1200}`),
			Traits: &schema.Traits{Email: rapid.SampledFrom([]string{"a@x.example", "b@x.example", ""}).Draw(t, "email")},
		}
	}
	return hits
}

func drawShuffled(t *rapid.T, hits []*schema.Hit) []*schema.Hit {
	shuffled := slices.Clone(hits)
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled
}

func wantSame(t *rapid.T, what string, got, want []schema.Session) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 || reflect.DeepEqual(got, want) {
		return
	}
	text := func(sessions []schema.Session) string {
		lines, err := json.MarshalIndent(sessions, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(lines)
	}
	t.Fatalf("%s: the sessions differ: want\n%s\ngot\n%s", what, text(want), text(got))
}

func TestDeriveIsWhatTheNaiveReferenceSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, hits := drawWorkspace(t), drawHits(t, 14)
		wantSame(t, "reference", session.Derive(w, "v", nil, hits, simple{}), journeys.Sessions(w, "v", hits, simple{}))
	})
}

func TestDeriveDependsOnTheSetAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, hits := drawWorkspace(t), drawHits(t, 14)
		// Some come twice, with another body that was received later.
		again := make([]*schema.Hit, 0, len(hits))
		for _, h := range hits {
			if rapid.Bool().Draw(t, "again") {
				other := proto.Clone(h).(*schema.Hit)
				other.Received, other.At, other.Url = h.GetReceived()+1, h.GetAt()+hour, "https://shop.example/other"
				again = append(again, h, other)
			}
		}
		want := session.Derive(w, "v", nil, hits, simple{})
		var set []*schema.Hit
		for _, h := range drawShuffled(t, append(again, hits...)) {
			set, _ = session.Union(set, session.Trim(h))
			_ = session.Derive(w, "v", nil, set, simple{}) // in batches: nothing may be left behind
		}
		wantSame(t, "union", session.Derive(w, "v", nil, set, simple{}), want)
		wantSame(t, "unsorted", session.Derive(w, "v", nil, drawShuffled(t, append(again, hits...)), simple{}), want)
	})
}

func TestUnionOfTwoBodiesReceivedAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawHits(t, 1)[0]
		b := proto.Clone(drawHits(t, 1)[0]).(*schema.Hit)
		b.Id, b.Received = a.GetId(), a.GetReceived()
		a, b = session.Trim(a), session.Trim(b)
		ab, _ := session.Union([]*schema.Hit{a}, b)
		ba, _ := session.Union([]*schema.Hit{b}, a)
		if len(ab) != 1 || !proto.Equal(ab[0], ba[0]) {
			t.Fatalf("the order decides:\n%v\n%v", ab, ba)
		}
	})
}

// TestSealLeavesEverySessionAsItWas lets hits arrive in any order, seals
// between any two, and compares with one derivation of everything that was not
// late.
func TestSealLeavesEverySessionAsItWas(t *testing.T) {
	sealedAny := false
	rapid.Check(t, func(t *rapid.T) {
		w, hits := drawWorkspace(t), drawHits(t, 20)
		if rapid.Bool().Draw(t, "by arrival") {
			slices.SortStableFunc(hits, func(a, b *schema.Hit) int { return int(a.GetReceived() - b.GetReceived()) })
		} else {
			hits = drawShuffled(t, hits)
		}
		st := &schema.VisitorState{}
		var taken []*schema.Hit
		var sealed []schema.Session
		var progress schema.Millis
		for _, h := range hits {
			progress = max(progress, schema.Millis(h.GetReceived()))
			if !session.Late(st.GetCarry(), h) {
				taken = append(taken, h)
				st.Hits, _ = session.Union(st.GetHits(), session.Trim(h))
			}
			if rapid.Bool().Draw(t, "seal") {
				sealed = append(sealed, session.Seal(w, "v", st, progress, simple{})...)
			}
			open := session.Derive(w, "v", st.GetCarry(), st.GetHits(), simple{})
			wantSame(t, "sealed and open", slices.Concat(sealed, open), session.Derive(w, "v", nil, taken, simple{}))
			if len(sealed) > 0 {
				sealedAny = true
				if got := int(st.GetCarry().GetSessions()); got != len(sealed) {
					t.Fatalf("the carry counts %d of %d sessions", got, len(sealed))
				}
			}
			for _, old := range taken {
				if kept := slices.ContainsFunc(st.GetHits(), func(k *schema.Hit) bool { return string(k.GetId()) == string(old.GetId()) }); kept == session.Late(st.GetCarry(), old) {
					t.Fatalf("hit %v: kept %v, late %v", old, kept, !kept)
				}
			}
		}
	})
	if !sealedAny {
		t.Fatal("nothing was ever sealed: the test says nothing")
	}
}

func TestSealWaits72Hours(t *testing.T) {
	w := workspace(t, func(*schema.Settings) {})
	hit := func(at, received int64, random byte) *schema.Hit {
		id := schema.NewHitID(schema.Millis(at), [10]byte{random})
		return &schema.Hit{Id: id[:], At: at, Received: received, Type: 1, Url: "https://shop.example/"}
	}
	for _, c := range []struct {
		name             string
		arrival, newest  int64 // of the first hit; at of the second
		progress, sealed int64
	}{
		{"both settled", 0, 72 * hour, 72 * hour, 1},
		{"arrived a little later", 1, 72 * hour, 72 * hour, 0},
		{"the visitor is not far enough", 0, 72*hour - 1, 100 * hour, 0},
		{"the newest session stays for ever", 0, 0, 9999 * hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := int64(epoch)
			st := &schema.VisitorState{Hits: []*schema.Hit{hit(base, base+c.arrival, 1), hit(base+c.newest, base+c.newest, 2)}}
			if got := session.Seal(w, "v", st, epoch+schema.Millis(c.progress), simple{}); int64(len(got)) != c.sealed {
				t.Errorf("sealed %d sessions, want %d", len(got), c.sealed)
			}
		})
	}
}

func TestAnErasedFirstHitLosesNoSession(t *testing.T) {
	w := workspace(t, func(*schema.Settings) {})
	carry := &schema.Carry{LastAt: int64(epoch), LastId: []byte{1}, StartedAt: int64(epoch), ClosesAt: int64(epoch) + hour/2, OpenAt: int64(epoch) + 80*hour, OpenId: []byte{1}}
	id := schema.NewHitID(epoch, [10]byte{})
	leave := &schema.Hit{Id: id[:], At: int64(epoch) + 81*hour, Type: schema.HitType_HIT_TYPE_LEAVE}
	got := session.Derive(w, "v", carry, []*schema.Hit{leave}, simple{})
	if len(got) != 1 || got[0].Reason != schema.ReasonTimeout {
		t.Errorf("got %+v, want one session", got)
	}
}

type normal struct{}

func (normal) Email(s string) (string, error)    { return strings.ToLower(s), nil }
func (normal) Phone(s, _ string) (string, error) { return s, nil }
func (normal) UserID(s string) (string, error)   { return s, nil }

func TestClaimsOnceWhereIdentityChanges(t *testing.T) {
	w := workspace(t, func(*schema.Settings) {})
	var hits []*schema.Hit
	add := func(minutes int64, kind schema.HitType, email string) {
		at := int64(epoch) + minutes*60_000
		id := schema.NewHitID(schema.Millis(at), [10]byte{byte(len(hits))})
		hits = append(hits, &schema.Hit{Id: id[:], At: at, Type: kind, Url: "https://shop.example/", Traits: &schema.Traits{Email: email}})
	}
	add(0, 1, "never@x.example") // a page view identifies nobody
	add(1, 3, "Ann@x.example")
	add(2, 3, "ann@x.example")
	add(3, 3, "bob@x.example")
	add(4, 3, "ann@x.example")
	add(5, 3, "")
	add(60, 1, "")
	add(61, 3, "ann@x.example") // again in the next session
	sessions := session.Derive(w, "v", nil, hits, simple{})
	var got []string
	for _, c := range session.Claims(w, hits, sessions, normal{}) {
		if c.GetVerified() || c.GetMethod() != session.MethodIdentify || c.GetWorkspace() != 7 || !strings.HasPrefix(c.GetEvidence(), "hit ") {
			t.Errorf("not as a site's claim should be: %v", c)
		}
		got = append(got, strings.Join(c.GetNodes(), " "))
	}
	want := []string{"email:ann@x.example visitor:v", "email:bob@x.example visitor:v", "email:ann@x.example visitor:v", "email:ann@x.example visitor:v"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAChatTiesItsBrowser: by the conversation that a HubSpot chat began, once,
// and by nothing else that calls itself so.
func TestAChatTiesItsBrowser(t *testing.T) {
	w := workspace(t, func(*schema.Settings) {})
	var hits []*schema.Hit
	add := func(kind schema.HitType, name, properties string) {
		at := int64(epoch) + int64(len(hits))*60_000
		id := schema.NewHitID(schema.Millis(at), [10]byte{byte(len(hits))})
		hits = append(hits, &schema.Hit{Id: id[:], At: at, Type: kind, Name: name, Url: "https://shop.example/", Properties: []byte(properties)})
	}
	const event = schema.HitType_HIT_TYPE_EVENT
	add(1, "", "")
	add(event, "chat_opened", `{"provider":"hubspot","conversation":"43210987654"}`)
	add(event, "chat_opened", `{"provider":"hubspot","conversation":"43210987654"}`)
	add(event, "chat_opened", `{"provider":"hubspot"}`)
	add(event, "chat_opened", `{"provider":"hubspot","conversation":43210987654}`)
	add(event, "chat_opened", `{"provider":"hubspot","conversation":"thread/1"}`)
	add(event, "chat_opened", `{"provider":"intercom","conversation":"1"}`)
	add(event, "chat_closed", `{"provider":"hubspot","conversation":"1"}`)
	add(1, "chat_opened", `{"provider":"hubspot","conversation":"1"}`)
	add(event, "chat_opened", `not JSON`)
	for i, h := range hits {
		hits[i] = session.Trim(h) // As they are kept.
	}
	claims := session.Claims(w, hits, session.Derive(w, "v", nil, hits, simple{}), normal{})
	if len(claims) != 2 || string(claims[0].GetId()) != string(claims[1].GetId()) {
		t.Fatalf("%d claims: %v", len(claims), claims)
	}
	if c := claims[0]; c.GetVerified() || c.GetMethod() != session.MethodChat || strings.Join(c.GetNodes(), " ") != "hubspot:thread/43210987654 visitor:v" {
		t.Errorf("%v", c)
	}
}

// TestHashSeesEveryField fills a session by reflection, so that a field that
// is added to the row and not to the hash is found.
func TestHashSeesEveryField(t *testing.T) {
	s := schema.Session{ClickIDs: []string{"gclid=1"}, Items: []schema.Item{{}}}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		before := session.Hash(&s)
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		case reflect.Array, reflect.Slice:
			walk(path+"[0]", v.Index(0))
			return
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Uint8, reflect.Uint32:
			v.SetUint(9)
		case reflect.Int32, reflect.Int64:
			v.SetInt(9)
		default:
			t.Fatalf("%s: cannot fill a %s", path, v.Kind())
		}
		if session.Hash(&s) == before {
			t.Errorf("%s is not part of the hash", path)
		}
	}
	walk("Session", reflect.ValueOf(&s).Elem())
}

func FuzzDeriveTakesAnyHit(f *testing.F) {
	f.Add("https://shop.example/?utm_source=%zz&gclid=1#x", "https://www.google.com/", int64(0), uint8(1), []byte(`{"engaged_ms":1e999}`))
	f.Add("?&&=&utm_source", "\x00", int64(-1), uint8(4), []byte(`{"engaged_ms":-5}`))
	w := workspace(f, func(*schema.Settings) {})
	f.Fuzz(func(t *testing.T, page, referrer string, at int64, kind uint8, properties []byte) {
		id := schema.NewHitID(epoch, [10]byte{1})
		first := &schema.Hit{Id: id[:], At: int64(epoch), Type: 1, Url: "https://shop.example/"}
		other := schema.NewHitID(epoch, [10]byte{2})
		h := &schema.Hit{Id: other[:], At: at, Type: schema.HitType(kind % 6), Url: page, Referrer: referrer, Properties: properties}
		got := session.Derive(w, "v", nil, []*schema.Hit{first, h}, simple{})
		for _, s := range got {
			if s.EngagedMS < 0 || s.EndedAt < s.StartedAt {
				t.Errorf("negative: %+v", s)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
		}
		if got[0].Reason != schema.ReasonFirstHit {
			t.Errorf("the first is %s", got[0].Reason)
		}
	})
}
