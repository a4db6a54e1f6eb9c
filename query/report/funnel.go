package report

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Funnel asks how many get from step to step, in order, with anything between.
type Funnel struct {
	Steps     []Step
	Scope     Scope
	Window    time.Duration // from step 1; 1 minute to 90 days
	Period    Period        // of step 1
	Breakdown Dimension     // of the session in which step 1 happened; empty for none
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
	minWindow, maxWindow = time.Minute, 90 * 24 * time.Hour
)

// Funnel counts entities (visitors, sessions or contacts). An entity enters
// when a step 1 of its lies in the period, and reaches a step when some step 1 is
// followed by the further ones, each strictly later, all within the window. Of
// several step 1 the one that gets furthest counts, the earliest of equals; its
// session gives the breakdown's key.
func (s Scoped) Funnel(ctx context.Context, f Funnel) (FunnelReport, error) {
	b, err := buildFunnel(f)
	if err != nil {
		return FunnelReport{}, err
	}
	report := FunnelReport{Steps: make([]StepCount, len(f.Steps))}
	rows := make(map[string][]StepCount)
	err = s.query(ctx, "funnel", b, b.arguments, func(r driver.Rows) error {
		var key string
		var whole uint8
		var step uint32
		var count StepCount
		if err := r.Scan(&key, &whole, &step, &count.Entered, &count.Median, &count.P90); err != nil {
			return err
		}
		counts := report.Steps
		if whole == 0 {
			if rows[key] == nil {
				rows[key] = make([]StepCount, len(f.Steps))
			}
			counts = rows[key]
		}
		count.Median, count.P90 = toMillis(count.Median), toMillis(count.P90)
		counts[step-1] = count
		return nil
	})
	if err != nil {
		return FunnelReport{}, err
	}
	convert(report.Steps)
	if f.Breakdown != "" {
		report.Breakdown = breakdown(rows)
	}
	return report, nil
}

// toMillis drops what interpolating between two times adds below a millisecond.
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

// funnelBuild is what fills the places of the statement.
type funnelBuild struct {
	Contacts                         bool
	ItemMask, ItemEntity, SessionKey string
	ConversionMask, ConversionEntity string
	ConversionCounts, ConversionKey  string
	arguments                        map[string]any
}

func buildFunnel(f Funnel) (*funnelBuild, error) {
	if n := len(f.Steps); n < minSteps || n > maxSteps {
		return nil, invalid("a funnel has %d to %d steps, and this one has %d", minSteps, maxSteps, n)
	}
	if f.Window < minWindow || f.Window > maxWindow {
		return nil, invalid("the window must be between 1 minute and 90 days, and is %s", f.Window)
	}
	b := &funnelBuild{arguments: f.Period.arguments(), SessionKey: "''", ConversionKey: "''"}
	b.arguments["window"] = f.Window.Milliseconds()
	b.arguments["steps"] = uint8(len(f.Steps))
	if err := b.scope(f.Scope); err != nil {
		return nil, err
	}
	if f.Breakdown != "" {
		if _, err := ParseDimension(string(f.Breakdown)); err != nil {
			return nil, err
		}
		b.SessionKey = "toString(s." + string(f.Breakdown) + ")"
		b.ConversionKey = fmt.Sprintf("if(empty(touches_session), '%s', toString(touches_%s[-1]))", f.Breakdown.direct(), f.Breakdown)
	}
	return b, b.steps(f.Steps)
}

func (b *funnelBuild) scope(scope Scope) error {
	switch scope {
	case ByVisitor, "":
		b.ItemEntity, b.ConversionEntity, b.ConversionCounts = "s.visitor", "own_visitor", "own_visitor != ''"
	case BySession:
		b.ItemEntity, b.ConversionEntity = "s.session", "touches_session[-1]"
		b.ConversionCounts = "own_visitor != '' AND own_visitor = visitor AND notEmpty(touches_session)"
	case ByContact:
		b.Contacts = true
		b.ItemEntity = "i.contacts[greatest(1, arrayLastIndex(t -> toUnixTimestamp64Milli(t) <= item.1, i.since))]"
		b.ConversionEntity, b.ConversionCounts = "contact", "true"
	default:
		return invalid("the scope must be visitor, session or contact, and is %q", scope)
	}
	return nil
}

