package report_test

import (
	"cmp"
	"math"
	"strings"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// TestFunnelCredits: over random histories those who completed are divided as trying every walk, and crediting the conversion of
// each by itself, divides them.
func TestFunnelCredits(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s, begin := open(t), at(t, "3T10:00")
	count, each := worlds(t)
	completed, shared, asked := 0., 0, 0
	for _, w := range s.fill(seed, count, begin) {
		for range max(2, each/2) {
			f := w.converting(begin)
			dimension := report.Dimension(w.pick([]string{"channel", "source", "campaign", "landing_page"}))
			lookback := []int{report.AllTouches, 1, 30}[w.random.IntN(3)]
			progressed := w.progressed(begin)
			for range 3 {
				model := report.Models()[asked%9]
				asked++
				q := report.FunnelCredits{Funnel: f, Model: model, Dimension: dimension, Lookback: lookback, Progressed: progressed}
				got, err := s.in(w.workspace).FunnelCredits(t.Context(), q)
				if err != nil {
					t.Fatalf("%+v: %v", q, err)
				}
				want, total := w.naiveCredits(t, q)
				w.sameCredits(t, q, got, want, total)
				if completed += total; len(got.Rows) > 1 && got.Rows[0].Completed != math.Trunc(got.Rows[0].Completed) {
					shared++
				}
			}
			f.Breakdown, f.Rows = "", 0
			if whole, err := s.in(w.workspace).Funnel(t.Context(), f); err != nil || float64(whole.Steps[len(f.Steps)-1].Entered) != w.completions(t, f) {
				t.Fatalf("%+v has %+v, %v", f, whole.Steps, err)
			}
		}
	}
	if completed < 30 || shared < 3 {
		t.Errorf("%v completed in all, and %d answers had shares: the test is too weak", completed, shared)
	}
}

// converting is a random funnel with a conversion among its later steps, or two.
func (w *world) converting(begin schema.Millis) report.Funnel {
	f := w.funnel(begin)
	page, chat := report.Step{Type: "pageview", Operator: "starts_with", Value: "/"}, report.Step{Type: "conversion", Name: "intercom_conversation"}
	f.Steps = [][]report.Step{{page, f.Steps[0], chat}, {page, chat, page}, {page, chat, chat}, {page, chat}}[w.random.IntN(4)]
	f.Exclusions = f.Exclusions[:min(len(f.Exclusions), w.random.IntN(2))]
	for i := range f.Exclusions {
		f.Exclusions[i].After, f.Exclusions[i].Before = 0, 0
	}
	f.Window, f.Period = 2*time.Hour, report.Period{Begin: begin, End: begin.Add(3 * time.Hour)}
	return f
}

func (w *world) progressed(begin schema.Millis) map[schema.ID]schema.Millis {
	all := map[schema.ID]schema.Millis{}
	for _, c := range w.contacts {
		if w.random.IntN(2) == 0 {
			all[c.ID] = begin.Add(time.Duration(w.random.IntN(120)) * time.Minute)
		}
	}
	return all
}

func (w *world) completions(t *testing.T, f report.Funnel) float64 {
	_, total := w.naiveCredits(t, report.FunnelCredits{Funnel: f, Model: "last_touch", Dimension: "channel"})
	return total
}

// naiveCredits goes from entity to entity.
func (w *world) naiveCredits(t *testing.T, q report.FunnelCredits) (rows map[string]float64, total float64) {
	t.Helper()
	rows = map[string]float64{}
	for _, list := range w.entities(q.Funnel) {
		best, _ := furthest(q.Funnel, list)
		if len(best) < len(q.Steps) {
			continue
		}
		total++
		w.credit(t, q, w.crediting(q.Funnel, list, best), rows)
	}
	return rows, total
}

// crediting is the conversion that did the last conversion step of a walk.
func (w *world) crediting(f report.Funnel, list []happening, best []schema.Millis) *schema.ConversionFact {
	last := 0
	for k, step := range f.Steps {
		if step.Type == "conversion" {
			last = k
		}
	}
	var chosen *happening
	for i := range list {
		h := &list[i]
		if len(h.tie) != 32 || !h.matches(f.Steps[last]) {
			continue
		}
		done := h.at == best[last]
		if f.Order == report.AnyOrder {
			done = false
			for _, at := range best {
				done = done || at == h.at
			}
		}
		if done && (chosen == nil || h.at > chosen.at || h.at == chosen.at && h.tie < chosen.tie) {
			chosen = h
		}
	}
	for _, fact := range w.facts {
		if chosen != nil && string(fact.GetId()) == chosen.tie[16:] {
			return fact.ConversionFact
		}
	}
	return nil
}

func (w *world) credit(t *testing.T, q report.FunnelCredits, fact *schema.ConversionFact, rows map[string]float64) {
	t.Helper()
	if fact == nil {
		t.Fatalf("%+v: somebody completed by no conversion", q)
	}
	contact := w.owner(schema.Node(fact.GetNode()), schema.Millis(fact.GetAt()))
	var identities []schema.Identity
	for i := range w.identities {
		identities = append(identities, w.identities[i].Identity)
	}
	var sessions []schema.Session
	for i := range w.sessions {
		one := w.sessions[i].Session
		one.Touch.At = one.StartedAt
		sessions = append(sessions, one)
	}
	touches := attribution.Touches(fact, contact, identities, sessions, time.Duration(q.Lookback)*24*time.Hour)
	if len(touches) == 0 {
		rows[map[report.Dimension]string{"channel": "Direct", "source": "direct"}[q.Dimension]]++
		return
	}
	milestones := attribution.Milestones{Progressed: q.Progressed[contact]}
	for _, c := range w.contacts {
		if c.ID == contact {
			milestones.Identified = c.CreatedAt
		}
	}
	credits, err := attribution.Credits(attribution.Model(q.Model), touches, milestones)
	if err != nil {
		t.Fatal(err)
	}
	for i, credit := range credits {
		touch := &touches[i]
		rows[map[report.Dimension]string{"channel": touch.Channel, "source": touch.Source, "campaign": touch.Campaign, "landing_page": touch.LandingPage}[q.Dimension]] += credit
	}
}

func (w *world) sameCredits(t *testing.T, q report.FunnelCredits, got report.FunnelCredited, want map[string]float64, total float64) {
	t.Helper()
	sum := 0.
	for _, row := range got.Rows {
		sum += row.Completed
		if math.Abs(row.Completed-want[plain(row.Key)]) > 1e-6 {
			t.Fatalf("workspace %d, %+v\ngives %+v\nnot   %v", w.workspace, q, got, want)
		}
	}
	for key, n := range want {
		if n < 1e-9 {
			delete(want, key)
		}
	}
	if len(got.Rows) != len(want) || math.Abs(sum-total) > 1e-6 || math.Abs(got.Completed-total) > 1e-6 || q.Steps[max(got.Step, 1)-1].Type != "conversion" {
		t.Fatalf("workspace %d, %+v\ngives %+v, %v in all\nnot   %v, %v in all", w.workspace, q, got, sum, want, total)
	}
}

// TestFunnelCreditsAreOfConversions: what no model can answer is refused in words.
func TestFunnelCreditsAreOfConversions(t *testing.T) {
	s := open(t)
	chatting := []report.Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, {Type: "conversion", Name: "intercom_conversation"}}
	reading := []report.Step{{Type: "pageview", Operator: "starts_with", Value: "/"}, {Type: "pageview", Operator: "equals", Value: "/pricing"}}
	for words, q := range map[string]report.FunnelCredits{
		"no conversion": {Funnel: report.Funnel{Steps: reading}},
		"cannot credit": {Funnel: report.Funnel{Steps: chatting}, Model: report.Markov},
		"dimension":     {Funnel: report.Funnel{Steps: chatting}, Dimension: "shoe_size"},
		"lookback":      {Funnel: report.Funnel{Steps: chatting}, Lookback: 3},
		"window":        {Funnel: report.Funnel{Steps: chatting, Window: time.Second}},
	} {
		q.Period = report.Period{Begin: at(t, "1T00:00"), End: at(t, "2T00:00")}
		q.Window = cmp.Or(q.Window, time.Hour)
		q.Model, q.Dimension = cmp.Or(q.Model, "linear"), cmp.Or(q.Dimension, "channel")
		if _, err := s.in(1).FunnelCredits(t.Context(), q); schema.KindOf(err) != schema.KindInvalid || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
