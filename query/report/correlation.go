package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The limits of correlation: how many features are tested, the most frequent
// ones, and how many people one must have.
const (
	maxFeatures    = 300
	defaultAtLeast = 10
)

// FunnelCorrelation asks what goes with converting, among those who entered.
type FunnelCorrelation struct {
	Funnel
	AtLeast int // how many people a feature must have to be looked at, 10 when 0
}

// Correlation are the features, the least likely chance first. That they go with
// converting does not say that they cause it.
type Correlation struct {
	Features     []Feature
	Won, Lost    uint64 // of all who entered: went all the way, or did not
	AtLeast      int
	MoreFeatures bool // there were more than are tested; these are the most frequent
	Tested       int  // how many features the correction counts
}

// Feature is something that some did between entering and being through (or
// until their window ended), or with what they entered.
type Feature struct {
	Type              string // pageview, event, conversion, or a dimension
	Name              string
	Won, Lost         uint64 // of those with it
	OddsRatio         float64
	OddsLow, OddsHigh float64 // its 95 % interval
	Chance            float64 // how likely a difference like this would be if there were none
	Corrected         float64 // the same, corrected for how many features were tested (Holm)
}

// entryDimensions are what the entry tells.
func entryDimensions() []string {
	return []string{"channel", "source", "medium", "campaign", "landing_page", "device", "country", "browser"}
}

// FunnelCorrelation compares those who converted with those who did not.
func (s Scoped) FunnelCorrelation(ctx context.Context, q FunnelCorrelation) (Correlation, error) {
	if q.AtLeast == 0 {
		q.AtLeast = defaultAtLeast
	}
	if q.AtLeast < 1 || q.AtLeast > math.MaxUint32 {
		return Correlation{}, invalid("a feature must have at least 1 person, and not %d", q.AtLeast)
	}
	q.Breakdown = "channel" // Of a kind: what one enters with is told whole.
	tellers := make([]teller, seersAtOnce)
	for i := range tellers {
		tellers[i] = &featured{q: &q.Funnel, did: make(map[uint64]*fate), entered: make(map[int32]fate)}
	}
	told, texts, err := s.told(ctx, q.Funnel, (*funnelSource).describeEntry, tellers)
	if err != nil {
		return Correlation{}, err
	}
	all := tellers[0].(*featured)
	for _, other := range tellers[1:] {
		all.merge(other.(*featured))
	}
	answer := Correlation{AtLeast: q.AtLeast, Won: all.everybody.won, Lost: all.everybody.lost}
	entered := newEntries()
	for entry, o := range all.entered {
		if err := entered.add(texts[entry], o); err != nil {
			return Correlation{}, err
		}
	}
	if err := entered.read(ctx, told, q.Funnel, all.entrants); err != nil {
		return Correlation{}, err
	}
	if err := all.tellFeatures(ctx, told, entered.features(q.AtLeast), &answer); err != nil {
		return Correlation{}, err
	}
	answer.weigh()
	return answer, nil
}

// fate is how many went all the way, and how many did not.
type fate struct{ won, lost uint64 }

func (o fate) with(won bool) fate {
	if won {
		o.won++
	} else {
		o.lost++
	}
	return o
}

func (o fate) plus(other fate) fate {
	return fate{o.won + other.won, o.lost + other.lost}
}

// featured counts how it went for those with each feature.
type featured struct {
	q         *Funnel
	everybody fate
	did       map[uint64]*fate // by item, unless it is a step
	entered   map[int32]fate   // by what they entered with: all dimensions together
	entrants  []entrant        // of whom that is to be read yet
	items     []uint64         // of one entity
}

func (c *featured) span(entity uint64, best *walk, entry *happening) (span, bool) {
	own := span{entity: entity, since: best.times[0], until: best.times[0] + c.q.Window.Milliseconds() + 1}
	if own.won = best.n == len(c.q.Steps); own.won {
		own.until = best.times[best.n-1]
	}
	c.everybody = c.everybody.with(own.won)
	if entry.entry == 0 {
		c.entrants = append(c.entrants, entrant{entity: entity, moment: entry.moment, won: own.won})
	} else {
		c.entered[entry.entry] = c.entered[entry.entry].with(own.won)
	}
	return own, true
}

