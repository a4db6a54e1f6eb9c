package clickhouse_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"sourceloop/schema"
)

// goalBook is what a workspace counts as conversions, and who came to a stage.
type goalBook struct {
	list   []schema.Goal
	firsts map[string]map[schema.Node]schema.Millis
}

func (b *goalBook) Workspace(id uint32) (*schema.Workspace, bool) {
	return &schema.Workspace{ID: id, Currency: "EUR", Goals: b.list}, true
}

func (b *goalBook) FirstReached(_ context.Context, _ uint32, stage string) (map[schema.Node]schema.Millis, error) {
	return b.firsts[stage], nil
}

// aim sets goals anew: some of those that there may be, and who came to stages.
func (g *graph) aim() {
	may := []schema.Goal{
		{ID: 1, Name: "home", Kind: schema.PageGoal, Operator: "equals", Value: "/"},
		{ID: 2, Name: "pricing", Kind: schema.PageGoal, Operator: "starts_with", Value: "/pricing", Worth: 3},
		{ID: 3, Name: "query", Kind: schema.PageGoal, Operator: "contains", Value: "?x=1"},
		{ID: 4, Name: "team", Kind: schema.PageGoal, Operator: "glob", Value: "https://*/pricing/t??m"},
		{ID: 5, Name: "dots", Kind: schema.PageGoal, Operator: "equals", Value: "/.*"},
		{ID: 6, Name: "played", Kind: schema.EventGoal, Event: "play", From: g.moment(200)},
		{ID: 7, Name: "pro", Kind: schema.EventGoal, Event: "plan", Properties: []schema.GoalProperty{{Key: "plan", Operator: "equals", Value: "pro"}}},
		{ID: 8, Name: "seats", Kind: schema.EventGoal, Event: "plan", Properties: []schema.GoalProperty{
			{Key: "seats", Operator: "starts_with", Value: "1"}, {Key: "plan", Operator: "contains", Value: "free"},
		}},
		{ID: 9, Name: "won", Kind: schema.StageGoal, Stage: "Converted"},
		{ID: 10, Name: "server", Kind: schema.APIGoal, Worth: 9},
	}
	g.goals = goalBook{firsts: map[string]map[schema.Node]schema.Millis{"Converted": {}}}
	for _, goal := range may {
		if g.random.IntN(3) > 0 {
			g.goals.list = append(g.goals.list, goal)
		}
	}
	for _, i := range g.identities {
		if g.random.IntN(4) == 0 {
			g.goals.firsts["Converted"][i.Node] = g.moment(220)
		}
	}
}

// reached are the goals that were, one after the other.
func (g *graph) reached() []*schema.ConversionFact {
	var all []*schema.ConversionFact
	for _, goal := range g.goals.list {
		if goal.Kind == schema.StageGoal {
			all = append(all, g.came(goal)...)
			continue
		}
		for _, s := range g.sessions {
			for _, item := range s.Items {
				if item.At < goal.From || !g.reaches(goal, item) {
					continue
				}
				id := schema.Derive("goal", "1", fmt.Sprint(goal.ID), s.ID.String())
				all = append(all, &schema.ConversionFact{
					Id: id[:], Name: goal.Name, Node: string(schema.NewNode(schema.NodeVisitor, s.Visitor)), Visitor: s.Visitor, At: int64(item.At),
				})
				break
			}
		}
	}
	return all
}

// came are the contacts that came to a stage, each by the first of its nodes.
func (g *graph) came(goal schema.Goal) []*schema.ConversionFact {
	var all []*schema.ConversionFact
	for _, c := range g.contacts {
		var first schema.Node
		var at schema.Millis
		for node, when := range g.goals.firsts[goal.Stage] {
			if g.owner(node, when) == c.ID && (first == "" || when < at || when == at && node < first) {
				first, at = node, when
			}
		}
		if first != "" {
			id := schema.Derive("goal", "1", fmt.Sprint(goal.ID), string(first))
			all = append(all, &schema.ConversionFact{Id: id[:], Name: goal.Name, Node: string(first), At: int64(at)})
		}
	}
	return all
}

func (g *graph) reaches(goal schema.Goal, item schema.Item) bool {
	switch goal.Kind {
	case schema.PageGoal:
		subject := item.URL
		if strings.HasPrefix(goal.Value, "/") {
			u, err := url.Parse(item.URL)
			if err != nil {
				panic(err)
			}
			if subject = u.Path; subject == "" {
				subject = "/"
			}
		}
		return item.Type == schema.HitType_HIT_TYPE_PAGEVIEW && compares(goal.Operator, subject, goal.Value)
	case schema.EventGoal:
		if item.Type != schema.HitType_HIT_TYPE_EVENT || item.Name != goal.Event {
			return false
		}
		for _, p := range goal.Properties {
			properties := map[string]any{}
			if text := g.properties[item.Hit]; text != "" {
				if err := json.Unmarshal([]byte(text), &properties); err != nil {
					panic(err)
				}
			}
			value, has := properties[p.Key]
			if !has || !compares(p.Operator, fmt.Sprint(value), p.Value) {
				return false
			}
		}
		return true
	}
	return false
}

func compares(operator, subject, value string) bool {
	switch operator {
	case "equals":
		return subject == value
	case "contains":
		return strings.Contains(subject, value)
	case "starts_with":
		return strings.HasPrefix(subject, value)
	}
	return globs(subject, value)
}

// globs tries every length that a * may have.
func globs(subject, pattern string) bool {
	switch {
	case pattern == "":
		return subject == ""
	case pattern[0] == '*':
		return globs(subject, pattern[1:]) || subject != "" && globs(subject[1:], pattern)
	case subject == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == subject[0]) && globs(subject[1:], pattern[1:])
}
