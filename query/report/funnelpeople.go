package report

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// FunnelPeople asks who got to a step of a funnel.
type FunnelPeople struct {
	Funnel
	Step    int     // 1 for those who entered
	Dropped bool    // only those who got no further
	Key     *string // only those who entered with this value of the breakdown; nil for all
	Limit   int     // 1 to MaxContacts; 50 when 0
	Cursor  string  // next of the page before; empty for the first
}

// FunnelPeoplePage is a page, the latest entry first.
type FunnelPeoplePage struct {
	People []FunnelPerson
	Next   string // empty when there is no more
}

// FunnelPerson is one that was counted: a visitor, a session or a contact.
type FunnelPerson struct {
	ID        string // of the scope's kind
	Visitor   string // the browser that entered; empty where a contact or a conversation without one did
	Key       string // the breakdown's value at the entry
	EnteredAt schema.Millis
	ReachedAt schema.Millis // the step that was asked for
	Reached   int           // the furthest step
	Contact   *Contact      // whose the browser was when it entered; nil for somebody unknown
}

// FunnelPeople lists them.
func (s Scoped) FunnelPeople(ctx context.Context, q FunnelPeople) (FunnelPeoplePage, error) {
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Limit < 1 || q.Limit > MaxContacts {
		return FunnelPeoplePage{}, invalid("limit must be between 1 and %d, and is %d", MaxContacts, q.Limit)
	}
	if q.Step < 1 || q.Step > len(q.Steps) {
		return FunnelPeoplePage{}, invalid("step must be one of the %d steps, and is %d", len(q.Steps), q.Step)
	}
	after, err := readPlace(q.Cursor)
	if err != nil {
		return FunnelPeoplePage{}, err
	}
	found, err := s.finds(ctx, q, after)
	if err != nil {
		return FunnelPeoplePage{}, err
	}
	page := FunnelPeoplePage{}
	if len(found) > q.Limit {
		found = found[:q.Limit]
		page.Next = found[q.Limit-1].cursor()
	}
	for i := range found {
		page.People = append(page.People, found[i].FunnelPerson)
	}
	if err := s.tellWalkers(ctx, q.Scope, found, page.People); err != nil {
		return page, err
	}
	return page, s.nameWalkers(ctx, q.Scope, page.People)
}

// walkerPlace is where somebody stands in the list: the latest entry first, then by number.
type walkerPlace struct {
	at     int64
	number uint64
}

func (p walkerPlace) before(other walkerPlace) bool {
	return p.at > other.at || p.at == other.at && p.number > other.number
}

func (p walkerPlace) cursor() string {
	return strconv.FormatInt(p.at, 10) + "." + strconv.FormatUint(p.number, 36)
}

func readPlace(cursor string) (walkerPlace, error) {
	if cursor == "" {
		return walkerPlace{math.MaxInt64, math.MaxUint64}, nil
	}
	text, code, ok := strings.Cut(cursor, ".")
	at, err := strconv.ParseInt(text, 10, 64)
	number, numberErr := strconv.ParseUint(code, 36, 64)
	if !ok || err != nil || numberErr != nil {
		return walkerPlace{}, invalid("the cursor is not one that a page before gave; ask for the first page without one")
	}
	return walkerPlace{at, number}, nil
}

// foundWalker is one of a page, whose visitor or session is a number yet.
type foundWalker struct {
	walkerPlace
	entry int32 // the place of its Key
	FunnelPerson
}

// finder keeps the first of the list behind a place, one more than are asked for.
type finder struct {
	walker
	q      FunnelPeople
	after  walkerPlace
	wanted int32 // the entry's value, -1 for any
	owners *owners
	found  []foundWalker // sorted
}

func (p *finder) see(entity uint64, h []happening) {
	best, entry := p.best(h, p.q.Order)
	if best.n < p.q.Step || p.q.Dropped && best.n != p.q.Step {
		return
	}
	if p.wanted >= 0 && h[entry].entry != p.wanted {
		return
	}
	one := foundWalker{walkerPlace{best.times[0], entity}, h[entry].entry, FunnelPerson{
		EnteredAt: schema.Millis(best.times[0]), ReachedAt: schema.Millis(best.times[p.q.Step-1]), Reached: best.n,
	}}
	if p.owners != nil {
		id := p.owners.ids[entity]
		one.ID, one.number = id.String(), binary.BigEndian.Uint64(id[:])
	}
	if p.after.before(one.walkerPlace) {
		p.add(one)
	}
}

