package journeys

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sourceloop/schema"
)

// Report is what a journey asks of the attribution report: what earned its
// chats, within the journey's lookback.
type Report struct {
	Dimension, Model string
}

// Funnel is a funnel that a journey asks for.
type Funnel struct {
	Name     string
	Scope    string // visitor, session or contact
	Window   time.Duration
	By       string        // the dimension of its breakdown, or ""
	From, To schema.Millis // step 1 lies in [From, To)
	Order    string        // sequential, strict or any
	Steps    []Step
	Without  []Step // what must not happen between any two steps
}

// Step is what must happen in a funnel.
type Step struct {
	Type            string // pageview, event, conversion
	Operator, Value string // of a page view, or of an event's property
	Name            string // of an event or a conversion
	Property        string // of an event, or ""
}

// The days that hold every journey.
const (
	FirstDay = "2026-01-01"
	LastDay  = "2026-12-31"
)

// report reads "DIMENSION MODEL".
func (p *parser) report(words []string) error {
	if len(words) != 2 || !slices.Contains(Models(), words[1]) {
		return fmt.Errorf("a report is \"report DIMENSION MODEL\"")
	}
	p.journey.Reports = append(p.journey.Reports, Report{words[0], words[1]})
	return nil
}

// funnel reads "NAME: STEP > STEP… [without STEP]…", with scope=, order=,
// window=, by=, from= and to= after the name. from and to are days, both included.
func (p *parser) funnel(words []string) (err error) {
	head, steps, _ := strings.Cut(strings.Join(words, " "), ": ")
	names, given := options(strings.Fields(head), "scope", "order", "window", "by", "from", "to")
	if len(names) != 1 || steps == "" {
		return fmt.Errorf("a funnel is \"funnel NAME [key=value]…: STEP > STEP…\"")
	}
	f := Funnel{Name: names[0], Scope: or(given["scope"], "visitor"), Order: or(given["order"], "sequential"), By: given["by"], Window: 14 * 24 * time.Hour}
	if given["window"] != "" {
		if f.Window, err = time.ParseDuration(given["window"]); err != nil {
			return err
		}
	}
	if f.From, err = p.day(or(given["from"], FirstDay), 0); err != nil {
		return err
	}
	if f.To, err = p.day(or(given["to"], LastDay), 1); err != nil {
		return err
	}
	parts := strings.Split(steps, " without ")
	if f.Steps, err = readSteps(strings.Split(parts[0], " > ")); err != nil {
		return err
	}
	if f.Without, err = readSteps(parts[1:]); err != nil {
		return err
	}
	p.journey.Funnels = append(p.journey.Funnels, f)
	return nil
}

func readSteps(texts []string) (steps []Step, err error) {
	for _, text := range texts {
		step, err := readStep(strings.Fields(text))
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func or(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// day is the beginning of a day in the workspace's zone, some days later.
func (p *parser) day(text string, later int) (schema.Millis, error) {
	at, err := time.ParseInLocation(time.DateOnly, text, p.journey.Workspace.Zone)
	return schema.MillisOf(at.AddDate(0, 0, later)), err
}

// readStep reads "view OPERATOR VALUE", "event NAME [PROPERTY OPERATOR VALUE]"
// or "conversion NAME".
func readStep(words []string) (Step, error) {
	operators := []string{"equals", "contains", "starts_with", "glob", "regex"}
	if n := len(words); n > 2 && !slices.Contains(operators, words[n-2]) {
		return Step{}, fmt.Errorf("there is no operator %q", words[n-2])
	}
	switch {
	case len(words) == 3 && words[0] == "view":
		return Step{Type: "pageview", Operator: words[1], Value: words[2]}, nil
	case len(words) == 2 && words[0] == "event":
		return Step{Type: "event", Name: words[1]}, nil
	case len(words) == 5 && words[0] == "event":
		return Step{Type: "event", Name: words[1], Property: words[2], Operator: words[3], Value: words[4]}, nil
	case len(words) == 2 && words[0] == "conversion":
		return Step{Type: "conversion", Name: words[1]}, nil
	}
	return Step{}, fmt.Errorf("%q is no step", strings.Join(words, " "))
}

// Row is what one value of a report's dimension earned.
type Row struct {
	Key         string
	Conversions float64
	Value       float64
	Sessions    int // bots left out
}

// Text writes the answer to a report as it stands in a .journey file; rows come
// in the report's order.
func (r Report) Text(rows []Row, attributed, total float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "report by %s, %s · %g of %g attributed\n", r.Dimension, r.Model, attributed, total)
	for _, row := range rows {
		fmt.Fprintf(&b, "  %s · %.4g conversions", row.Key, row.Conversions)
		if row.Value != 0 {
			fmt.Fprintf(&b, " worth %.4g", row.Value)
		}
		fmt.Fprintf(&b, " · %d sessions\n", row.Sessions)
	}
	return b.String()
}

// Count is how many got to a step of a funnel, and after how many seconds.
type Count struct {
	Entered, Converted int
	Median, P90        float64
}

// Group is how many of those who entered with one value got to each step.
type Group struct {
	Key     string
	Entered []int
}

// Text writes the answer to a funnel as it stands in a .journey file.
func (f Funnel) Text(steps []Count, groups []Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "funnel %s\n", f.Name)
	for i, c := range steps {
		fmt.Fprintf(&b, "  step %d · %d entered · %d converted · median %g s · p90 %g s\n", i+1, c.Entered, c.Converted, c.Median, c.P90)
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "  by %s · %s\n", g.Key, strings.Trim(fmt.Sprint(g.Entered), "[]"))
	}
	return b.String()
}