func (c *featured) tell(in span, h []happening) {
	c.items = c.items[:0]
	for i := range h {
		if h[i].mask == 0 {
			c.items = append(c.items, h[i].item)
		}
	}
	slices.Sort(c.items)
	for _, item := range slices.Compact(c.items) {
		of := c.did[item]
		if of == nil {
			of = &fate{}
			c.did[item] = of
		}
		*of = of.with(in.won)
	}
}

func (c *featured) merge(other *featured) {
	c.everybody = c.everybody.plus(other.everybody)
	for item, o := range other.did {
		if own := c.did[item]; own != nil {
			*own = own.plus(*o)
		} else {
			c.did[item] = o
		}
	}
	c.entrants = append(c.entrants, other.entrants...)
	for entry, o := range other.entered {
		c.entered[entry] = c.entered[entry].plus(o)
	}
}

// tellFeatures writes the most frequent features that enough people have.
func (c *featured) tellFeatures(ctx context.Context, told *toldRun, features []Feature, answer *Correlation) error {
	var items []uint64
	for item, o := range c.did {
		if o.won+o.lost >= uint64(answer.AtLeast) {
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(a, b uint64) int {
		x, y := c.did[a], c.did[b]
		return cmp.Or(cmp.Compare(y.won+y.lost, x.won+x.lost), cmp.Compare(a, b))
	})
	items = items[:min(len(items), maxFeatures+1)]
	names, err := told.names(ctx, slices.Clone(items))
	if err != nil {
		return err
	}
	for _, item := range items {
		features = append(features, Feature{Type: names[item].Type, Name: names[item].Name, Won: c.did[item].won, Lost: c.did[item].lost})
	}
	slices.SortFunc(features, func(a, b Feature) int {
		return cmp.Or(cmp.Compare(b.Won+b.Lost, a.Won+a.Lost), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	answer.MoreFeatures = len(features) > maxFeatures
	answer.Features = features[:min(len(features), maxFeatures)]
	return nil
}

// describeEntry has every dimension of the entry told as its key, where no copy has it.
func (f *funnelSource) describeEntry() {
	var session, conversion []string
	for _, d := range entryDimensions() {
		session = append(session, "toString(s."+d+")")
		conversion = append(conversion, fmt.Sprintf("if(empty(touches_session), '%s', toString(touches_%s[-1]))", Dimension(d).direct(), d))
	}
	f.SessionKey, f.ConversionKey, f.entry, f.othersOnly = joinEntry(session), joinEntry(conversion), "", true
}

// joinEntry writes texts as one. What tells them apart may be in any of them, so it is written in another way there. ClickHouse does that once
// for each different value of a column, which JSON, of a row as a whole, would not be.
func joinEntry(texts []string) string {
	parts := make([]string, len(texts))
	for i, text := range texts {
		parts[i] = `replaceAll(replaceAll(` + text + `, '\\', '\\\\'), '\x1F', '\\s')`
	}
	return "concat(" + strings.Join(parts, `, '\x1F', `) + ")"
}

// splitEntry is the way back.
func splitEntry(text string) []string {
	values := strings.Split(text, "\x1f")
	if strings.Contains(text, `\`) {
		for i := range values {
			values[i] = strings.NewReplacer(`\\`, `\`, `\s`, "\x1f").Replace(values[i])
		}
	}
	return values
}

// weigh tests every feature, and leaves out what everybody has.
func (c *Correlation) weigh() {
	c.Features = slices.DeleteFunc(c.Features, func(f Feature) bool { return f.Won+f.Lost == c.Won+c.Lost })
	chances := make([]float64, len(c.Features))
	for i := range c.Features {
		f := &c.Features[i]
		t := fourfold{float64(f.Won), float64(f.Lost), float64(c.Won - f.Won), float64(c.Lost - f.Lost)}
		f.OddsRatio, f.OddsLow, f.OddsHigh = t.odds()
		chances[i] = t.chance()
	}
	for i, corrected := range holm(chances) {
		c.Features[i].Chance, c.Features[i].Corrected = chances[i], corrected
	}
	c.Tested = len(c.Features)
	slices.SortStableFunc(c.Features, func(a, b Feature) int {
		return cmp.Or(cmp.Compare(a.Corrected, b.Corrected), cmp.Compare(a.Chance, b.Chance), cmp.Compare(b.Won+b.Lost, a.Won+a.Lost))
	})
}
