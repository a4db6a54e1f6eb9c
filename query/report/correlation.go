package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
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
	q.Breakdown = ""
	b, err := buildFunnel(q.Funnel)
	if err != nil {
		return Correlation{}, err
	}
	b.Stream = true
	b.describeEntry()
	b.arguments["dimensions"], b.arguments["at_least"], b.arguments["limit"] = entryDimensions(), uint32(q.AtLeast), uint32(maxFeatures+2)
	answer := Correlation{AtLeast: q.AtLeast}
	err = s.query(ctx, "funnel_correlation", b, b.arguments, func(r driver.Rows) error {
		var f Feature
		if err := r.Scan(&f.Type, &f.Name, &f.Won, &f.Lost); err != nil {
			return err
		}
		switch {
		case f.Type == "":
			answer.Won, answer.Lost = f.Won, f.Lost
		case len(answer.Features) == maxFeatures:
			answer.MoreFeatures = true
		default:
			answer.Features = append(answer.Features, f)
		}
		return nil
	})
	answer.weigh()
	return answer, err
}

// describeEntry has every dimension of the entry told as its key.
func (b *funnelBuild) describeEntry() {
	var session, conversion []string
	for _, d := range entryDimensions() {
		session = append(session, "toString(s."+d+")")
		conversion = append(conversion, fmt.Sprintf("if(empty(touches_session), '%s', toString(touches_%s[-1]))", Dimension(d).direct(), d))
	}
	b.SessionKey = "toJSONString([" + strings.Join(session, ", ") + "])"
	b.ConversionKey = "toJSONString([" + strings.Join(conversion, ", ") + "])"
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
		if kind := readHappening(f.Type); len(f.Type) == 1 {
			f.Type = kind.Type
		} else if f.Name == "" {
			f.Name = None
		}
	}
	for i, corrected := range holm(chances) {
		c.Features[i].Chance, c.Features[i].Corrected = chances[i], corrected
	}
	c.Tested = len(c.Features)
	slices.SortStableFunc(c.Features, func(a, b Feature) int {
		return cmp.Or(cmp.Compare(a.Corrected, b.Corrected), cmp.Compare(a.Chance, b.Chance), cmp.Compare(b.Won+b.Lost, a.Won+a.Lost))
	})
}
