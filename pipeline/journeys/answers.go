package journeys

import (
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"

	"sourceloop/schema"
)

// none is the key of what has no value.
const none = "(none)"

// Answers gives the answers to a journey's reports and funnels from what came
// out of it.
func (o *Outcome) Answers(j *Journey) string {
	var b strings.Builder
	for _, r := range j.Reports {
		rows, attributed, total := o.earned(r)
		b.WriteString(r.Text(rows, attributed, total))
	}
	for _, f := range j.Funnels {
		b.WriteString(f.Text(o.walk(j, f)))
	}
	return b.String()
}

// value is a touch's in one dimension.
func value(t *schema.Touch, dimension string) string {
	return cmp.Or(map[string]string{
		"channel": t.Channel, "source": t.Source, "medium": t.Medium, "campaign": t.Campaign, "landing_page": t.LandingPage,
	}[dimension], none)
}

// earned shares every chat that counts among its touches; one without any is
// Direct's, and not attributed.
func (o *Outcome) earned(r Report) (rows []Row, attributed, total float64) {
	row := func(key string) *Row {
		i := slices.IndexFunc(rows, func(x Row) bool { return x.Key == key })
		if i < 0 {
			i, rows = len(rows), append(rows, Row{Key: key})
		}
		return &rows[i]
	}
	for _, c := range o.Chats {
		if c.Contact.IsZero() {
			continue
		}
		total++
		if len(c.Touches) == 0 {
			direct := schema.DirectTouch(c.At)
			row(value(&direct, r.Dimension)).add(1, c.Value)
			continue
		}
		attributed++
		for i := range c.Touches {
			row(value(&c.Touches[i], r.Dimension)).add(c.Shares[r.Model][i], c.Value)
		}
	}
	for _, s := range o.all() {
		if !s.Bot {
			row(value(&s.Touch, r.Dimension)).Sessions++
		}
	}
	for i := range rows {
		rows[i].Conversions, rows[i].Value = round(rows[i].Conversions, 1e9), round(rows[i].Value, 1e9)
	}
	rows = slices.DeleteFunc(rows, func(x Row) bool { return x.Conversions == 0 && x.Sessions == 0 })
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Conversions, a.Conversions), b.Sessions-a.Sessions, strings.Compare(a.Key, b.Key))
	})
	return rows, attributed, total
}

func (r *Row) add(share, worth float64) {
	r.Conversions += share
	r.Value += share * worth
}

func (o *Outcome) all() []schema.Session {
	var sessions []schema.Session
	for _, of := range o.Sessions {
		sessions = append(sessions, of...)
	}
	return sessions
}

// event is something that a step may ask for.
type event struct {
	at      schema.Millis
	entity  string // whose it is under the funnel's scope
	key     string // of the breakdown
	matches func(Step) bool
	opens   bool // a page, or an event of the site's own: stands between two steps
}

// walk tries every step 1 of everybody, and goes on from it to the next event
// that the next step asks for, and so on.
func (o *Outcome) walk(j *Journey, f Funnel) ([]Count, []Group) {
	seconds := make([][]float64, len(f.Steps)) // after which each step was reached, by everybody who did
	entered := map[string][]int{}
	events := slices.Concat(o.hits(j, f), o.conversions(f))
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for _, entity := range entities(events) {
		mine := slices.DeleteFunc(slices.Clone(events), func(e event) bool { return e.entity != entity })
		best, key := furthest(mine, f)
		for k, at := range best {
			seconds[k] = append(seconds[k], float64(at-best[0])/1000)
			if entered[key] == nil {
				entered[key] = make([]int, len(f.Steps))
			}
			entered[key][k]++
		}
	}
	counts := make([]Count, len(f.Steps))
	for k := range counts {
		slices.Sort(seconds[k])
		counts[k] = Count{
			Entered: len(seconds[k]), Converted: len(seconds[min(k+1, len(counts)-1)]),
			Median: quantile(seconds[k], .5), P90: quantile(seconds[k], .9),
		}
	}
	return counts, groups(f, entered)
}

func entities(events []event) []string {
	var found []string
	for _, e := range events {
		if !slices.Contains(found, e.entity) {
			found = append(found, e.entity)
		}
	}
	return found
}

// furthest gives the times of the longest way, of equals the one that began
// first, and the key with which it began.
func furthest(mine []event, f Funnel) (best []schema.Millis, key string) {
	for i, first := range mine {
		if first.at < f.From || first.at >= f.To {
			continue
		}
		for k, step := range f.Steps {
			if !first.matches(step) || k > 0 && f.Order != "any" {
				continue
			}
			if way := onwards(mine[i+1:], f, []int{k}, []schema.Millis{first.at}); len(way) > len(best) {
				best, key = way, first.key
			}
		}
	}
	return best, key
}

// onwards tries every way on from where some steps are done, and gives the
// earliest times of the furthest one. It stops at what must not lie between.
func onwards(events []event, f Funnel, done []int, way []schema.Millis) []schema.Millis {
	best := way
	for i, e := range events {
		if e.at.Sub(way[0]) > f.Window {
			break
		}
		for k, step := range f.Steps {
			if slices.Contains(done, k) || k != len(done) && f.Order != "any" || !e.matches(step) {
				continue
			}
			next := onwards(events[i+1:], f, append(slices.Clone(done), k), append(slices.Clone(way), e.at))
			best = earlier(best, next)
		}
		if slices.ContainsFunc(f.Without, e.matches) || f.Order == "strict" && (e.opens || slices.ContainsFunc(f.Steps, e.matches)) {
			break
		}
	}
	return best
}