// steps writes two masks: bit k-1 says that an item, or a conversion, is what
// step k asks for.
func (b *funnelBuild) steps(steps []Step) error {
	items, conversions := []string{"0"}, []string{"0"}
	for k, step := range steps {
		bit := 1 << k
		condition, err := b.step(k, step)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("if(%s, %d, 0)", condition, bit)
		if step.Type == "conversion" {
			conversions = append(conversions, text)
		} else {
			items = append(items, text)
		}
	}
	b.ItemMask, b.ConversionMask = strings.Join(items, " + "), strings.Join(conversions, " + ")
	return nil
}

func (b *funnelBuild) step(k int, step Step) (string, error) {
	name := fmt.Sprintf("step%d", k)
	switch step.Type {
	case "pageview":
		subject := "url"
		if strings.HasPrefix(strings.TrimPrefix(step.Value, "^"), "/") {
			// An address without a path is that of the front page.
			subject = "if(path(url) = '', '/', path(url))"
		}
		condition, err := b.compare(subject, step.Operator, step.Value, name)
		return "type = 'pageview' AND " + condition, err
	case "event":
		if step.Name == "" {
			return "", invalid("step %d is an event without a name; say which event", k+1)
		}
		b.arguments[name] = step.Name
		condition := fmt.Sprintf("type = 'event' AND name = {%s:String}", name)
		if len(step.Properties) == 0 {
			return condition, nil
		}
		hits, err := b.hitsWith(name, step.Properties)
		return condition + " AND hit IN (" + hits + ")", err
	case "conversion":
		if step.Name == "" {
			return "", invalid("step %d is a conversion without a name; say which conversion", k+1)
		}
		b.arguments[name] = step.Name
		return fmt.Sprintf("name = {%s:String}", name), nil
	default:
		return "", invalid("step %d is of type %q; it must be pageview, event or conversion", k+1, step.Type)
	}
}

// hitsWith selects the hits of an event whose properties match: they are kept
// with the hit alone. Only hits of the sessions that are read anyway are looked
// up, by id.
func (b *funnelBuild) hitsWith(name string, properties []Property) (string, error) {
	var parts []string
	for i, p := range properties {
		key := fmt.Sprintf("%s_key%d", name, i)
		b.arguments[key] = p.Key
		value := fmt.Sprintf("if(JSONType(properties, {%[1]s:String}) = 'String', JSONExtractString(properties, {%[1]s:String}), JSONExtractRaw(properties, {%[1]s:String}))", key)
		condition, err := b.compare(value, p.Operator, p.Value, fmt.Sprintf("%s_value%d", name, i))
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("JSONHas(properties, {%s:String}) AND %s", key, condition))
	}
	return `SELECT id FROM (SELECT id, properties FROM hits WHERE workspace = {workspace:UInt32} AND id IN (
		SELECT arrayJoin(arrayFilter((h, n) -> n = {` + name + `:String}, items_hit, items_name)) FROM sessions
		WHERE workspace = {workspace:UInt32} AND day <= toDate32(last_event) AND ended_at >= begins)
		ORDER BY version DESC LIMIT 1 BY id) WHERE ` + strings.Join(parts, " AND "), nil
}

// compare writes a comparison of an expression of this package with a value,
// which is bound under a name.
func (b *funnelBuild) compare(subject, operator, value, name string) (string, error) {
	b.arguments[name] = value
	switch operator {
	case "equals":
		return fmt.Sprintf("%s = {%s:String}", subject, name), nil
	case "contains":
		return fmt.Sprintf("position(%s, {%s:String}) > 0", subject, name), nil
	case "starts_with":
		return fmt.Sprintf("startsWith(%s, {%s:String})", subject, name), nil
	case "glob":
		b.arguments[name] = escapeGlob(value)
		return fmt.Sprintf("match(%s, {%s:String})", subject, name), nil
	case "regex":
		if _, err := regexp.Compile(value); err != nil {
			return "", invalid("the regular expression %q is not understood (%s); see github.com/google/re2/wiki/Syntax", value, err)
		}
		return fmt.Sprintf("match(%s, {%s:String})", subject, name), nil
	default:
		return "", invalid("the operator %q is unknown; it is equals, contains, starts_with, glob or regex", operator)
	}
}
