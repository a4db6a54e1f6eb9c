package journeys_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/journeys"
	"sourceloop/pipeline/session"
	"sourceloop/schema"
)

var update = flag.Bool("update", false, "write what comes out into the .journey files, to be read before it is committed")

func files(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.journey")
	if err != nil || len(names) == 0 {
		t.Fatalf("no journeys: %v", err)
	}
	return names
}

// TestJourneys runs every journey through the stages, in the order of arrival
// and in others, and compares with the file and with the naive reference.
func TestJourneys(t *testing.T) {
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".journey"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			j, err := journeys.Parse(string(raw))
			if err != nil {
				t.Fatal(err)
			}
			out := run(t, j, channels, true)
			got := out.Text(j.Workspace.Zone)
			if *update {
				write(t, file, string(raw), got)
			} else if got != j.Want {
				t.Errorf("got\n%s\nwant\n%s", got, j.Want)
			}
			naive := journeys.Reference(j, channels, identity.Rules{})
			naive.Refusals = out.Refusals
			if want := naive.Text(j.Workspace.Zone); got != want {
				t.Errorf("got\n%s\nthe reference says\n%s", got, want)
			}
			for seed := range uint64(5) {
				shuffle(j, seed)
				other := run(t, j, channels, false)
				if text := other.Text(j.Workspace.Zone); text != got {
					t.Errorf("arriving in another order (seed %d):\n%s\nwant\n%s", seed, text, got)
				}
			}
		})
	}
}

func write(t *testing.T, file, text, got string) {
	t.Helper()
	given, _, _ := strings.Cut(text, "\n---\n")
	if err := os.WriteFile(file, []byte(strings.TrimRight(given, "\n")+"\n---\n"+got), 0o644); err != nil {
		t.Fatal(err)
	}
}

func shuffle(j *journeys.Journey, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	r.Shuffle(len(j.Hits), func(a, b int) { j.Hits[a], j.Hits[b] = j.Hits[b], j.Hits[a] })
	r.Shuffle(len(j.Claims), func(a, b int) { j.Claims[a], j.Claims[b] = j.Claims[b], j.Claims[a] })
}

// run lets hits and claims arrive one by one, deriving after each, as the
// pipeline does. seals: what is settled is sealed, as the log goes on, and what
// comes too late for that is folded in when all has arrived.
func run(t *testing.T, j *journeys.Journey, c session.Classifier, seals bool) journeys.Outcome {
	t.Helper()
	out := journeys.Outcome{Sessions: map[string][]schema.Session{}}
	visitors := map[string]*visitor{}
	var progress schema.Millis
	var claims []*schema.Claim
	for _, h := range j.Hits {
		v := visitors[h.GetVisitor()]
		if v == nil {
			v = &visitor{id: h.GetVisitor(), workspace: j.Workspace, classifier: c}
			visitors[v.id] = v
		}
		progress = max(progress, schema.Millis(h.GetReceived()))
		open := v.add(h)
		out.Sessions[v.id] = slices.Concat(v.sealed, open)
		for _, claim := range session.Claims(j.Workspace, v.state.GetHits(), open, identity.Rules{}) {
			claims, _ = identity.UnionClaims(claims, claim)
		}
		if seals {
			v.sealed = append(v.sealed, session.Seal(j.Workspace, v.id, &v.state, progress, c)...)
		}
	}
	for _, v := range visitors {
		if len(v.late) > 0 {
			out.Sessions[v.id] = v.night()
			for _, claim := range session.Claims(j.Workspace, v.all, out.Sessions[v.id], identity.Rules{}) {
				claims, _ = identity.UnionClaims(claims, claim)
			}
		}
	}
	if seals && slices.Contains(j.Shows, "S18") && !slices.ContainsFunc(slices.Collect(maps.Values(visitors)), func(v *visitor) bool { return len(v.late) > 0 }) {
		t.Error("no hit came after the seal")
	}
	for _, claim := range j.Claims {
		claims, _ = identity.UnionClaims(claims, claim)
	}
	return resolve(t, j, out, claims)
}

// visitor is what the pipeline keeps of one.
type visitor struct {
	id         string
	workspace  *schema.Workspace
	classifier session.Classifier
	state      schema.VisitorState
	sealed     []schema.Session
	all, late  []*schema.Hit
}

// add gives the visitor's open sessions with one more hit; a late one changes
// none.
func (v *visitor) add(h *schema.Hit) []schema.Session {
	v.all, _ = session.Union(v.all, session.Trim(h))
	if session.Late(v.state.GetCarry(), h) {
		v.late = append(v.late, h)
	} else {
		v.state.Hits, _ = session.Union(v.state.GetHits(), session.Trim(h))
	}
	return session.Derive(v.workspace, v.id, v.state.GetCarry(), v.state.GetHits(), v.classifier)
}

// night derives the visitor's sessions anew from all that is stored.
func (v *visitor) night() []schema.Session {
	return session.Derive(v.workspace, v.id, nil, v.all, v.classifier)
}

// resolve finds out whose all is.
func resolve(t *testing.T, j *journeys.Journey, out journeys.Outcome, claims []*schema.Claim) journeys.Outcome {
	t.Helper()
	res := identity.Resolve(j.Workspace.ID, claims)
	out.Contacts, out.Identities = res.Contacts, res.Identities
	for _, r := range res.Refusals {
		out.Refusals = append(out.Refusals, fmt.Sprintf("%s: %s", r.Node, r.Reason))
	}
	var sessions []schema.Session
	for _, of := range out.Sessions {
		sessions = append(sessions, of...)
	}
	for _, fact := range j.Chats {
		out.Chats = append(out.Chats, credit(t, j, fact, &res, sessions))
	}
	out.Reports = out.Answers(j)
	return out
}

func credit(t *testing.T, j *journeys.Journey, fact *schema.ConversionFact, res *identity.Resolution, sessions []schema.Session) journeys.Credited {
	t.Helper()
	contact := journeys.Counts(fact, res.Contacts, res.Identities)
	sum := attribution.Summarize(fact, contact, res.Identities, sessions)
	credited := journeys.Credited{
		Chat: fact.GetExternalId(), Name: fact.GetName(), At: schema.Millis(fact.GetAt()), Value: fact.GetValue(), Visitor: fact.GetVisitor(), Contact: contact, First: sum.FirstTouch, Last: sum.LastTouch, Referrers: sum.ReferrerChain,
		Pages: sum.PagesBefore, Seconds: sum.SecondsOnSite, Returns: sum.ReturnVisits,
		Device: sum.Device, Country: sum.Country, Browser: sum.Browser, Shares: map[string][]float64{}, ModelsToPrint: j.Models,
	}
	touches := attribution.Touches(fact, contact, res.Identities, sessions, time.Duration(j.Days)*24*time.Hour)
	for _, touch := range touches {
		credited.Touches = append(credited.Touches, touch.Touch)
	}
	var milestones attribution.Milestones
	for i := range res.Contacts {
		if res.Contacts[i].ID == contact {
			milestones.Identified = res.Contacts[i].CreatedAt
		}
	}
	for _, name := range journeys.Models() {
		model, err := attribution.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if credited.Shares[name], err = attribution.Credits(model, touches, milestones); err != nil {
			t.Fatal(err)
		}
	}
	return credited
}

func FuzzParse(f *testing.F) {
	for _, file := range files(f) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add("hit v +9d1h view /?a=b from=x email=\nclaim +0s verified\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		if j, err := journeys.Parse(text); err == nil && j.Workspace == nil {
			t.Error("neither a journey nor an error")
		}
	})
}
