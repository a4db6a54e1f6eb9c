package report

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// CreditedConversion is one of the conversions behind a row of credits.
type CreditedConversion struct {
	ID, Contact schema.ID
	Name        string
	At          schema.Millis
	Value       float64 // of the whole conversion
	Credit      float64 // the row's share in it

	// CreditedValue is Credit of Value, but under Markov, which shares the sum
	// of all values as it shares that of conversions.
	CreditedValue float64
}

// CreditedPage is a page of them, newest first.
type CreditedPage struct {
	Conversions []CreditedConversion
	Next        string // empty when there is no more

	// WithoutPath is what Markov gives a row through which only visits passed
	// that did not convert: no conversion bears it. It is told on the first page.
	WithoutPath, WithoutPathValue float64
}

// cut leaves a page of what was read, and says where the next one begins.
func (p *CreditedPage) cut(limit int) {
	if len(p.Conversions) > limit {
		last := p.Conversions[limit-1]
		p.Conversions = p.Conversions[:limit]
		p.Next = strconv.FormatInt(int64(last.At), 10) + "." + hex.EncodeToString(last.ID[:])
	}
}

// CreditedRow names a row of Attribution, and a page of what is behind it.
type CreditedRow struct {
	Key, Second string
	Limit       int    // 1 to 200; 50 when 0
	Cursor      string // next of the page before
}

// Behind gives the conversions behind a row. Their credits sum to the row's
// conversions, and their credited values to its value, together with what is
// WithoutPath. Under a data-driven model they are all whose path has the row's
// keys, those included to which these add nothing.
func (s Scoped) Behind(ctx context.Context, q Credits, row CreditedRow) (CreditedPage, error) {
	q.Compare = ""
	model, _, err := q.check()
	if err != nil {
		return CreditedPage{}, err
	}
	if row.Limit == 0 {
		row.Limit = 50
	}
	if row.Limit < 1 || row.Limit > MaxContacts {
		return CreditedPage{}, invalid("limit must be between 1 and %d, and is %d", MaxContacts, row.Limit)
	}
	if q.Model.dataDriven() {
		return s.behindPaths(ctx, q, row)
	}
	return s.behindTouches(ctx, q, model, row)
}

// emptied is the value that a row's key stands for.
func emptied(key string) string {
	if key == None {
		return ""
	}
	return key
}

// Why a session of a conversion's contact is not credited.
type Why string

// The reasons, in the order in which they are looked for.
const (
	Elsewhere Why = "elsewhere" // it began as somebody else's
	TooOld    Why = "lookback"  // it began before the window
	Middle    Why = "middle"    // there are more touches than the first and the last 99
	LeftOut   Why = "excluded"  // by the question
)

// Explanation says who earned one conversion, and why.
type Explanation struct {
	ID, Contact                schema.ID
	Name, Currency             string
	Provider, External, URL    string
	At, Identified, Progressed schema.Millis // Progressed is 0 for never
	KnownAt                    schema.Millis // when these touches were computed
	Value                      float64
	Touches                    []ExplainedTouch // in the order of the models; none is Direct
	LeftOut                    []ExplainedTouch // oldest first
}

// ExplainedTouch is a session with what it has of the conversion under each
// model, or why it has nothing.
type ExplainedTouch struct {
	Session JourneySession // without items; its touch is as the conversion has it
	Credits map[Model]float64
	Why     Why // empty for what is credited
}

// standing is a conversion's row.
type standing struct {
	Explanation
	starts   []int64
	sessions []schema.ID
	visitors []string
	touches  []schema.Touch
	leftOut  []uint8 // 1 for touches that the question excludes; empty when it excludes none
}

// Explain tells of one conversion what each of its contact's sessions up to it
// has under every model that needs nothing but a conversion's touches. Of q,
// Lookback, Exclude, AsOf and Progressed are read; KindUnknown when there is no
// such conversion. Where Model or Compare is data-driven all of q is read, which
// must be the question of the table that is explained, and touches have what that
// model gives them too, unless the question does not count the conversion.
func (s Scoped) Explain(ctx context.Context, id schema.ID, q Credits) (Explanation, error) {
	found, err := s.standing(ctx, id, q)
	if err != nil {
		return Explanation{}, err
	}
	found.Progressed = q.Progressed[found.Contact]
	e, shares := found.Explanation, found.shares(q)
	if err = s.explainPaths(ctx, id, q, shares); err != nil {
		return e, err
	}
	journey, err := s.Journey(ctx, e.Contact)
	if err != nil {
		return e, err
	}
	byID := make(map[schema.ID]JourneySession, len(journey.Sessions))
	for _, session := range journey.Sessions {
		session.Items = nil
		byID[session.ID] = session
	}
	kept := make(map[schema.ID]int, len(found.sessions))
	for i, session := range found.sessions {
		kept[session] = i + 1
		credits, ok := shares[i+1]
		if !ok {
			continue
		}
		e.Touches = append(e.Touches, ExplainedTouch{Session: found.session(i, byID), Credits: credits})
	}
	for _, session := range journey.Sessions {
		place := kept[session.ID]
		if _, credited := shares[place]; session.StartedAt > e.At || credited && place > 0 {
			continue
		}
		session = byID[session.ID]
		e.LeftOut = append(e.LeftOut, ExplainedTouch{Session: session, Why: found.why(place, session.StartedAt, q)})
	}
	return e, nil
}

