package stitch

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"sourceloop/schema"
)

// TestFactsUniteInAnyOrder: what stands of a conversion depends on the set of
// its records only, is the newest one, and keeps the browser known first.
func TestFactsUniteInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := schema.Derive("conversion")
		records := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *schema.ConversionFact {
			return &schema.ConversionFact{
				Id: id[:], Updated: rapid.Int64Range(1, 4).Draw(t, "updated"),
				Visitor: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "visitor"),
				State:   rapid.SampledFrom([]string{"open", "closed"}).Draw(t, "state"),
			}
		}), 1, 8).Draw(t, "records")
		first := unite(records)
		again := unite(append(rapid.Permutation(records).Draw(t, "order"), records...))
		if !proto.Equal(first, again) {
			t.Fatalf("in one order %v, in another %v", first, again)
		}
		newest, since, visitor := int64(0), int64(5), ""
		for _, r := range records {
			newest = max(newest, r.GetUpdated())
			if r.GetVisitor() != "" && (r.GetUpdated() < since || r.GetUpdated() == since && r.GetVisitor() < visitor) {
				since, visitor = r.GetUpdated(), r.GetVisitor()
			}
		}
		if first.GetUpdated() != newest || first.GetVisitor() != visitor {
			t.Fatalf("got %v, want updated %d, visitor %q", first, newest, visitor)
		}
	})
}

func unite(records []*schema.ConversionFact) *schema.ConversionFact {
	var set []*schema.ConversionFact
	for _, r := range records {
		set = unionFacts(set, r)
	}
	return set[0]
}

// TestComponentsJoin: claims that share nodes end in one component, whichever
// order they come in, and others stay apart.
func TestComponentsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []schema.Node{"email:a", "email:b", "visitor:v", "visitor:w", "intercom:1", "intercom:2"}
		var evidence []*schema.Evidence
		for i := range rapid.IntRange(1, 8).Draw(t, "claims") {
			pair := []schema.Node{rapid.SampledFrom(nodes).Draw(t, "node"), rapid.SampledFrom(nodes).Draw(t, "node")}
			evidence = append(evidence, &schema.Evidence{Claims: []*schema.Claim{schema.NewClaim(1, pair, true, schema.Millis(i), "e", "m", "")}})
		}
		st := newStretch()
		for _, e := range evidence {
			st.add(&schema.LeadRecord{Workspace: 1, Body: &schema.LeadRecord_Evidence{Evidence: e}})
		}
		st.join()
		for a := range nodes {
			for b := range nodes {
				together := st.nodes[place{1, nodes[a]}] != nil && st.nodes[place{1, nodes[a]}] == st.nodes[place{1, nodes[b]}]
				if want := connected(evidence, nodes[a], nodes[b]); together != want {
					t.Fatalf("%s and %s: together %v, want %v", nodes[a], nodes[b], together, want)
				}
			}
		}
	})
}

// connected is the naive reference: flood from a until nothing new is reached.
func connected(evidence []*schema.Evidence, a, b schema.Node) bool {
	reached := map[string]bool{}
	for range evidence {
		for _, e := range evidence {
			for _, c := range e.GetClaims() {
				for _, n := range c.GetNodes() {
					if n == string(a) || reached[n] {
						for _, m := range c.GetNodes() {
							reached[m] = true
						}
					}
				}
			}
		}
	}
	return reached[string(a)] && reached[string(b)]
}
