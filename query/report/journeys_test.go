package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/journeys"
	"sourceloop/query/report"
	"sourceloop/schema"
	sink "sourceloop/sinks/clickhouse"
)

// asking are the journeys that ask for reports or funnels, each as a workspace
// of its own.
func asking(t *testing.T) map[string]*journeys.Journey {
	t.Helper()
	files, err := filepath.Glob("../../pipeline/journeys/testdata/*.journey")
	if err != nil || len(files) == 0 {
		t.Fatalf("no journeys: %v", err)
	}
	found := map[string]*journeys.Journey{}
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		j, err := journeys.ParseIn(string(raw), uint32(1+i))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(j.Reports)+len(j.Funnels) > 0 {
			found[strings.TrimSuffix(filepath.Base(file), ".journey")] = j
		}
	}
	return found
}

// rows are what the stages store of a journey.
func rows(j *journeys.Journey, out *journeys.Outcome, to *sink.Batch) {
	for _, of := range out.Sessions {
		for i := range of {
			to.Sessions = append(to.Sessions, schema.SessionRow{Session: of[i], Version: 1})
		}
	}
	for i := range out.Contacts {
		to.Contacts = append(to.Contacts, schema.ContactRow{Contact: out.Contacts[i], Version: 1})
	}
	for i := range out.Identities {
		to.Identities = append(to.Identities, schema.IdentityRow{Identity: out.Identities[i], Version: 1})
	}
	for _, fact := range j.Chats {
		to.Facts = append(to.Facts, schema.FactRow{ConversionFact: fact, Version: 1})
	}
	to.Hits = append(to.Hits, j.Hits...)
}

// TestJourneysAskReports: the reports and funnels of every journey answer as it
// stands in its file.
func TestJourneysAskReports(t *testing.T) {
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	all, s, batch := asking(t), open(t), &sink.Batch{}
	for _, j := range all {
		out := journeys.Reference(j, channels, identity.Rules{})
		rows(j, &out, batch)
	}
	s.write(batch)
	for name, j := range all {
		t.Run(name, func(t *testing.T) {
			if len(j.Chats) > 0 {
				s.attribute(j.Workspace.ID, 1)
			}
			if got := s.answers(t, j); !strings.HasSuffix(j.Want, got) {
				t.Errorf("got\n%s\nwant\n%s", got, j.Want)
			}
		})
	}
}

// answers asks for a journey's reports and funnels.
func (s *store) answers(t *testing.T, j *journeys.Journey) string {
	t.Helper()
	var b strings.Builder
	reader := s.reader.For(j.Workspace)
	year, err := reader.Days(journeys.FirstDay, journeys.LastDay)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range j.Reports {
		a, err := reader.Attribution(t.Context(), report.Credits{
			Model: report.Model(r.Model), Dimension: report.Dimension(r.Dimension), Period: year, Lookback: j.Days,
		})
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]journeys.Row, len(a.Rows))
		for i, row := range a.Rows {
			rows[i] = journeys.Row{Key: row.Key, Conversions: row.Conversions, Value: row.Value, Sessions: int(row.Sessions)}
		}
		b.WriteString(r.Text(rows, a.Attributed, a.Total))
	}
	for _, f := range j.Funnels {
		answer, err := reader.Funnel(t.Context(), funnel(f))
		if err != nil {
			t.Fatal(err)
		}
		groups := make([]journeys.Group, len(answer.Breakdown))
		for i, row := range answer.Breakdown {
			groups[i].Key = row.Key
			for _, c := range row.Steps {
				groups[i].Entered = append(groups[i].Entered, int(c.Entered))
			}
		}
		b.WriteString(f.Text(counts(answer.Steps), groups))
	}
	return b.String()
}

func counts(steps []report.StepCount) []journeys.Count {
	all := make([]journeys.Count, len(steps))
	for i, c := range steps {
		all[i] = journeys.Count{Entered: int(c.Entered), Converted: int(c.Converted), Median: c.Median, P90: c.P90}
	}
	return all
}

func funnel(f journeys.Funnel) report.Funnel {
	asked := report.Funnel{
		Scope: report.Scope(f.Scope), Order: report.Order(f.Order), Window: f.Window, Breakdown: report.Dimension(f.By),
		Period: report.Period{Begin: f.From, End: f.To},
	}
	for _, s := range f.Steps {
		asked.Steps = append(asked.Steps, step(s))
	}
	for _, s := range f.Without {
		asked.Exclusions = append(asked.Exclusions, report.Exclusion{Step: step(s)})
	}
	return asked
}

func step(s journeys.Step) report.Step {
	if s.Property == "" {
		return report.Step{Type: s.Type, Operator: s.Operator, Value: s.Value, Name: s.Name}
	}
	return report.Step{Type: s.Type, Name: s.Name, Properties: []report.Property{{Key: s.Property, Operator: s.Operator, Value: s.Value}}}
}
