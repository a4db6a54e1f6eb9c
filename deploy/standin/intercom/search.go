package intercom

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	contactsPerPage      = 50
	conversationsPerPage = 20
	maxPerPage           = 150
	maxNesting           = 2  // Groups within groups.
	maxFilters           = 15 // In one group.
)

// kind is a searchable field's type.
type kind int

const (
	text kind = iota
	number
	boolean
	day // A time, which contact searches compare by whole days.
	instant
)

// contactFields are the fields that contacts are searched by, besides
// custom_attributes.*.
func contactFields() map[string]kind {
	fields := map[string]kind{}
	for _, name := range []string{
		"id", "role", "name", "owner_id", "email", "email_domain", "phone", "formatted_phone", "external_id",
		"language_override", "browser", "browser_language", "os",
	} {
		fields[name] = text
	}
	for _, name := range []string{"created_at", "signed_up_at", "updated_at", "last_seen_at", "last_contacted_at", "last_replied_at"} {
		fields[name] = day
	}
	for _, name := range []string{"unsubscribed_from_emails", "marked_email_as_spam", "has_hard_bounced"} {
		fields[name] = boolean
	}
	return fields
}

// conversationFields are the fields that conversations are searched by.
func conversationFields() map[string]kind {
	return map[string]kind{
		"id": text, "created_at": instant, "updated_at": instant, "waiting_since": instant, "contact_ids": text,
		"source.type": text, "source.id": text, "source.delivered_as": text, "source.subject": text,
		"source.body": text, "source.url": text, "source.author.id": text, "source.author.type": text,
		"source.author.name": text, "source.author.email": text,
		"open": boolean, "read": boolean, "state": text, "priority": text,
		"admin_assignee_id": number, "team_assignee_id": number, "ai_agent_participated": boolean,
	}
}

// filter is a group (AND, OR) or a comparison.
type filter struct {
	operator string
	group    []filter
	field    string
	kind     kind
	values   []any // One, or several for IN and NIN.
	zone     *time.Location
}

type searchRequest struct {
	query filter
	sort  sorting
	page  pageRequest
}

// screenSearch gives the documented words for a bad sort order.
func screenSearch(c *call) answer {
	var body struct {
		Sort struct {
			Order string `json:"order"`
		} `json:"sort"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{} // The description says what is wrong with the types.
	}
	if order := body.Sort.Order; order != "" && order != "ascending" && order != "descending" {
		return refuse(http.StatusBadRequest, "invalid_sort_order",
			fmt.Sprintf("Invalid sort order '%s'. Must be one of: ascending, descending", order))
	}
	return answer{}
}

// rawFilter is a filter as it arrives.
type rawFilter struct {
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// parseSearch reads a search that fits the description already.
func (s *Server) parseSearch(body []byte, fields map[string]kind, perPage int) (searchRequest, answer) {
	var raw struct {
		Query      rawFilter `json:"query"`
		Pagination struct {
			PerPage       *int   `json:"per_page"`
			StartingAfter string `json:"starting_after"`
		} `json:"pagination"`
		Sort sorting `json:"sort"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return searchRequest{}, invalid("The body is not a search")
	}
	parser := filterParser{fields: fields, zone: s.location}
	query, err := parser.parse(raw.Query, 0)
	if err != nil {
		return searchRequest{}, refuse(http.StatusBadRequest, "invalid_field", err.Error())
	}
	asked := ""
	if raw.Pagination.PerPage != nil {
		asked = strconv.Itoa(*raw.Pagination.PerPage)
	}
	page, refused := parsePage(asked, raw.Pagination.StartingAfter, perPage, maxPerPage)
	return searchRequest{query: query, sort: raw.Sort, page: page}, refused
}

type filterParser struct {
	fields map[string]kind
	zone   *time.Location
}

func (p filterParser) parse(raw rawFilter, depth int) (filter, error) {
	if raw.Operator == "AND" || raw.Operator == "OR" {
		return p.parseGroup(raw, depth)
	}
	return p.parseComparison(raw)
}

