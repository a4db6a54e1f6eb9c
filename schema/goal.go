package schema

import (
	"regexp"
	"strings"
)

// GoalKind is what reaches a goal.
type GoalKind string

// The kinds of goals.
const (
	PageGoal  GoalKind = "page"  // a view of a page
	EventGoal GoalKind = "event" // a custom event
	StageGoal GoalKind = "stage" // a contact comes to a stage for the first time
	APIGoal   GoalKind = "api"   // a conversion of this name that a server sends
)

// Goal is something that a workspace counts as a conversion. Of a page or an
// event it counts once a session; whoever reaches it counts once their contact
// has an email or a phone, as with any conversion, and then also for the past.
type Goal struct {
	ID   int64
	Name string // of its conversions
	Kind GoalKind

	Operator, Value string         // of a page, as a funnel's step has them
	Event           string         // an event's name
	Properties      []GoalProperty // of the event: all must match
	Stage           string

	Worth float64 // of each conversion, in the workspace's currency; of an API conversion: when it comes without a value
	From  Millis  // what happened before does not count; 0: all that is stored does
}

// GoalProperty is a condition on a property of an event. Numbers and booleans
// are compared as JSON writes them.
type GoalProperty struct{ Key, Operator, Value string }

// Goal finds a workspace's goal by its name.
func (w *Workspace) Goal(name string) (Goal, bool) {
	for _, g := range w.Goals {
		if g.Name == name {
			return g, true
		}
	}
	return Goal{}, false
}

// OnPath tells whether a value of a page is compared with the path of an
// address, and not with the whole of it.
func OnPath(value string) bool { return strings.HasPrefix(strings.TrimPrefix(value, "^"), "/") }

// Pattern writes a comparison as a regular expression (RE2, which ClickHouse
// and Go read alike) that is searched for in a text; false for an operator that
// there is none of.
func Pattern(operator, value string) (string, bool) {
	switch operator {
	case "equals":
		return `\A` + regexp.QuoteMeta(value) + `\z`, true
	case "contains":
		return regexp.QuoteMeta(value), true
	case "starts_with":
		return `\A` + regexp.QuoteMeta(value), true
	case "glob":
		return GlobPattern(value), true
	case "regex":
		return value, true
	}
	return "", false
}

// GlobPattern is a regular expression for a pattern in which * stands for any
// text and ? for one character.
func GlobPattern(glob string) string {
	var b strings.Builder
	b.WriteString("^")
	for _, r := range glob {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString("$")
	return b.String()
}

// FoundNames are those of conversions that are found without a goal. Nothing
// else can carry them.
func FoundNames() []string {
	return []string{"contact", "intercom_conversation", "hubspot_conversation"}
}
