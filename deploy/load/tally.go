package load

import (
	"slices"
	"strings"
	"time"
)

// tally adds up units. Of people who chat it keeps everything, of the others numbers.
type tally struct {
	config Config
	from   time.Time // of the range
	days   []Day

	traffic   Traffic
	questions []*question
	funnels   []*funnel
	contacts  []Contact
}

// question is one attribution report in the making.
type question struct {
	dimension, conversion, lookback string
	rows                            map[string]*CreditRow
	attributed, total               float64
}

func newTally(c Config) *tally {
	t := &tally{config: c, from: c.Base.AddDate(0, 0, -max(c.Days, minRange)), contacts: []Contact{}}
	for day := t.from; day.Before(c.Base); day = day.AddDate(0, 0, 1) {
		t.days = append(t.days, Day{Start: day.Format(time.DateOnly)})
	}
	for _, d := range dimensions() {
		t.ask(d, "", "90")
	}
	t.ask("channel", "", "7")
	t.ask("landing_page", "", "7")
	t.ask("channel", conversation, "all")
	t.ask("channel", becoming, "90")
	t.ask("source", becoming, "1")
	for _, f := range funnels() {
		f.From, f.To = t.dates()
		t.funnels = append(t.funnels, newFunnel(f))
	}
	return t
}

// minRange is how many days a report covers at least, so that its trend is by day.
const minRange = 3

func (t *tally) dates() (from, to string) { return t.days[0].Start, t.days[len(t.days)-1].Start }

func (t *tally) ask(dimension, conversion, lookback string) {
	t.questions = append(t.questions, &question{
		dimension: dimension, conversion: conversion, lookback: lookback, rows: make(map[string]*CreditRow),
	})
}

// add counts a unit, whose chats have been answered.
func (t *tally) add(u *unit) {
	conversions := u.conversions()
	t.contacts = append(t.contacts, u.contacts(conversions)...)
	t.addTraffic(u, conversions)
	for _, q := range t.questions {
		q.add(u, conversions)
	}
	for _, f := range t.funnels {
		f.add(u, conversions)
	}
}

func (t *tally) addTraffic(u *unit, conversions []*conversion) {
	t.traffic.Visitors += len(u.browsers)
	t.traffic.Sessions += len(u.sessions)
	seen := make(map[*Day]map[*browser]bool)
	for _, s := range u.sessions {
		day := t.day(s.start().Time())
		day.Sessions++
		if seen[day] == nil {
			seen[day] = make(map[*browser]bool)
		}
		seen[day][s.browser] = true
		for _, h := range s.hits {
			if h.kind == "pageview" {
				t.traffic.PageViews++
			}
		}
	}
	for day, browsers := range seen {
		day.Visitors += len(browsers)
	}
	for _, v := range conversions {
		if v.name != becoming {
			t.traffic.Conversions++
			t.day(v.at.Time()).Conversions++
		}
	}
}

// day finds the day of a moment in the workspace's zone.
func (t *tally) day(at time.Time) *Day {
	date := at.In(t.config.Base.Location()).Format(time.DateOnly)
	i, _ := slices.BinarySearchFunc(t.days, date, func(d Day, date string) int { return strings.Compare(d.Start, date) })
	return &t.days[i]
}

func (q *question) row(key string) *CreditRow {
	r := q.rows[key]
	if r == nil {
		r = &CreditRow{Key: key, Credits: make(map[string]float64, 7)}
		for _, m := range models() {
			r.Credits[m] = 0
		}
		q.rows[key] = r
	}
	return r
}

func (q *question) add(u *unit, conversions []*conversion) {
	for _, s := range u.sessions {
		q.row(s.value(q.dimension)).Sessions++
	}
	for _, v := range conversions {
		if q.conversion == "" && v.name != becoming || q.conversion == v.name {
			q.credit(v)
		}
	}
}

func (q *question) credit(v *conversion) {
	q.total++
	touches := v.within(q.lookback)
	if len(touches) > 0 {
		q.attributed++
	}
	for _, m := range models() {
		if len(touches) == 0 {
			q.row(untouched(q.dimension)).Credits[m]++
			continue
		}
		for i, part := range share(m, touches) {
			q.row(touches[i].value(q.dimension)).Credits[m] += part
		}
	}
}

func (q *question) account() Credits {
	c := Credits{
		Dimension: q.dimension, Conversion: q.conversion, Lookback: q.lookback, Attributed: q.attributed, Total: q.total, Rows: []CreditRow{},
	}
	for _, r := range q.rows {
		c.Rows = append(c.Rows, *r)
	}
	slices.SortFunc(c.Rows, func(a, b CreditRow) int { return strings.Compare(a.Key, b.Key) })
	return c
}

// account gives the sum of all that was added.
func (t *tally) account() *Account {
	a := &Account{
		Seed: t.config.Seed, Base: t.config.Base, Zone: t.config.Base.Location().String(), Days: t.config.Days, Visitors: t.config.Visitors,
		Traffic: t.traffic, Contacts: t.contacts,
	}
	a.From, a.To = t.dates()
	a.Traffic.Trend = t.days
	for _, q := range t.questions {
		a.Attribution = append(a.Attribution, q.account())
	}
	for _, f := range t.funnels {
		a.Funnels = append(a.Funnels, f.account())
	}
	return a
}