func (p filterParser) parseGroup(raw rawFilter, depth int) (filter, error) {
	if depth >= maxNesting {
		return filter{}, fmt.Errorf("cannot nest more than %d groups of filters", maxNesting)
	}
	var members []rawFilter
	if err := json.Unmarshal(raw.Value, &members); err != nil {
		return filter{}, fmt.Errorf("the value of %s must be a list of filters", raw.Operator)
	}
	if len(members) > maxFilters {
		return filter{}, fmt.Errorf("cannot use more than %d filters in one group", maxFilters)
	}
	group := filter{operator: raw.Operator}
	for _, member := range members {
		parsed, err := p.parse(member, depth+1)
		if err != nil {
			return filter{}, err
		}
		group.group = append(group.group, parsed)
	}
	return group, nil
}

func (p filterParser) parseComparison(raw rawFilter) (filter, error) {
	k, known := p.fields[raw.Field]
	if strings.HasPrefix(raw.Field, "custom_attributes.") {
		k, known = text, true
	}
	if !known {
		return filter{}, fmt.Errorf("cannot search by the field '%s'", raw.Field)
	}
	if !k.allows(raw.Operator) {
		return filter{}, fmt.Errorf("the operator '%s' is not supported on the field '%s'", raw.Operator, raw.Field)
	}
	values, err := parseValues(raw.Value, raw.Operator == "IN" || raw.Operator == "NIN")
	if err != nil {
		return filter{}, fmt.Errorf("cannot search '%s': %w", raw.Field, err)
	}
	f := filter{operator: raw.Operator, field: raw.Field, kind: k, values: values, zone: p.zone}
	if k == day || k == instant || k == number {
		for i, value := range f.values {
			n, isNumber := asNumber(value)
			if !isNumber {
				return filter{}, fmt.Errorf("the value of '%s' must be a number", raw.Field)
			}
			f.values[i] = n
		}
	}
	return f, nil
}

func parseValues(raw json.RawMessage, several bool) ([]any, error) {
	var value any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fmt.Errorf("its value is not JSON: %w", err)
		}
	}
	list, isList := value.([]any)
	if isList != several {
		return nil, fmt.Errorf("its value must be a list for IN and NIN, and only for them")
	}
	if several {
		return list, nil
	}
	return []any{value}, nil
}

func (k kind) allows(operator string) bool {
	switch k {
	case text:
		return slices.Contains([]string{"=", "!=", "IN", "NIN", "~", "!~", "^", "$"}, operator)
	case number:
		return slices.Contains([]string{"=", "!=", "IN", "NIN", "<", ">", "<=", ">="}, operator)
	case boolean:
		return slices.Contains([]string{"=", "!=", "IN", "NIN"}, operator)
	case day:
		return slices.Contains([]string{"=", "<", ">"}, operator)
	case instant:
		return slices.Contains([]string{"=", "!=", "IN", "NIN", "<", ">"}, operator)
	}
	return false
}

func asNumber(value any) (float64, bool) {
	switch value := value.(type) {
	case float64:
		return value, true
	case int64:
		return float64(value), true
	case int:
		return float64(value), true
	case string:
		n, err := strconv.ParseInt(value, 10, 64)
		return float64(n), err == nil
	}
	return 0, false
}

// matches compares with an object in its REST shape.
func (f filter) matches(object map[string]any) bool {
	switch f.operator {
	case "AND":
		return !slices.ContainsFunc(f.group, func(member filter) bool { return !member.matches(object) })
	case "OR":
		return slices.ContainsFunc(f.group, func(member filter) bool { return member.matches(object) })
	}
	has := lookUp(object, f.field)
	switch f.operator {
	case "!=", "NIN":
		return !f.anyValue(has, "=")
	case "!~":
		return !f.anyValue(has, "~")
	case "IN":
		return f.anyValue(has, "=")
	}
	return f.anyValue(has, f.operator)
}

