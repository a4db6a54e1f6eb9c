package report

import (
	"context"
	"math"
	"sort"
	"time"
)

// Funnel asks how many get from step to step.
type Funnel struct {
	Steps      []Step
	Scope      Scope
	Order      Order
	Exclusions []Exclusion
	Window     time.Duration // from step 1; 1 minute to 90 days
	Period     Period        // of step 1
	Breakdown  Dimension     // of the session in which step 1 happened; empty for none
	Rows       int           // of the breakdown: the values that most entered with; 0 for all
}

// Order is how steps follow each other.
type Order string

// The orders. Sequential: in this order, with anything between. Strict: with
// nothing between, which is no other page view and no event of the site's own;
// the tracker's chat_opened and conversions stand between nothing unless they are
// a step themselves. AnyOrder: whichever comes first is step 1, and step k is
// reached with the k-th of the steps that is done; one event does one step.
const (
	Sequential Order = "sequential"
	Strict     Order = "strict"
	AnyOrder   Order = "any"
)

// Exclusion is what must not happen between two steps: whoever has reached
// step After, but not yet step Before, goes no further by this walk. What is itself a
// step of the walk does not lie between. Zeros stand for the first and the last step.
type Exclusion struct {
	Step          Step
	After, Before int
}

// Scope is within what the steps must happen.
type Scope string

// The scopes. Under ByContact the hits of all browsers of a contact stand
// together, each in the stretch in which the browser was theirs, and visitors who
// are nobody's are left out. Under the others conversions without a visitor are.
const (
	ByVisitor Scope = "visitor"
	BySession Scope = "session"
	ByContact Scope = "contact"
)

// Step is what must happen.
type Step struct {
	Type       string // pageview, event, conversion
	Operator   string // of a pageview: equals, contains, starts_with, glob, regex
	Value      string // of a pageview: beginning with / it is compared with the path, else with the whole URL
	Name       string // of an event or a conversion
	Properties []Property
}

// Property is a condition on a property of an event. Numbers and booleans are
// compared as JSON writes them.
type Property struct {
	Key, Operator, Value string
}

// FunnelReport is the answer.
type FunnelReport struct {
	Steps     []StepCount
	Breakdown []FunnelRow // most entered first; empty without a breakdown
	Rest      *FunnelRest // the values that have no row; nil when all have one
}

// FunnelRest are the steps of those who entered with a value that has no row of
// its own.
type FunnelRest struct {
	Values uint64 // how many values these are
	Steps  []StepCount
}

// FunnelRow are the steps of those who entered with one value.
type FunnelRow struct {
	Key   string // None when empty
	Steps []StepCount
}

// StepCount are one step's numbers. Times are in seconds from step 1, over
// those who reached the step, and 0 when nobody did.
type StepCount struct {
	Entered   uint64 // reached this step
	Converted uint64 // reached the next; at the last step, this one
	Median    float64
	P90       float64 // within which nine in ten reached it
}

const (
	minSteps, maxSteps   = 2, 10
	maxExclusions        = 10
	minWindow, maxWindow = time.Minute, 90 * 24 * time.Hour
)

// Funnel counts entities (visitors, sessions or contacts). An entity enters
// when a step 1 of its lies in the period, and reaches a step when some step 1 is
// followed by the further ones, each later, all within the window, with nothing
// excluded between. Of several step 1 the one that gets furthest counts, the earliest
// of equals; its session gives the breakdown's key.
func (s Scoped) Funnel(ctx context.Context, f Funnel) (FunnelReport, error) {
	var seers []*counter
	values, err := s.seen(ctx, f, func(*funnelRun) seer {
		c := &counter{walker: f.walker(), funnelTally: funnelTally{steps: len(f.Steps)}, order: f.Order}
		seers = append(seers, c)
		return c
	})
	if err != nil {
		return FunnelReport{}, err
	}
	all := funnelTally{steps: len(f.Steps)}
	for _, c := range seers {
		all.merge(&c.funnelTally)
	}
	return all.report(f, values), nil
}

// counter tallies the best walk of everybody.
type counter struct {
	walker
	funnelTally
	order Order
}

func (c *counter) see(_ uint64, h []happening) {
	if c.order != AnyOrder && !goesFurther(h) { // Without a walk being made for each of the many, gathering takes a thirtieth less.
		if entry := c.entersAt(h); entry >= 0 {
			*c.at(h[entry].entry)++
		}
		return
	}
	if best, entry := c.best(h, c.order); best.n > 0 {
		c.add(h[entry].entry, &best)
	}
}

func (f Funnel) walker() walker {
	return walker{
		steps: len(f.Steps), window: f.Window.Milliseconds(), begin: int64(f.Period.Begin), end: int64(f.Period.End),
		exclusions: len(f.Exclusions) > 0 || f.Order == Strict,
	}
}

// rounded drops what interpolating between two times adds below a millisecond.
func (c StepCount) rounded() StepCount {
	c.Median, c.P90 = toMillis(c.Median), toMillis(c.P90)
	return c
}

func toMillis(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

func convert(steps []StepCount) {
	for i := range steps {
		steps[i].Converted = steps[min(i+1, len(steps)-1)].Entered
	}
}

func breakdown(byKey map[string][]StepCount) []FunnelRow {
	rows := make([]FunnelRow, 0, len(byKey))
	for key, steps := range byKey {
		convert(steps)
		if key == "" {
			key = None
		}
		rows = append(rows, FunnelRow{key, steps})
	}
	sort.Slice(rows, func(i, j int) bool {
		if a, b := rows[i].Steps[0].Entered, rows[j].Steps[0].Entered; a != b {
			return a > b
		}
		return rows[i].Key < rows[j].Key
	})
	return rows
}