// session is the one of a touch as it is known now, with the touch as it was
// credited.
func (f *standing) session(i int, byID map[schema.ID]JourneySession) JourneySession {
	session, ok := byID[f.sessions[i]]
	if !ok {
		session = JourneySession{ID: f.sessions[i], Visitor: f.visitors[i], StartedAt: schema.Millis(f.starts[i]), EndedAt: schema.Millis(f.starts[i])}
	}
	session.Touch = f.touches[i]
	return session
}

// why tells why a session is not credited that is kept at a place, 0 for none.
func (f *standing) why(place int, started schema.Millis, q Credits) Why {
	begin := int64(f.At) - int64(q.Lookback)*24*60*60*1000
	inside := func(start int64) bool { return q.Lookback == AllTouches || start >= begin }
	switch {
	case !inside(int64(started)):
		return TooOld
	case place == 0 && (len(f.starts) < 100 || int64(started) > f.starts[len(f.starts)-100]):
		return Elsewhere
	case place == 0:
		return Middle
	}
	first := slices.IndexFunc(f.starts, inside)
	if place-1 != first && place-1 < len(f.starts)-99 {
		return Middle
	}
	return LeftOut
}

func (s Scoped) standing(ctx context.Context, id schema.ID, q Credits) (*standing, error) {
	if err := q.checkLookback(); err != nil {
		return nil, err
	}
	arguments := map[string]any{"id": hex.EncodeToString(id[:]), "as_of": int64(q.AsOf)}
	if q.AsOf == 0 {
		arguments["as_of"] = endOfTime
	}
	exclusions, err := exclusions(q.Exclude, touchColumn, arguments)
	if err != nil {
		return nil, err
	}
	var found *standing
	err = s.query(ctx, "conversion", placed{Exclusions: exclusions}, arguments, func(rows driver.Rows) error {
		f := &standing{Explanation: Explanation{ID: id}}
		var contact string
		var sessions []string
		var touches [][]string
		err := rows.Scan(&contact, &f.Name, (*int64)(&f.At), &f.Value, &f.Currency, &f.Provider, &f.External, &f.URL,
			(*int64)(&f.Identified), (*int64)(&f.KnownAt), &f.starts, &sessions, &f.visitors, &touches, &f.leftOut)
		if err != nil {
			return err
		}
		f.Contact = schema.ID([]byte(contact))
		for i := range sessions {
			f.sessions = append(f.sessions, schema.ID([]byte(sessions[i])))
			f.touches = append(f.touches, touchOf(touches[i], f.starts[i]))
		}
		found = f
		return nil
	})
	if err == nil && found == nil {
		err = schema.E("explain a conversion", schema.KindUnknown, "there is no such conversion in this workspace; it may have been erased, or its contact has neither email nor phone")
	}
	return found, err
}

// shares are those of the touches by their places, as they are in the tables.
func (f *standing) shares(q Credits) map[int]map[Model]float64 {
	r := touchRows{lookback: int64(q.Lookback) * dayMillis, excludes: len(q.Exclude) > 0}
	r.happened.rows, r.starts.ends, r.starts.elements.rows, r.leftOut.elements.rows = []int64{int64(f.At)}, []int{len(f.starts)}, f.starts, f.leftOut
	touches, _ := r.touchesOf(0, nil)
	if len(touches) == 0 {
		return nil
	}
	p := path{identified: int64(f.Identified), progressed: int64(f.Progressed)}
	for _, t := range touches {
		p.starts, p.other = append(p.starts, f.starts[t]), append(p.other, f.touches[t].Channel != Dimension("channel").direct())
	}
	p.share()
	shares := make(map[int]map[Model]float64, len(touches))
	for i, t := range touches {
		credits := make(map[Model]float64, touchModelCount)
		for m, model := range touchModels() {
			credits[model] = p.shares[i][m]
		}
		shares[t+1] = credits
	}
	return shares
}