func (f filter) anyValue(has any, operator string) bool {
	list, isList := has.([]string)
	if !isList {
		return slices.ContainsFunc(f.values, func(value any) bool { return f.compare(has, operator, value) })
	}
	return slices.ContainsFunc(list, func(member string) bool { return f.anyValue(member, operator) })
}

// lookUp finds a field such as source.author.id; what follows
// custom_attributes. is one name, blanks and all.
func lookUp(object map[string]any, field string) any {
	if value, direct := object[field]; direct {
		return value
	}
	first, rest, nested := strings.Cut(field, ".")
	inner, isObject := object[first].(map[string]any)
	if !nested || !isObject {
		return nil
	}
	return lookUp(inner, rest)
}

func (f filter) compare(has any, operator string, value any) bool {
	if f.kind == text || f.kind == boolean {
		return compareText(has, operator, value)
	}
	n, isNumber := asNumber(has)
	wanted, _ := asNumber(value)
	if !isNumber {
		return false
	}
	if f.kind == day {
		n, wanted = startOfDay(n, f.zone), startOfDay(wanted, f.zone)
	}
	switch operator {
	case "=":
		return n == wanted
	case ">":
		return n > wanted || f.kind == instant && n == wanted // "Greater (or equal)" for conversations.
	case "<":
		return n < wanted || f.kind == instant && n == wanted
	case ">=":
		return n >= wanted
	case "<=":
		return n <= wanted
	}
	return false
}

func compareText(has any, operator string, value any) bool {
	if has == nil || value == nil {
		return operator == "=" && has == nil && value == nil
	}
	a, b := strings.ToLower(fmt.Sprint(has)), strings.ToLower(fmt.Sprint(value))
	switch operator {
	case "=":
		return a == b
	case "~":
		return strings.Contains(a, b)
	case "^":
		return strings.HasPrefix(a, b)
	case "$":
		return strings.HasSuffix(a, b)
	}
	return false
}

// startOfDay is the midnight, in zone, before or at a Unix time.
func startOfDay(unix float64, zone *time.Location) float64 {
	year, month, date := time.Unix(int64(unix), 0).In(zone).Date()
	return float64(time.Date(year, month, date, 0, 0, 0, 0, zone).Unix())
}

// sorting orders contacts, newest first unless told otherwise.
type sorting struct {
	Field string `json:"field"`
	Order string `json:"order"`
}

func (o sorting) apply(list []contact) {
	key := func(c contact) int64 {
		switch o.Field {
		case "updated_at":
			return c.UpdatedAt
		case "last_seen_at":
			return c.LastSeenAt
		}
		return c.CreatedAt
	}
	sort.SliceStable(list, func(i, j int) bool {
		if o.Order == "ascending" {
			return key(list[i]) < key(list[j])
		}
		return key(list[i]) > key(list[j])
	})
}

// pageRequest is a position in a list.
type pageRequest struct{ start, size int }

// parsePage reads a page size and a cursor made by wire.
func parsePage(size, cursor string, preset, most int) (pageRequest, answer) {
	page := pageRequest{size: preset}
	if size != "" {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 || n > most {
			return page, invalid(fmt.Sprintf("Per Page must be a number from 1 to %d", most))
		}
		page.size = n
	}
	if cursor == "" {
		return page, answer{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	start, errStart := strconv.Atoi(string(raw))
	if err != nil || errStart != nil || start < 0 {
		return page, invalid("The starting_after cursor is not one of ours")
	}
	page.start = start
	return page, answer{}
}

func (p pageRequest) wire(total int) map[string]any {
	pages := map[string]any{
		"type": "pages", "page": p.start/p.size + 1, "per_page": p.size, "total_pages": (total + p.size - 1) / p.size,
	}
	if next := p.start + p.size; next < total {
		pages["next"] = map[string]any{
			"per_page": p.size, "starting_after": base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(next))),
		}
	}
	return pages
}

func slice[T any](list []T, page pageRequest) []T {
	start := min(page.start, len(list))
	return list[start:min(start+page.size, len(list))]
}
