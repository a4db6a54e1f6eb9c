package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/journeys"
	"sourceloop/schema"
)

// claim is "verified intercom:1 email:a@x.example" at a time.
func claim(at int, text string) *schema.Claim {
	words := strings.Fields(text)
	nodes := make([]schema.Node, len(words)-1)
	for i, w := range words[1:] {
		nodes[i] = schema.Node(w)
	}
	return schema.NewClaim(7, nodes, words[0] == "verified", schema.Millis(at), fmt.Sprintf("evidence %d", at), "test", "")
}

// drawClaims draws from a small world, so that everything touches everything.
func drawClaims(t *rapid.T, most int) []*schema.Claim {
	nodes := []schema.Node{
		"visitor:1", "visitor:2", "visitor:3", "email:a", "email:b", "email:c", "phone:1", "phone:2",
		"user:1", "user:2", "intercom:1", "intercom:2", "intercom:3", "hubspot:1", "user:null",
	}
	claims := make([]*schema.Claim, rapid.IntRange(0, most).Draw(t, "claims"))
	for i := range claims {
		some := rapid.SliceOfN(rapid.SampledFrom(nodes), 1, 3).Draw(t, "nodes")
		claims[i] = schema.NewClaim(7, some, rapid.Bool().Draw(t, "verified"), schema.Millis(rapid.IntRange(1, 9).Draw(t, "at")),
			rapid.SampledFrom([]string{"x", "y"}).Draw(t, "evidence"), "test", rapid.SampledFrom([]string{"", "Ann", "Bob"}).Draw(t, "name"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "words of Admins") {
		two := rapid.SliceOfN(rapid.SampledFrom(nodes), 2, 2).Draw(t, "two")
		word := schema.NewClaim(7, two, true, schema.Millis(rapid.IntRange(1, 9).Draw(t, "said at")), fmt.Sprint("word ", rapid.IntRange(0, 3).Draw(t, "word")), "undo", "")
		word.Bond = schema.Bond_BOND_APART
		if rapid.IntRange(0, 2).Draw(t, "free") == 0 {
			word = schema.NewClaim(7, two, true, schema.Millis(word.GetAt()), fmt.Sprint("free ", word.GetEvidence()), "undo", "")
			word.Bond = schema.Bond_BOND_FREE
		}
		claims = append(claims, word)
	}
	return claims
}

func text(v any) string {
	lines, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(lines)
}

func TestResolveDependsOnTheSetAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t, 12)
		want := identity.Resolve(7, claims)
		again := slices.Clone(claims)
		for _, c := range claims {
			if rapid.Bool().Draw(t, "again") {
				later := schema.NewClaim(7, nodesOf(c), c.GetVerified(), schema.Millis(c.GetAt()+5), c.GetEvidence(), c.GetMethod(), c.GetName())
				later.Bond = c.GetBond()
				again = append(again, c, later)
			}
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := identity.Resolve(7, again); !reflect.DeepEqual(got, want) {
			t.Fatalf("want\n%s\ngot\n%s", text(want), text(got))
		}
		var set []*schema.Claim
		for _, c := range again {
			set, _ = identity.UnionClaims(set, c)
		}
		if got := identity.Resolve(7, set); !reflect.DeepEqual(got, want) {
			t.Fatalf("by union: want\n%s\ngot\n%s", text(want), text(got))
		}
	})
}

// TestWhatIsKeptApartStaysApart whatever claims say, until an Admin lets them
// decide again: then everything is as if nobody had ever said anything.
func TestWhatIsKeptApartStaysApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var claims []*schema.Claim
		for _, c := range drawClaims(t, 12) {
			if c.GetBond() == schema.Bond_BOND_TOGETHER {
				claims = append(claims, c)
			}
		}
		before := identity.Resolve(7, claims)
		people := rapid.SliceOfNDistinct(rapid.SampledFrom([]schema.Node{"email:a", "email:b", "user:1", "intercom:1", "intercom:2"}), 2, 2, rapid.ID).Draw(t, "two")
		word := func(at schema.Millis, bond schema.Bond) *schema.Claim {
			c := schema.NewClaim(7, people, true, at, fmt.Sprint("word of ", at), "undo", "")
			c.Bond = bond
			return c
		}
		apart := append(slices.Clone(claims), word(20, schema.Bond_BOND_APART))
		for _, c := range identity.Resolve(7, apart).Contacts {
			if slices.Contains(c.Nodes, people[0]) && slices.Contains(c.Nodes, people[1]) {
				t.Fatalf("%v are one contact:\n%s", people, text(apart))
			}
		}
		again := identity.Resolve(7, append(apart, word(21, schema.Bond_BOND_FREE)))
		if !reflect.DeepEqual(again, before) {
			t.Fatalf("after an undo was taken back, want\n%s\ngot\n%s", text(before), text(again))
		}
	})
}

