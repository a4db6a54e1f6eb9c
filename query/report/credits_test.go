package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sourceloop/pipeline/attribution"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// crowd is one person with very many sessions, and conversions all along.
func crowd(random *rand.Rand, begin schema.Millis) *sink.Batch {
	node := schema.NewNode(schema.NodeVisitor, "v")
	contact := schema.ContactID(1, node)
	created := begin.Add(time.Duration(random.IntN(200*24)) * time.Hour)
	b := &sink.Batch{
		Contacts: []schema.ContactRow{{Version: 1, Contact: schema.Contact{ID: contact, Workspace: 1, Email: "e@a.example", CreatedAt: created}}},
		Identities: []schema.IdentityRow{{Version: 1, Identity: schema.Identity{
			Workspace: 1, Node: node, Since: []schema.Millis{begin}, Contacts: []schema.ID{contact},
		}}},
	}
	channels := []string{"Direct", "Direct", "Email", "Paid Search", "Referral"}
	for n := range 400 {
		// Ever denser, so that every lookback window holds another number of touches.
		start := begin.Add(time.Duration(200*24*math.Sqrt(random.Float64())*3600) * time.Second)
		id := hitID("crowd", fmt.Sprint(n))
		b.Sessions = append(b.Sessions, schema.SessionRow{Version: 1, Session: schema.Session{
			ID: schema.SessionID(1, "v", id), Workspace: 1, Visitor: "v", StartedAt: start, EndedAt: start,
			Touch: schema.Touch{Channel: channels[random.IntN(len(channels))], At: start},
		}})
	}
	for n := range 30 {
		f := chat(1, fmt.Sprint(n), node, []string{"", "v"}[random.IntN(2)], begin.Add(time.Duration(random.IntN(210*24*60))*time.Minute))
		f.Value = float64(random.IntN(100))
		b.Facts = append(b.Facts, f)
	}
	return b
}