func (p *finder) add(one foundWalker) {
	place, _ := slices.BinarySearchFunc(p.found, one, func(a, b foundWalker) int {
		if a.before(b.walkerPlace) {
			return -1
		}
		return 1
	})
	if place <= p.q.Limit {
		p.found = slices.Insert(p.found, place, one)
		p.found = p.found[:min(len(p.found), p.q.Limit+1)]
	}
}

// finds gives the first behind a place.
func (s Scoped) finds(ctx context.Context, q FunnelPeople, after walkerPlace) ([]foundWalker, error) {
	var seers []*finder
	values, err := s.seen(ctx, q.Funnel, func(r *funnelRun) seer {
		p := &finder{walker: q.walker(), q: q, after: after, wanted: -1, owners: r.owners}
		if q.Key != nil {
			p.wanted = r.values.code([]byte(emptied(*q.Key)))
		}
		seers = append(seers, p)
		return p
	})
	if err != nil {
		return nil, err
	}
	all := &finder{q: q}
	for _, p := range seers {
		for _, one := range p.found {
			all.add(one)
		}
	}
	for i := range all.found {
		all.found[i].Key = cmp.Or(values[all.found[i].entry], None)
	}
	return all.found, nil
}

// tellWalkers finds the visitors and sessions that the numbers are of: where
// somebody entered there is a session of theirs, or a conversion.
func (s Scoped) tellWalkers(ctx context.Context, scope Scope, found []foundWalker, people []FunnelPerson) error {
	if scope == ByContact || len(found) == 0 {
		return nil
	}
	var numbers []uint64
	var days []string
	var times []int64
	for i := range found {
		at := found[i].EnteredAt
		numbers, times = append(numbers, found[i].number), append(times, int64(at))
		for before := range 2 { // It may have begun on the day before.
			if day := at.Time().AddDate(0, 0, -before).Format(time.DateOnly); !slices.Contains(days, day) {
				days = append(days, day)
			}
		}
	}
	data := struct{ Sessions bool }{scope == BySession}
	return s.query(ctx, "funnel_numbers", data, map[string]any{"numbers": numbers, "days": days, "times": times}, func(r driver.Rows) error {
		var number uint64
		var id, visitor string
		err := r.Scan(&number, &id, &visitor)
		for i := range found {
			if found[i].number == number {
				people[i].ID, people[i].Visitor = id, visitor
			}
		}
		return err
	})
}

// nameWalkers finds the contacts, as they are now.
func (s Scoped) nameWalkers(ctx context.Context, scope Scope, people []FunnelPerson) error {
	ids, err := s.contactsThen(ctx, scope, people)
	if err != nil {
		return err
	}
	asked := make([]schema.ID, 0, len(ids))
	for _, id := range ids {
		if !id.IsZero() {
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	live, err := s.live(ctx, asked)
	for i := range people {
		people[i].Contact = live[ids[i]]
	}
	return err
}

// contactsThen gives the contact of each, zero for nobody.
func (s Scoped) contactsThen(ctx context.Context, scope Scope, people []FunnelPerson) ([]schema.ID, error) {
	ids, nodes := make([]schema.ID, len(people)), make([]string, 0, len(people))
	for i := range people {
		p := &people[i]
		switch scope {
		case ByContact:
			id, err := schema.ParseID(p.ID)
			if err != nil {
				return nil, err
			}
			ids[i] = id
		}
		if p.Visitor != "" {
			nodes = append(nodes, string(schema.NewNode(schema.NodeVisitor, p.Visitor)))
		}
	}
	if len(nodes) == 0 {
		return ids, nil
	}
	owners := map[schema.Node]schema.Identity{}
	err := s.query(ctx, "owners", nil, map[string]any{"nodes": nodes}, func(r driver.Rows) error {
		identity, err := scanOwner(r)
		owners[identity.Node] = identity
		return err
	})
	for i, p := range people {
		if owner := owners[schema.NewNode(schema.NodeVisitor, p.Visitor)]; p.Visitor != "" && len(owner.Contacts) > 0 {
			ids[i] = owner.Owner(p.EnteredAt)
		}
	}
	return ids, err
}

func scanOwner(r driver.Rows) (identity schema.Identity, err error) {
	var node string
	var since []int64
	var contacts []string
	err = r.Scan(&node, &since, &contacts)
	identity.Node = schema.Node(node)
	for i := range contacts {
		identity.Since = append(identity.Since, schema.Millis(since[i]))
		identity.Contacts = append(identity.Contacts, schema.ID([]byte(contacts[i])))
	}
	return identity, err
}