func nodesOf(c *schema.Claim) []schema.Node {
	var nodes []schema.Node
	for _, n := range c.GetNodes() {
		nodes = append(nodes, schema.Node(n))
	}
	return nodes
}

func TestResolveIsWhatTheNaiveReferenceSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t, 12)
		got := identity.Resolve(7, claims)
		contacts, identities := journeys.Contacts(7, claims)
		for i := range got.Contacts {
			got.Contacts[i].Evidence = nil
		}
		if text(got.Contacts) != text(contacts) {
			t.Fatalf("claims\n%s\nwant\n%s\ngot\n%s", text(claims), text(contacts), text(got.Contacts))
		}
		if text(got.Identities) != text(identities) {
			t.Fatalf("claims\n%s\nwant\n%s\ngot\n%s", text(claims), text(identities), text(got.Identities))
		}
	})
}

// TestResolveByComponents splits the claims into connected parts, one claim at
// a time as they are learned, and finds the same people in the parts.
func TestResolveByComponents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t, 10)
		var parts [][]*schema.Claim
		for _, c := range claims {
			merged, _ := identity.UnionClaims(nil, c)
			rest := parts[:0]
			for _, part := range parts {
				if !slices.ContainsFunc(part, func(o *schema.Claim) bool { return touch(o, c) }) {
					rest = append(rest, part)
					continue
				}
				for _, o := range part {
					merged, _ = identity.UnionClaims(merged, o)
				}
			}
			parts = append(rest, merged)
		}
		var contacts []schema.Contact
		for _, part := range parts {
			contacts = append(contacts, identity.Resolve(7, part).Contacts...)
		}
		slices.SortFunc(contacts, func(a, b schema.Contact) int { return a.ID.Compare(b.ID) })
		if whole := identity.Resolve(7, claims).Contacts; text(whole) != text(contacts) {
			t.Fatalf("want\n%s\ngot\n%s", text(whole), text(contacts))
		}
	})
}

func touch(a, b *schema.Claim) bool {
	return slices.ContainsFunc(a.GetNodes(), func(n string) bool { return slices.Contains(b.GetNodes(), n) })
}

// TestVerifiedEmailsMergeOnlyByStrongEvidence states the rule on its own, by
// plain reachability: two verified emails are one contact only when emails,
// provider contacts and user ids of verified claims connect them.
func TestVerifiedEmailsMergeOnlyByStrongEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawClaims(t, 12)
		for _, c := range identity.Resolve(7, claims).Contacts {
			var emails []schema.Node
			for _, claim := range claims {
				for _, n := range nodesOf(claim) {
					if claim.GetVerified() && claim.GetBond() == schema.Bond_BOND_TOGETHER && n.Kind() == schema.NodeEmail && slices.Contains(c.Nodes, n) {
						emails = append(emails, n)
					}
				}
			}
			for _, e := range emails {
				if !reaches(claims, emails[0], e) {
					t.Fatalf("%s and %s are one contact:\n%s", emails[0], e, text(claims))
				}
			}
		}
	})
}

func reaches(claims []*schema.Claim, from, to schema.Node) bool {
	reached := []schema.Node{from}
	for k := 0; k < len(reached); k++ {
		for _, c := range claims {
			if !c.GetVerified() || c.GetBond() != schema.Bond_BOND_TOGETHER || !slices.Contains(nodesOf(c), reached[k]) {
				continue
			}
			for _, n := range nodesOf(c) {
				if n.Kind() != schema.NodeVisitor && n.Kind() != schema.NodePhone && identity.AcceptID(n.Value()) == nil && !slices.Contains(reached, n) {
					reached = append(reached, n)
				}
			}
		}
	}
	return slices.Contains(reached, to)
}

