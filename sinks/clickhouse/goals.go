package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sourceloop/schema"
)

// Goals knows what workspaces count as conversions of their own.
type Goals interface {
	// Workspace finds a workspace with its goals. It must not be changed.
	Workspace(id uint32) (*schema.Workspace, bool)
	// FirstReached tells when nodes first came to a stage.
	FirstReached(ctx context.Context, workspace uint32, stage string) (map[schema.Node]schema.Millis, error)
}

// manyHits is how many hits of a session are looked at for one that has the
// properties which a goal asks for. Beyond it a session is no person's.
const manyHits = 1000

// reached is a goal that a contact reached.
type reached struct {
	id    schema.ID
	goal  *schema.Goal
	node  schema.Node // whose: a browser, or what was at a stage
	at    schema.Millis
	hits  []schema.ID // of a session, that may reach it
	times []int64     // theirs
}

// goalsOf finds the workspace's goals, and who may have reached one: a goal's
// conversion has no facts, and its browser may have become somebody else's.
func (c *crediting) goalsOf(ctx context.Context, workspace uint32, k *known) error {
	if c.goals == nil {
		return nil
	}
	if w, known := c.goals.Workspace(workspace); known {
		k.goals, k.currency = w.Goals, w.Currency
	}
	k.firsts = make(map[int64]map[schema.Node]schema.Millis)
	for i := range k.goals {
		if g := &k.goals[i]; g.Kind == schema.StageGoal {
			firsts, err := c.goals.FirstReached(ctx, workspace, g.Stage)
			if err != nil {
				return err
			}
			k.firsts[g.ID] = firsts
		}
	}
	bare := slices.DeleteFunc(slices.Clone(k.ids), func(id schema.ID) bool { return k.facts[id] != nil })
	if len(k.goals) == 0 || len(bare) == 0 {
		return nil
	}
	return c.each(ctx, "attribute_former", func(rows chdriver.Rows) error {
		var visitor string
		err := rows.Scan(&visitor)
		k.former = append(k.former, visitor)
		return err
	}, driver.Named("workspace", workspace), driver.Named("ids", hexadecimal(bare)))
}

// reach finds which goals were reached, from the sessions that are stored and
// the stages that were set. A goal counts once a session.
func (c *crediting) reach(ctx context.Context, workspace uint32, k *known) error {
	for i := range k.goals {
		if g := &k.goals[i]; g.Kind == schema.StageGoal {
			k.reachStage(workspace, g)
		}
	}
	return c.reachByHits(ctx, workspace, k)
}

// hitGoals are goals that hits reach, as the statement takes them.
type hitGoals struct {
	goals    []*schema.Goal
	types    []string
	paths    []bool
	patterns []string
	froms    []int64
	wanted   []uint32
}

func (h *hitGoals) add(g *schema.Goal) {
	kind, wanted, onPath := "event", uint32(1), false
	pattern, _ := schema.Pattern("equals", g.Event)
	switch {
	case g.Kind == schema.PageGoal:
		kind, onPath = "pageview", schema.OnPath(g.Value)
		pattern, _ = schema.Pattern(g.Operator, g.Value)
	case g.Kind != schema.EventGoal:
		return
	case len(g.Properties) > 0:
		wanted = manyHits
	}
	h.goals, h.types, h.paths = append(h.goals, g), append(h.types, kind), append(h.paths, onPath)
	h.patterns, h.froms, h.wanted = append(h.patterns, pattern), append(h.froms, int64(g.From)), append(h.wanted, wanted)
}

func (c *crediting) reachByHits(ctx context.Context, workspace uint32, k *known) error {
	var h hitGoals
	for i := range k.goals {
		h.add(&k.goals[i])
	}
	visitors := k.visitors()
	if len(h.goals) == 0 || len(visitors) == 0 {
		return nil
	}
	var found []reached
	err := c.each(ctx, "attribute_goals", func(rows chdriver.Rows) error {
		r, err := scanReached(rows, workspace, h.goals)
		found = append(found, r)
		return err
	}, driver.Named("workspace", workspace), driver.Named("visitors", visitors), driver.Named("types", h.types),
		driver.Named("paths", h.paths), driver.Named("patterns", h.patterns), driver.Named("froms", h.froms), driver.Named("wanted", h.wanted))
	if err != nil {
		return err
	}
	if found, err = c.withProperties(ctx, workspace, found); err != nil {
		return err
	}
	k.reached = append(k.reached, found...)
	return nil
}