// earlier takes of two ways every step's earlier time.
func earlier(a, b []schema.Millis) []schema.Millis {
	if len(a) < len(b) {
		a, b = b, a
	}
	a = slices.Clone(a)
	for i := range b {
		a[i] = min(a[i], b[i])
	}
	return a
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	place := float64(len(sorted)-1) * q
	i := int(place)
	return round(sorted[i]+(place-float64(i))*(sorted[min(i+1, len(sorted)-1)]-sorted[i]), 1000)
}

func round(x, parts float64) float64 { return math.Round(x*parts) / parts }

func groups(f Funnel, entered map[string][]int) []Group {
	var all []Group
	for key, counts := range entered {
		if f.By != "" {
			all = append(all, Group{key, counts})
		}
	}
	slices.SortFunc(all, func(a, b Group) int { return cmp.Or(b.Entered[0]-a.Entered[0], strings.Compare(a.Key, b.Key)) })
	return all
}

// hits are the page views and events of all sessions, bots' included.
func (o *Outcome) hits(j *Journey, f Funnel) []event {
	var events []event
	for _, s := range o.all() {
		for _, item := range s.Items {
			entity := map[string]string{"visitor": s.Visitor, "session": s.ID.String()}[f.Scope]
			if f.Scope == "contact" {
				entity = o.person(schema.NewNode(schema.NodeVisitor, s.Visitor), item.At)
			}
			if entity != "" {
				events = append(events, event{item.At, entity, value(&s.Touch, f.By), func(step Step) bool { return asked(step, item, j) }, stands(item)})
			}
		}
	}
	return events
}

// stands tells whether an item lies between two steps, under the strict order.
func stands(item schema.Item) bool {
	return item.Type == schema.HitType_HIT_TYPE_PAGEVIEW || item.Type == schema.HitType_HIT_TYPE_EVENT && item.Name != "chat_opened"
}

// person is the id of the contact whose a node is at a moment, "" for one
// without email, phone and user id.
func (o *Outcome) person(n schema.Node, at schema.Millis) string {
	for _, i := range o.Identities {
		for _, c := range o.Contacts {
			known := c.Email+c.Phone != "" || slices.ContainsFunc(c.Nodes, func(n schema.Node) bool { return n.Kind() == schema.NodeUser })
			if i.Node == n && len(i.Contacts) > 0 && known && c.ID == i.Owner(at) {
				return c.ID.String()
			}
		}
	}
	return ""
}

// conversions are the chats that count, and every contact's becoming one.
func (o *Outcome) conversions(f Funnel) []event {
	var events []event
	for _, c := range o.Chats {
		if !c.Contact.IsZero() {
			events = append(events, o.conversion(f, c.Name, c.At, c.Contact, o.unlessCut(c.Visitor), &c.Last))
		}
	}
	for _, c := range o.Contacts {
		if c.Email+c.Phone == "" {
			continue
		}
		touch, visitor := schema.DirectTouch(c.CreatedAt), ""
		fact := &schema.ConversionFact{At: int64(c.CreatedAt)}
		if all := Begun(fact, c.ID, o.Identities, o.all()); len(all) > 0 {
			touch, visitor = all[len(all)-1].Touch, all[len(all)-1].Visitor
		}
		events = append(events, o.conversion(f, "contact", c.CreatedAt, c.ID, visitor, &touch))
	}
	return slices.DeleteFunc(events, func(e event) bool { return e.entity == "" })
}

// unlessCut is a browser, or "" for one that was cut from everybody.
func (o *Outcome) unlessCut(visitor string) string {
	for _, i := range o.Identities {
		if i.Node == schema.NewNode(schema.NodeVisitor, visitor) && len(i.Contacts) == 0 {
			return ""
		}
	}
	return visitor
}

func (o *Outcome) conversion(f Funnel, name string, at schema.Millis, contact schema.ID, visitor string, last *schema.Touch) event {
	entity := map[string]string{"visitor": visitor, "contact": contact.String()}[f.Scope]
	for _, s := range o.all() {
		if f.Scope == "session" && s.Visitor == visitor && s.StartedAt <= at && s.StartedAt == last.At {
			entity = s.ID.String()
		}
	}
	return event{at, entity, value(last, f.By), func(step Step) bool { return step.Type == "conversion" && step.Name == name }, false}
}

// asked tells whether a hit is what a step asks for.
func asked(step Step, item schema.Item, j *Journey) bool {
	switch {
	case step.Type == "pageview" && item.Type == schema.HitType_HIT_TYPE_PAGEVIEW:
		subject := item.URL
		if strings.HasPrefix(strings.TrimPrefix(step.Value, "^"), "/") {
			subject, _, _ = strings.Cut(strings.TrimPrefix(subject, Site), "?")
		}
		return compare(subject, step.Operator, step.Value)
	case step.Type == "event" && item.Type == schema.HitType_HIT_TYPE_EVENT && step.Name == item.Name:
		given, has := property(j, item.Hit, step.Property)
		return step.Property == "" || has && compare(given, step.Operator, step.Value)
	}
	return false
}

// property is one of a hit's, "" for those that are not there.
func property(j *Journey, hit schema.ID, name string) (text string, has bool) {
	for _, h := range j.Hits {
		var all map[string]string
		if schema.ID(h.GetId()) == hit && json.Unmarshal(h.GetProperties(), &all) == nil {
			text, has = all[name]
			return text, has
		}
	}
	return "", false
}

func compare(subject, operator, want string) bool {
	switch operator {
	case "equals":
		return subject == want
	case "contains":
		return strings.Contains(subject, want)
	case "starts_with":
		return strings.HasPrefix(subject, want)
	case "glob":
		want = "^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(want)) + "$"
	}
	matched, err := regexp.MatchString(want, subject)
	return err == nil && matched
}