// TestEveryNodeHasOneOwner checks that identities and contacts agree.
func TestEveryNodeHasOneOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		res := identity.Resolve(7, drawClaims(t, 12))
		for _, i := range res.Identities {
			if !slices.IsSorted(i.Since) || len(i.Since) != len(i.Contacts) {
				t.Fatalf("stretches of %s: %v %v", i.Node, i.Since, i.Contacts)
			}
			apart := slices.ContainsFunc(res.Refusals, func(r identity.Refusal) bool { return r.Reason == identity.KeptApart })
			if i.Node.Kind() != schema.NodeVisitor && len(i.Contacts) != 1 && !(apart && len(i.Contacts) == 0) {
				t.Fatalf("%s has %d owners", i.Node, len(i.Contacts))
			}
			for _, c := range res.Contacts {
				if slices.Contains(c.Nodes, i.Node) != slices.Contains(i.Contacts, c.ID) {
					t.Fatalf("contact and identity disagree about %s", i.Node)
				}
			}
		}
	})
}

// TestContactKeepsItsID adds evidence as it is learned in time.
func TestContactKeepsItsID(t *testing.T) {
	claims := []*schema.Claim{claim(10, "asserted visitor:v email:a@x.example")}
	id := identity.Resolve(7, claims).Contacts[0].ID
	for i, next := range []string{
		"verified intercom:1 email:a@x.example", "asserted intercom:1 visitor:v", "verified intercom:1 phone:+491", "verified hubspot:9 email:a@x.example",
		"verified intercom:1 email:new@x.example",
	} {
		claims = append(claims, claim(20+i, next))
		res := identity.Resolve(7, claims)
		if len(res.Contacts) != 1 || res.Contacts[0].ID != id {
			t.Fatalf("after %q: %s", next, text(res.Contacts))
		}
	}
	got := identity.Resolve(7, claims).Contacts[0]
	if got.Email != "new@x.example" || !slices.Equal(got.Emails, []string{"new@x.example", "a@x.example"}) || got.CreatedAt != 10 {
		t.Errorf("got %s", text(got))
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	for _, c := range []struct {
		name, reason, node string
		claims             []string
	}{
		{"an id that is none", identity.RefusedID, "user:null", []string{"asserted visitor:v user:null email:a@x.example"}},
		{"a family's phone", identity.RefusedPhone, "phone:+491", []string{"verified intercom:1 email:a@x.example phone:+491", "verified intercom:2 email:b@x.example phone:+491"}},
		{"an asserted user id between two people", identity.RefusedAssertion, "user:5", []string{
			"verified intercom:1 email:a@x.example", "verified intercom:2 email:b@x.example", "asserted user:5 email:a@x.example", "asserted user:5 email:b@x.example"}},
		{"a shared browser", identity.RefusedBrowser, "visitor:v", []string{
			"verified intercom:1 email:a@x.example", "verified intercom:2 email:b@x.example", "asserted visitor:v intercom:1", "asserted visitor:v intercom:2"}},
		{"two browsers and nobody", identity.RefusedNobody, "visitor:v", []string{"asserted visitor:v visitor:w"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var claims []*schema.Claim
			for i, text := range c.claims {
				claims = append(claims, claim(i+1, text))
			}
			refusals := identity.Resolve(7, claims).Refusals
			if !slices.ContainsFunc(refusals, func(r identity.Refusal) bool {
				return r.Reason == c.reason && string(r.Node) == c.node && len(r.Claims) > 0
			}) {
				t.Errorf("got %s", text(refusals))
			}
		})
	}
}

func TestABrowserWithSixEmailsIsCut(t *testing.T) {
	var claims []*schema.Claim
	for i := range 6 {
		claims = append(claims, claim(2*i, fmt.Sprintf("verified intercom:%d email:e%d@x.example", i+1, i)), claim(2*i+1, fmt.Sprintf("asserted intercom:%d visitor:v", i+1)))
		identities := identity.Resolve(7, claims).Identities
		v := identities[slices.IndexFunc(identities, func(x schema.Identity) bool { return x.Node == "visitor:v" })]
		if want := (i + 1) % 6; len(v.Contacts) != want {
			t.Errorf("after %d emails the browser has %d contacts, want %d", i+1, len(v.Contacts), want)
		}
	}
	if got := identity.Resolve(7, claims); len(got.Contacts) != 6 || len(got.Refusals) != 1 || got.Refusals[0].Reason != identity.AmbiguousBrowser {
		t.Errorf("got %s", text(got))
	}
}

func TestNormalizeEmail(t *testing.T) {
	for given, want := range map[string]string{
		" Ann.Smith+chat@Example.COM ": "ann.smith+chat@example.com",
		"ann@BÜCHER.example":           "ann@xn--bcher-kva.example",
		"ann@xn--bcher-kva.example":    "ann@xn--bcher-kva.example",
		"ann@example.com.":             "ann@example.com",
		"o'neil@sub_domain.example":    "o'neil@sub_domain.example",
		"":                             "", "null": "", "ann": "", "ann@": "", "@example.com": "", "ann@localhost": "",
		"a b@example.com": "", "a@b@example.com": "", "Ann <ann@example.com>": "", "ann@example..com": "", "ann@exa\x00mple.com": "",
		"a@x.example, b@x.example": "", "\xff@x.example": "", "a\ufffd@x.example": "",
	} {
		got, err := identity.NormalizeEmail(given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormalizeEmail(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestNormalizePhone(t *testing.T) {
	for _, c := range []struct{ given, country, want string }{
		{"+49 170 1234567", "", "+491701234567"},
		{"0170 1234567", "DE", "+491701234567"},
		{"0170 1234567", "de", "+491701234567"},
		{"(415) 555-0132", "US", "+14155550132"},
		{"+1 (555) 010-0199", "", "+15550100199"},
		{"+1 555 0100", "DE", "+15550100"},
		{"0170 1234567", "", ""},
		{"", "US", ""}, {"guest", "US", ""}, {"call me", "US", ""}, {"+12", "", ""}, {"+1234567890123456", "", ""},
	} {
		got, err := identity.NormalizePhone(c.given, c.country)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("NormalizePhone(%q, %q) = %q, %v; want %q", c.given, c.country, got, err, c.want)
		}
	}
}

func TestAcceptID(t *testing.T) {
	for _, s := range []string{"", " ", "null", "NULL", "undefined", "none", "0", "true", "[object Object]", "anonymous", "Guest", `"null"`, "'undefined'", `""`, `"`, "`0`", `"'none'"`, "\x00null", "nu\u0085ll"} {
		if err := identity.AcceptID(s); !errors.Is(err, identity.ErrRefusedID) {
			t.Errorf("AcceptID(%q) = %v, want a refusal", s, err)
		}
	}
	for _, s := range []string{"42", "00", "nullable", "d'or", `"42"`} {
		if err := identity.AcceptID(s); err != nil {
			t.Errorf("AcceptID(%q) = %v", s, err)
		}
	}
}

func FuzzNormalizeEmailTwiceIsOnce(f *testing.F) {
	f.Add("Ann@BÜCHER.example")
	f.Add("a@x\u3002example")
	f.Fuzz(func(t *testing.T, s string) {
		once, err := identity.NormalizeEmail(s)
		if err != nil {
			return
		}
		if twice, err := identity.NormalizeEmail(once); err != nil || twice != once {
			t.Errorf("%q → %q → %q, %v", s, once, twice, err)
		}
	})
}

func FuzzNormalizePhoneTwiceIsOnce(f *testing.F) {
	f.Add("0170 1234567", "DE")
	f.Add("+1 (555) 010-0199", "")
	f.Fuzz(func(t *testing.T, s, country string) {
		once, err := identity.NormalizePhone(s, country)
		if err != nil {
			return
		}
		if twice, err := identity.NormalizePhone(once, "US"); err != nil || twice != once {
			t.Errorf("%q → %q → %q, %v", s, once, twice, err)
		}
	})
}