func scanReached(rows chdriver.Rows, workspace uint32, goals []*schema.Goal) (reached, error) {
	var place uint32
	var visitor, session string
	var hits []string
	var r reached
	if err := rows.Scan(&place, &visitor, &session, &r.times, &hits); err != nil {
		return r, err
	}
	r.goal, r.node, r.at = goals[place-1], schema.NewNode(schema.NodeVisitor, visitor), schema.Millis(r.times[0])
	r.id = goalID(workspace, r.goal, schema.ID([]byte(session)).String())
	for _, hit := range hits {
		r.hits = append(r.hits, schema.ID([]byte(hit)))
	}
	return r, nil
}

// goalID is the id of a goal's conversion: by the session, or by the node that
// was at a stage.
func goalID(workspace uint32, g *schema.Goal, what string) schema.ID {
	return schema.Derive("goal", strconv.FormatUint(uint64(workspace), 10), strconv.FormatInt(g.ID, 10), what)
}

// visitors are the browsers that are, or were, the contacts'.
func (k *known) visitors() []string {
	var all []string
	for n := range k.nodes {
		if n.Kind() == schema.NodeVisitor {
			all = append(all, n.Value())
		}
	}
	return all
}

// withProperties keeps what was reached by a hit whose properties match, at the
// time of the first one that does.
func (c *crediting) withProperties(ctx context.Context, workspace uint32, found []reached) ([]reached, error) {
	var hits []schema.ID
	for _, r := range found {
		if len(r.goal.Properties) > 0 {
			hits = append(hits, r.hits...)
		}
	}
	if len(hits) == 0 {
		return found, nil
	}
	properties := make(map[schema.ID]string, len(hits))
	err := c.each(ctx, "goal_properties", func(rows chdriver.Rows) error {
		var id, text string
		err := rows.Scan(&id, &text)
		properties[schema.ID([]byte(id))] = text
		return err
	}, driver.Named("workspace", workspace), driver.Named("ids", hexadecimal(hits)))
	if err != nil {
		return nil, err
	}
	return narrow(found, properties)
}

// narrow takes out what no hit reaches.
func narrow(found []reached, properties map[schema.ID]string) ([]reached, error) {
	kept := found[:0]
	for _, r := range found {
		conditions, err := conditionsOf(r.goal)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.hits, func(hit schema.ID) bool { return conditions.match(properties[hit]) })
		if len(conditions) > 0 && i < 0 {
			continue
		}
		r.at = schema.Millis(r.times[max(i, 0)])
		kept = append(kept, r)
	}
	return kept, nil
}

// condition is a property with what its value must look like.
type condition struct {
	key     string
	pattern *regexp.Regexp
}

type conditions []condition

func conditionsOf(g *schema.Goal) (conditions, error) {
	var all conditions
	for _, p := range g.Properties {
		text, _ := schema.Pattern(p.Operator, p.Value)
		pattern, err := regexp.Compile("(?s)" + text)
		if err != nil {
			return nil, err
		}
		all = append(all, condition{p.Key, pattern})
	}
	return all, nil
}

// match tells whether properties, JSON, fulfil all conditions.
func (all conditions) match(text string) bool {
	var properties map[string]json.RawMessage
	if len(all) > 0 && json.Unmarshal([]byte(cmp.Or(text, "{}")), &properties) != nil {
		return false
	}
	for _, c := range all {
		raw, has := properties[c.key]
		if !has || !c.pattern.MatchString(asText(raw)) {
			return false
		}
	}
	return true
}

// asText is a value as it is compared: a string by itself, else its JSON.
func asText(raw json.RawMessage) string {
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// reachStage notes who came to a stage, by the first of their nodes that did.
func (k *known) reachStage(workspace uint32, g *schema.Goal) {
	first := map[schema.ID]reached{}
	for node, at := range k.firsts[g.ID] {
		identity := k.nodes[node]
		if identity == nil || len(identity.Contacts) == 0 {
			continue
		}
		owner := identity.Owner(at)
		known, more := first[owner]
		if !more || at < known.at || at == known.at && node < known.node {
			first[owner] = reached{id: goalID(workspace, g, string(node)), goal: g, node: node, at: at}
		}
	}
	for _, r := range first {
		if r.at >= g.From {
			k.reached = append(k.reached, r)
		}
	}
}
