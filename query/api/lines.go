package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
)

// The forms that a list can have.
const (
	formJSON  = "application/json"
	formCSV   = "text/csv"
	formLines = "application/x-ndjson"
)

// lines writes the lists of answers as CSV or as lines of JSON, for who asks for
// that and where the contract offers it.
type lines struct {
	lists map[string]*listing // by method and address as the router writes it
}

// listing is where an answer has its items, and what CSV has of each.
type listing struct {
	field   string
	columns []column
	most    int // how many there are at most of a list without pages, and in a file unless fewer are asked for; 0 for as many as there are
}

// column is a field of the items, or a field inside one.
type column struct {
	path []string
}

func newLines(operations map[string]*operation) *lines {
	all := &lines{lists: map[string]*listing{}}
	for address, op := range operations {
		success := op.route.Operation.Responses.Value("200")
		if success == nil || success.Value == nil || success.Value.Content[formCSV] == nil {
			continue
		}
		answer := success.Value.Content[formJSON].Schema.Value
		for _, field := range []string{"items", "rows"} {
			if items := answer.Properties[field]; items != nil {
				list := &listing{field: field, columns: columnsOf(items.Value.Items.Value)}
				if limit := op.route.Operation.Parameters.GetByInAndName("query", "limit"); limit != nil && limit.Schema.Value.Max != nil && answer.Properties["next"] == nil {
					list.most = int(*limit.Schema.Value.Max)
				}
				all.lists[address] = list
			}
		}
	}
	return all
}

// columnsOf are the fields of a schema: the required ones as the contract names
// them, then the others by name. So they are the same whatever is asked.
func columnsOf(schema *openapi3.Schema, above ...string) []column {
	names := slices.Clone(schema.Required)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var all []column
	for _, name := range names {
		path := append(slices.Clone(above), name)
		if inner := schema.Properties[name].Value; len(inner.Properties) > 0 {
			all = append(all, columnsOf(inner, path...)...)
			continue
		}
		all = append(all, column{path})
	}
	return all
}

// middleware holds the JSON of an answer back and writes it in the form that was
// asked for. Problems stay as they are.
func (l *lines) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		list, ok := l.lists[c.Request().Method+" "+c.Path()]
		if !ok {
			return next(c)
		}
		c.Response().Header().Add("Vary", "Accept")
		form := preferred(c.Request().Header.Values("Accept"))
		if form == formJSON {
			return next(c)
		}
		if query := c.QueryParams(); list.most > 0 && !query.Has("limit") {
			query.Set("limit", strconv.Itoa(list.most))
			c.Request().URL.RawQuery = query.Encode()
		}
		held := &heldAnswer{ResponseWriter: c.Response().Writer}
		c.Response().Writer = held
		err := next(c)
		c.Response().Writer = held.ResponseWriter
		if err != nil || held.status == 0 {
			return err
		}
		return list.send(c, held, form)
	}
}

// heldAnswer keeps what is written.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) WriteHeader(status int) { h.status = status }

func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }

func (l *listing) send(c echo.Context, held *heldAnswer, form string) error {
	body := held.body.Bytes()
	if held.status == http.StatusOK {
		items, next, count, err := l.items(body)
		if err != nil {
			c.Response().Committed = false // Nothing went out yet.
			return fmt.Errorf("cannot read an answer to write it as %s: %w", form, err)
		}
		if body, err = l.write(form, items); err != nil {
			c.Response().Committed = false
			return fmt.Errorf("cannot write an answer as %s: %w", form, err)
		}
		head := held.Header()
		head.Set("Content-Type", form+"; charset=utf-8")
		if count != "" {
			head.Set("Total-Count", count)
		}
		if next != "" {
			query := c.Request().URL.Query()
			query.Set("cursor", next)
			head.Set("Link", "<"+c.Request().URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
		}
	}
	held.ResponseWriter.WriteHeader(held.status)
	_, err := held.ResponseWriter.Write(body)
	return err
}

// items are those of an answer, the cursor of the next page, and of how many they are the first, where that is told.
func (l *listing) items(body []byte) (items []json.RawMessage, next, count string, err error) {
	var answer map[string]json.RawMessage
	if err = json.Unmarshal(body, &answer); err != nil {
		return nil, "", "", err
	}
	if cursor, ok := answer["next"]; ok {
		if err = json.Unmarshal(cursor, &next); err != nil {
			return nil, "", "", err
		}
	}
	return items, next, string(answer["count"]), json.Unmarshal(answer[l.field], &items)
}

func (l *listing) write(form string, items []json.RawMessage) ([]byte, error) {
	var to bytes.Buffer
	if form == formLines {
		for _, item := range items {
			to.Write(item)
			to.WriteByte('\n')
		}
		return to.Bytes(), nil
	}
	record := make([]string, len(l.columns))
	for i, c := range l.columns {
		record[i] = strings.Join(c.path, ".")
	}
	writeRecord(&to, record)
	for _, item := range items {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(item, &fields); err != nil {
			return nil, err
		}
		for i, c := range l.columns {
			var err error
			if record[i], err = c.cell(fields); err != nil {
				return nil, err
			}
		}
		writeRecord(&to, record)
	}
	return to.Bytes(), nil
}

// cell is what a column has of an item's fields: a text, or a number, truth or
// list as JSON writes it; "" for null and for what is missing.
func (c column) cell(fields map[string]json.RawMessage) (string, error) {
	var value json.RawMessage
	for i, name := range c.path {
		if i > 0 {
			fields = nil
			if err := json.Unmarshal(value, &fields); err != nil {
				return "", err
			}
		}
		if value = fields[name]; value == nil || string(value) == "null" {
			return "", nil
		}
	}
	switch value[0] {
	case '"':
		var text string
		err := json.Unmarshal(value, &text)
		return unarmed(text), err
	case '[', '{':
		return unarmed(string(value)), nil
	}
	return string(value), nil
}

// formula finds where a spreadsheet could take a text for a formula: at the
// beginning, and, since some split at semicolons and tabs in spite of quotes,
// after these. Apostrophes that are there already are part of it, so that one
// more can be taken away again whatever the text was.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([\s\v\p{Z}\x{feff}"]*)('*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])`)

// unarmed is a text that no spreadsheet runs.
func unarmed(text string) string { return formula.ReplaceAllString(text, "$1$2'$3") }

// writeRecord writes a line of RFC 4180. Package encoding/csv changes line ends
// inside of texts.
func writeRecord(to *bytes.Buffer, record []string) {
	for i, cell := range record {
		if i > 0 {
			to.WriteByte(',')
		}
		if strings.ContainsAny(cell, "\",\r\n") {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		to.WriteString(cell)
	}
	to.WriteString("\r\n")
}

// preferred is the form that Accept likes most, of several the first; JSON for
// whoever takes anything or nothing that we have.
func preferred(accept []string) string {
	form, most := formJSON, 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := params["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if kind == "*/*" || kind == "application/*" {
			kind, weight = formJSON, weight/2 // A form that is named goes before any.
		}
		if weight > most && (kind == formJSON || kind == formCSV || kind == formLines) {
			form, most = kind, weight
		}
	}
	return form
}
