package schema_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"sourceloop/schema"
)

var freeze = flag.Bool("freeze", false, "write wire goldens that do not exist yet; existing ones are never changed")

func wireGoldens() map[string]proto.Message {
	id := schema.Derive("golden")
	claim := schema.NewClaim(7, []schema.Node{"intercom:42", "email:ann@example.com"}, true, 1763900000999, "intercom contact 42", "intercom", "Ann")
	fact := &schema.ConversionFact{
		Id: id[:], Workspace: 7, Name: "intercom_conversation", Provider: "intercom", ExternalId: "12", Node: "intercom:42",
		Visitor: "0123456789abcdef0123456789abcdef", At: 1763900000999, Value: 12.5, Currency: "EUR", Url: "https://app.example/12",
		Page: "https://site.example/pricing", Message: "Hello", State: "open", Updated: 1763900001000,
	}
	hit := &schema.Hit{
		Id: id[:], Workspace: 7, Visitor: "0123456789abcdef0123456789abcdef", At: 1763900000123, Received: 1763900000456,
		Type: schema.HitType_HIT_TYPE_PAGEVIEW, Url: "https://site.example/?utm_source=test", Referrer: "https://google.com/",
		Title: "Home", Name: "n", Properties: []byte(`{"a":1}`), Traits: &schema.Traits{Email: "ann@example.com", Phone: "+4915112345678", Name: "Ann", UserId: "u1"},
		UserAgent: "Mozilla/5.0", Tz: "Europe/Berlin", Country: "DE", CountrySource: "timezone", Device: "desktop", Browser: "Firefox",
		Os: "Linux", Bot: true, ClockShift: -5,
	}
	ads := &schema.Hit{
		Id: id[:], Workspace: 7, Visitor: "0123456789abcdef0123456789abcdef", At: 1763900000123, Received: 1763900000456,
		Type: schema.HitType_HIT_TYPE_ADS, Url: "https://site.example/", AdConsent: "granted", Fbp: "fb.1.1763900000000.1098115397",
		Fbc: "fb.1.1763900000000.AbCd-Ef_1", LiFatId: "3e0fb0b4-5b1c-4d36-8a9b-3a0b5f4f6a01",
	}
	return map[string]proto.Message{
		"ads":      &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: ads}},
		"hit":      &schema.HitRecord{Body: &schema.HitRecord_Hit{Hit: hit}},
		"webhook":  &schema.WebhookRecord{Provider: "intercom", App: "abc", Received: 1763900000456, Body: []byte(`{"topic":"ping"}`), Workspace: 7, Connection: 3},
		"evidence": &schema.LeadRecord{Workspace: 7, Received: 5, Body: &schema.LeadRecord_Evidence{Evidence: &schema.Evidence{Claims: []*schema.Claim{claim}, Conversion: fact}}},
		"visitors": &schema.LeadRecord{Workspace: 7, Received: 5, Body: &schema.LeadRecord_Visitors{Visitors: &schema.VisitorsChanged{Visitors: []string{"a", "b"}}}},
		"dead":     &schema.DeadRecord{Topic: "hits", Partition: 3, Offset: 9, Key: []byte("k"), Value: []byte("v"), Stage: "sessionize", Reason: "malformed", Detail: "d", At: 4, Id: id[:]},
		"state": &schema.VisitorState{
			Hits:    []*schema.Hit{hit},
			Written: []*schema.WrittenKey{{Day: 20415, Session: id[:], Hash: 99, Acknowledged: true}},
			Carry:   &schema.Carry{LastAt: 1, LastId: id[:], Source: &schema.Source{Channel: "Direct", Source: "direct", Direct: true}, Sessions: 2},
			Flooded: true,
		},
		"rebuild": &schema.HitRecord{Body: &schema.HitRecord_Rebuild{Rebuild: &schema.Rebuild{
			Task: id[:], Part: "hits 12", Workspace: 7, Late: true, From: 1763900000123, To: 1763900000456, Step: 3, AfterWorkspace: 7,
			AfterVisitor: "0123456789abcdef0123456789abcdef", Visitors: 1500,
		}}},
		"erase": &schema.HitRecord{Body: &schema.HitRecord_Erase{Erase: &schema.Erase{
			Task: id[:], Part: "browser 0", Workspace: 7, Until: 1763900000456, Nodes: []string{"email:ann@example.com"}, Contacts: [][]byte{id[:]},
			Browsers: []*schema.Browser{{Visitor: "0123456789abcdef0123456789abcdef", Stretches: []*schema.Stretch{schema.Always(), {From: 1, To: 2}}}},
		}}},
		"component": &schema.Component{Claims: []*schema.Claim{claim}, Conversions: []*schema.ConversionFact{fact}, Contacts: [][]byte{id[:]}},
	}
}

