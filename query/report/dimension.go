package report

import (
	"fmt"
	"slices"
	"strings"
)

// Dimension is what rows are grouped or filtered by.
type Dimension string

// None is the key of rows whose dimension is empty.
const None = "(none)"

// dimensions are the allowed ones: each is a column of sessions, and, with
// the prefix touches_, an array column of conversions.
func dimensions() []Dimension {
	return []Dimension{
		"channel", "source", "medium", "campaign", "content", "term", "landing_page", "referrer", "device", "country", "browser",
	}
}

// ParseDimension refuses whatever is not in the list.
func ParseDimension(text string) (Dimension, error) {
	if !slices.Contains(dimensions(), Dimension(text)) {
		names := make([]string, 0, len(dimensions()))
		for _, d := range dimensions() {
			names = append(names, string(d))
		}
		return "", invalid("the dimension %q is unknown; it is one of %s", text, strings.Join(names, ", "))
	}
	return Dimension(text), nil
}

// direct is the key of a conversion without a touch.
func (d Dimension) direct() string {
	switch d {
	case "channel":
		return "Direct"
	case "source":
		return "direct"
	default:
		return ""
	}
}

// Filter is a condition on one dimension of a touch or a session.
type Filter struct {
	Dimension Dimension
	Operator  string // is, is_not, contains; the last without regard to case
	Value     string // None stands for the empty value
}

// ParseFilter reads dimension:operator:value.
func ParseFilter(text string) (Filter, error) {
	name, rest, _ := strings.Cut(text, ":")
	operator, value, ok := strings.Cut(rest, ":")
	d, err := ParseDimension(name)
	if err != nil {
		return Filter{}, err
	}
	if !ok || !slices.Contains([]string{"is", "is_not", "contains"}, operator) {
		return Filter{}, invalid("the filter %q must be dimension:operator:value, the operator is, is_not or contains", text)
	}
	return Filter{d, operator, value}, nil
}

// holds tells whether a filter takes a value, as ClickHouse would.
func (f Filter) holds(value string) bool {
	wanted := f.wanted()
	switch f.Operator {
	case "is":
		return value == wanted
	case "is_not":
		return value != wanted
	}
	return strings.Contains(strings.ToLower(value), strings.ToLower(wanted))
}

// conditions writes filters over columns that column names, all of which must
// hold, and binds their values to numbered parameters.
func conditions(filters []Filter, column func(Dimension) string, arguments map[string]any) (string, error) {
	parts, err := comparisons("filter", filters, column, arguments)
	return strings.Join(append([]string{"true"}, parts...), " AND "), err
}

// exclusions writes filters of which one is enough; empty for none.
func exclusions(filters []Filter, column func(Dimension) string, arguments map[string]any) (string, error) {
	parts, err := comparisons("exclude", filters, column, arguments)
	return strings.Join(parts, " OR "), err
}

// comparisons writes one a filter, the values bound to prefix and its number.
func comparisons(prefix string, filters []Filter, column func(Dimension) string, arguments map[string]any) ([]string, error) {
	var parts []string
	for i, f := range filters {
		if _, err := ParseDimension(string(f.Dimension)); err != nil {
			return nil, err
		}
		name := fmt.Sprint(prefix, i)
		arguments[name] = f.wanted()
		switch f.Operator {
		case "is":
			parts = append(parts, fmt.Sprintf("%s = {%s:String}", column(f.Dimension), name))
		case "is_not":
			parts = append(parts, fmt.Sprintf("%s != {%s:String}", column(f.Dimension), name))
		case "contains":
			parts = append(parts, fmt.Sprintf("positionCaseInsensitiveUTF8(%s, {%s:String}) > 0", column(f.Dimension), name))
		default:
			return nil, invalid("the operator %q is unknown; it is is, is_not or contains", f.Operator)
		}
	}
	return parts, nil
}