// The credits of every model and lookback equal those of the reference.
func TestCreditsEqualReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := open(t)
	begin := at(t, "1T00:00")
	b := crowd(rand.New(rand.NewPCG(seed, 3)), begin)
	s.write(b)
	s.attribute(1, 1)
	for _, days := range []int{report.AllTouches, 1, 7, 14, 30, 60, 90, 180} {
		answers, err := s.in(1).EachModel(t.Context(), report.Credits{
			Dimension: "channel", Lookback: days, Period: report.Period{Begin: begin, End: begin.Add(300 * 24 * time.Hour)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range report.Models()[:9] {
			got := answers[model]
			want, value, attributed := reference(t, b, attribution.Model(model), days)
			if math.Abs(got.Attributed-attributed) > 1e-6 || math.Abs(got.Total-30) > 1e-6 {
				t.Errorf("%s over %d days: %v of %v attributed, want %v of 30", model, days, got.Attributed, got.Total, attributed)
			}
			for _, row := range got.Rows {
				if math.Abs(row.Conversions-want[row.Key]) > 1e-6 || math.Abs(row.Value-value[row.Key]) > 1e-6 {
					t.Errorf("%s over %d days gives %s %v, worth %v; want %v, worth %v", model, days, row.Key, row.Conversions, row.Value, want[row.Key], value[row.Key])
				}
			}
		}
	}
}

func reference(t *testing.T, b *sink.Batch, model attribution.Model, days int) (conversions, value map[string]float64, attributed float64) {
	t.Helper()
	identities := []schema.Identity{b.Identities[0].Identity}
	var sessions []schema.Session
	for _, row := range b.Sessions {
		sessions = append(sessions, row.Session)
	}
	conversions, value = map[string]float64{}, map[string]float64{}
	for _, f := range b.Facts {
		touches := attribution.Touches(f.ConversionFact, b.Contacts[0].ID, identities, sessions, time.Duration(days)*24*time.Hour)
		if len(touches) == 0 {
			conversions["Direct"]++
			value["Direct"] += f.Value
			continue
		}
		attributed++
		credits, err := attribution.Credits(model, touches, attribution.Milestones{Identified: b.Contacts[0].CreatedAt})
		if err != nil {
			t.Fatal(err)
		}
		for i, credit := range credits {
			conversions[touches[i].Channel] += credit
			value[touches[i].Channel] += credit * f.Value
		}
	}
	return conversions, value, attributed
}

// Who turns out to have been known earlier became a contact once, then: the later moment is deleted, and a row that says
// so has no name.
func TestBecomingAContactIsCountedOnce(t *testing.T) {
	s := open(t)
	node := schema.NewNode(schema.NodeEmail, "e@a.example")
	contact := schema.ContactID(1, node)
	for version, created := range []schema.Millis{at(t, "3T10:00"), at(t, "2T10:00")} {
		v := uint64(version + 1)
		s.write(&sink.Batch{
			Contacts: []schema.ContactRow{{Version: v, Contact: schema.Contact{ID: contact, Workspace: 1, Email: "e@a.example", CreatedAt: created}}},
			Identities: []schema.IdentityRow{{Version: v, Identity: schema.Identity{
				Workspace: 1, Node: node, Since: []schema.Millis{created}, Contacts: []schema.ID{contact},
			}}},
		})
		s.attribute(1, v)
	}
	got, err := s.in(1).Attribution(t.Context(), report.Credits{
		Model: "last_touch", Dimension: "channel", Conversion: "contact", Period: report.Period{Begin: at(t, "1T00:00"), End: at(t, "9T00:00")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Total != 1 {
		t.Errorf("one person became %v contacts", got.Total)
	}
}

// What explanations give the touches of all conversions sums to the table, whatever counts and whatever is left out.
func TestExplanationsAddUpToTheTable(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := open(t)
	begin := at(t, "1T00:00")
	b := crowd(rand.New(rand.NewPCG(seed, 4)), begin)
	s.write(b)
	s.attribute(1, 1)
	for _, q := range []report.Credits{
		{Lookback: report.AllTouches, Progressed: map[schema.ID]schema.Millis{b.Contacts[0].ID: begin.Add(100 * 24 * time.Hour)}, Model: report.Markov, Compare: report.Shapley},
		{Lookback: 30, Exclude: []report.Filter{{Dimension: "channel", Operator: "contains", Value: "mail"}, {Dimension: "channel", Operator: "is", Value: "Direct"}}},
		{Lookback: 1, Exclude: []report.Filter{{Dimension: "channel", Operator: "is_not", Value: "Email"}}},
	} {
		q.Dimension, q.Period = "channel", report.Period{Begin: begin, End: begin.Add(300 * 24 * time.Hour)}
		rest, err := s.in(1).EachModel(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		credited := map[report.Model]map[string]float64{}
		for _, f := range b.Facts {
			e, err := s.in(1).Explain(t.Context(), schema.ID(f.GetId()), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, touch := range e.Touches {
				for model, credit := range touch.Credits {
					if credited[model] == nil {
						credited[model] = map[string]float64{}
					}
					credited[model][touch.Session.Touch.Channel] += credit
				}
			}
		}
		for _, model := range report.Models() {
			if (model == report.Markov || model == report.Shapley) && q.Model != report.Markov {
				continue
			}
			sum := 0.
			for _, row := range rest[model].Rows {
				sum += credited[model][row.Key]
				if row.Key != "Direct" && row.Key != report.Excluded && math.Abs(row.Conversions-credited[model][row.Key]) > 1e-6 {
					t.Errorf("%s, %+v: %s has %v, and explained are %v", model, q, row.Key, row.Conversions, credited[model][row.Key])
				}
			}
			if math.Abs(sum-rest[model].Attributed) > 1e-6 {
				t.Errorf("%s, %+v: %v conversions are attributed, and explained are %v", model, q, rest[model].Attributed, sum)
			}
		}
	}
}