// TestWireGoldens reads the frozen bytes with today's schema: what older
// binaries wrote must mean the same for ever.
func TestWireGoldens(t *testing.T) {
	for name, want := range wireGoldens() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".pb")
			frozen, err := os.ReadFile(path)
			if os.IsNotExist(err) && *freeze {
				frozen, err = proto.MarshalOptions{Deterministic: true}.Marshal(want)
				if err == nil {
					err = os.WriteFile(path, frozen, 0o644)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			got := want.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(frozen, got); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("the frozen bytes mean\n%s\nnot\n%s", protojson.Format(got), protojson.Format(want))
			}
			again, err := proto.MarshalOptions{Deterministic: true}.Marshal(got)
			if err != nil || !bytes.Equal(again, frozen) {
				t.Errorf("written again it is not the same (%v)", err)
			}
		})
	}
}

// TestUnknownFieldsAreKept: an old binary passes on what a new one wrote.
func TestUnknownFieldsAreKept(t *testing.T) {
	newer := append([]byte{}, 0xfa, 0x3f, 0x03, 'n', 'e', 'w') // field 1023, bytes
	var record schema.HitRecord
	if err := proto.Unmarshal(newer, &record); err != nil {
		t.Fatal(err)
	}
	again, err := proto.Marshal(&record)
	if err != nil || !bytes.Equal(again, newer) {
		t.Errorf("got %x, %v", again, err)
	}
}

func TestDeriveDependsOnTheParts(t *testing.T) {
	if schema.Derive("ab", "c") == schema.Derive("a", "bc") || schema.Derive("a") == schema.Derive("a", "") {
		t.Error("different parts gave one id")
	}
	if got := schema.Derive("session", "1").String(); got != schema.Derive("session", "1").String() || len(got) != 36 {
		t.Errorf("got %s", got)
	}
}

func TestIDsSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := schema.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		back, err := schema.ParseID(id.String())
		if err != nil || back != id {
			t.Fatalf("%s came back as %s (%v)", id, back, err)
		}
	})
}

func TestHitIDsCarryTheirTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := schema.Millis(rapid.Int64Range(0, 1<<47).Draw(t, "at"))
		id := schema.NewHitID(at, [10]byte(rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random")))
		if !id.IsV7() || id.Time() != at {
			t.Fatalf("%s: time %d, want %d", id, id.Time(), at)
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add("019a0000-0000-7000-8000-000000000000")
	f.Add("not an id")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := schema.ParseID(text)
		if err == nil && len(text) != len(id.String()) {
			t.Errorf("%q was read as %s", text, id)
		}
	})
}

// TestAClaimIsWhatItSays: neither time nor order nor repetition of its nodes
// change a claim's id.
func TestAClaimIsWhatItSays(t *testing.T) {
	a := schema.NewClaim(1, []schema.Node{"email:a", "intercom:1"}, true, 5, "e", "m", "n")
	b := schema.NewClaim(1, []schema.Node{"intercom:1", "email:a", "email:a"}, true, 9, "e", "m", "n")
	c := schema.NewClaim(2, []schema.Node{"email:a", "intercom:1"}, true, 5, "e", "m", "n")
	if !bytes.Equal(a.GetId(), b.GetId()) || bytes.Equal(a.GetId(), c.GetId()) {
		t.Error("ids do not follow what is claimed")
	}
}

func TestDaysBeforeTheEpochRoundDown(t *testing.T) {
	for at, day := range map[schema.Millis]int32{0: 0, 86399999: 0, 86400000: 1, -1: -1, -86400000: -1, -86400001: -2} {
		if got := at.Day(); got != day {
			t.Errorf("day of %d: got %d, want %d", at, got, day)
		}
	}
}

func TestVersionsFollowEpochThenCounter(t *testing.T) {
	if schema.Version(2, 0) <= schema.Version(1, 1<<32-1) || schema.Version(1, 2) <= schema.Version(1, 1) {
		t.Error("versions are not in order")
	}
}

func TestSettingsInForce(t *testing.T) {
	w := schema.Workspace{Settings: []schema.Settings{{Version: 1, From: 100}, {Version: 2, From: 200}}}
	for at, want := range map[schema.Millis]uint32{0: 1, 100: 1, 199: 1, 200: 2, 999: 2} {
		if got := w.At(at).Version; got != want {
			t.Errorf("at %d: version %d, want %d", at, got, want)
		}
	}
}

func TestOwnerOfAMoment(t *testing.T) {
	a, b := schema.Derive("a"), schema.Derive("b")
	i := schema.Identity{Since: []schema.Millis{10, 20}, Contacts: []schema.ID{a, b}}
	for at, want := range map[schema.Millis]schema.ID{0: a, 10: a, 19: a, 20: b, 99: b} {
		if got := i.Owner(at); got != want {
			t.Errorf("at %d: %s", at, got)
		}
	}
}
