package report

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"sourceloop/schema"
)

// funnelBuild is what fills the places of the statement.
type funnelBuild struct {
	Contacts, Exclusions, Breakdown, Stream bool
	ItemMask, ItemStop, SessionKey          string
	ConversionMask, ConversionStop          string
	ConversionCounts, ConversionKey         string
	EntryMask                               int    // the steps by which one may enter
	page                                    string // the path of an item's address, where a statement has it
	arguments                               map[string]any
}

// Conversions tells whether the funnel looks at any.
func (b *funnelBuild) Conversions() bool {
	return b.ConversionMask != "0" || strings.Contains(b.ConversionStop, "bitOr")
}

// noFurther stops whoever got wherever.
const noFurther = 65535

// Check tells whether a funnel can be asked.
func (f Funnel) Check() error {
	_, err := buildFunnel(f)
	return err
}

func buildFunnel(f Funnel) (*funnelBuild, error) {
	if n := len(f.Steps); n < minSteps || n > maxSteps {
		return nil, invalid("a funnel has %d to %d steps, and this one has %d", minSteps, maxSteps, n)
	}
	if f.Window < minWindow || f.Window > maxWindow {
		return nil, invalid("the window must be between 1 minute and 90 days, and is %s", f.Window)
	}
	b := &funnelBuild{
		arguments: f.Period.arguments(), SessionKey: "''", ConversionKey: "''",
		page: "page", Exclusions: len(f.Exclusions) > 0, Breakdown: f.Breakdown != "", EntryMask: 1,
	}
	b.arguments["window"] = f.Window.Milliseconds()
	if f.Order == AnyOrder {
		b.EntryMask = math.MaxUint16
	}
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
	if err := b.steps(f.Steps); err != nil {
		return nil, err
	}
	if err := b.exclusions(f.Exclusions, len(f.Steps)); err != nil {
		return nil, err
	}
	return b, b.order(f.Order)
}

// order has whatever lies between stop a walk, when it is strict.
func (b *funnelBuild) order(order Order) error {
	switch order {
	case Sequential, AnyOrder, "":
	case Strict:
		// A step that is reached is no end of the walk: what stops is looked at behind it.
		b.Exclusions = true
		b.ItemStop = fmt.Sprintf("if(type = 'pageview' OR type = 'event' AND name != 'chat_opened' OR %s != 0, %d, %s)", b.ItemMask, noFurther, b.ItemStop)
		b.ConversionStop = fmt.Sprintf("if(mask != 0, %d, %s)", noFurther, b.ConversionStop)
	default:
		return invalid("the order must be sequential, strict or any, and is %q", order)
	}
	return nil
}

func (b *funnelBuild) scope(scope Scope) error {
	switch scope {
	case ByVisitor, "":
		b.ConversionCounts = "own_visitor != ''"
	case BySession:
		b.ConversionCounts = "own_visitor != '' AND own_visitor = visitor AND notEmpty(touches_session)"
	case ByContact:
		b.Contacts, b.ConversionCounts = true, "true"
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
		text, err := b.flag(fmt.Sprintf("step%d", k), fmt.Sprintf("step %d", k+1), step, 1<<k)
		if err != nil {
			return err
		}
		if step.Type == "conversion" {
			conversions = append(conversions, text)
		} else {
			items = append(items, text)
		}
	}
	b.ItemMask, b.ConversionMask = "("+strings.Join(items, " + ")+")", strings.Join(conversions, " + ")
	return nil
}

// exclusions write two more: bit k-1 says that it stops those who got to step
// k and no further.
func (b *funnelBuild) exclusions(exclusions []Exclusion, steps int) error {
	b.ItemStop, b.ConversionStop = "0", "0"
	if len(exclusions) > maxExclusions {
		return invalid("a funnel has up to %d exclusions, and this one has %d", maxExclusions, len(exclusions))
	}
	for i, e := range exclusions {
		after, before := e.After, e.Before
		if after == 0 {
			after = 1
		}
		if before == 0 {
			before = steps
		}
		if after < 1 || before > steps || after >= before {
			return invalid("exclusion %d lies between steps %d and %d; it must lie between an earlier and a later one of the %d steps", i+1, after, before, steps)
		}
		text, err := b.flag(fmt.Sprintf("excluded%d", i), fmt.Sprintf("exclusion %d", i+1), e.Step, 1<<(before-1)-1<<(after-1))
		if err != nil {
			return err
		}
		if e.Step.Type == "conversion" {
			b.ConversionStop = fmt.Sprintf("bitOr(%s, %s)", b.ConversionStop, text)
		} else {
			b.ItemStop = fmt.Sprintf("bitOr(%s, %s)", b.ItemStop, text)
		}
	}
	return nil
}

// flag is a number where a step matches, and 0 elsewhere. name is of its
// parameters, words what people call it.
func (b *funnelBuild) flag(name, words string, step Step, bits int) (string, error) {
	condition, err := b.step(name, words, step)
	return fmt.Sprintf("if(%s, %d, 0)", condition, bits), err
}

func (b *funnelBuild) step(name, words string, step Step) (string, error) {
	switch step.Type {
	case "pageview":
		subject := "url"
		if schema.OnPath(step.Value) {
			// An address without a path is that of the front page.
			subject = b.page
		}
		condition, err := b.compare(subject, step.Operator, step.Value, name)
		return "type = 'pageview' AND " + condition, err
	case "event":
		if step.Name == "" {
			return "", invalid("%s is an event without a name; say which event", words)
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
			return "", invalid("%s is a conversion without a name; say which conversion", words)
		}
		b.arguments[name] = step.Name
		return fmt.Sprintf("name = {%s:String}", name), nil
	default:
		return "", invalid("%s is of type %q; it must be pageview, event or conversion", words, step.Type)
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
		b.arguments[name] = schema.GlobPattern(value)
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
