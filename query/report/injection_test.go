package report

import (
	"bytes"
	"strings"
	"testing"
	"text/template"
	"time"

	"sourceloop/schema"
)

// statement writes the SQL that a funnel asks.
func statement(t *testing.T, statements *template.Template, f Funnel) (sql string, known bool) {
	t.Helper()
	b, err := buildFunnel(f)
	if err != nil {
		if schema.KindOf(err) != schema.KindInvalid {
			t.Fatalf("%+v: %v", f, err)
		}
		return "", false
	}
	var text bytes.Buffer
	source := &funnelSource{funnelBuild: b, scope: f.Scope, entry: "j." + string(f.Breakdown), Uncopied: "true", Changed: true}
	of := &reading{funnelSource: source, Apart: true, Chosen: true, Without: true, Entry: source.entry, Ranged: true}
	for _, name := range []string{"funnel_items", "funnel_journeys", "funnel_sessions", "funnel_conversion_rows"} {
		if err := statements.ExecuteTemplate(&text, name+".sql", of); err != nil {
			t.Fatal(err)
		}
	}
	return text.String(), true
}

// harmless is a value that is read as the given one: a path, or not.
func harmless(value string) string {
	if strings.HasPrefix(strings.TrimPrefix(value, "^"), "/") {
		return "/x"
	}
	return "x"
}

// FuzzFunnel: what people write into a funnel is bound, never part of the
// statement: that is the same as with a harmless word.
func FuzzFunnel(f *testing.F) {
	f.Add("pageview", "equals", "/pricing", "", "plan", "contains", "pro", "visitor", "channel")
	f.Add("event", "", "", "') OR 1=1 --", "a'{{.}}\\", "regex", "(", "contact", "source; DROP TABLE hits")
	f.Add("conversion", "glob", "^/*'?", "intercom_conversation", "{step0:String}", "glob", "\x00", "session", "")
	f.Add("pageview", "regex", "^/a(b", "x", "", "starts_with", "", "", "channel)")
	statements, err := template.ParseFS(files, "sql/*.sql")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, operator, value, name, key, compare, wanted, scope, breakdown string) {
		ask := func(value, name, key, wanted string) Funnel {
			step := Step{Type: kind, Operator: operator, Value: value, Name: name, Properties: []Property{{Key: key, Operator: compare, Value: wanted}}}
			return Funnel{
				Steps: []Step{step, {Type: "pageview", Operator: "equals", Value: "/"}, step}, Scope: Scope(scope), Window: time.Hour, Breakdown: Dimension(breakdown),
			}
		}
		sql, known := statement(t, statements, ask(value, name, key, wanted))
		if !known {
			return
		}
		plain, known := statement(t, statements, ask(harmless(value), "x", "x", harmless(wanted)))
		if known && sql != plain {
			t.Errorf("the statement\n%s\nis not\n%s", sql, plain)
		}
	})
}

// FuzzFilter: so it is with filters.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"source:is:google", "channel:is_not:(none)", "landing_page:contains:a:b'\\", "source:like:x", "::", "source:is:{filter0:String}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err != nil {
			if schema.KindOf(err) != schema.KindInvalid {
				t.Error(err)
			}
			return
		}
		arguments := map[string]any{}
		sql, err := conditions([]Filter{filter}, sessionColumn, arguments)
		plain, plainErr := conditions([]Filter{{filter.Dimension, filter.Operator, "x"}}, sessionColumn, map[string]any{})
		if err != nil || plainErr != nil || sql != plain {
			t.Errorf("%s instead of %s (%v, %v)", sql, plain, err, plainErr)
		}
		if got := arguments["filter0"]; got != filter.Value && filter.Value != None {
			t.Errorf("bound is %v", got)
		}
	})
}

// FuzzCursor: a cursor is a place in the list, or refused.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "1789891200500.ffffffffffffffffffffffffffffffff", "1.zz", ".", "-1.00", "99999999999999999999.ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		_, id, err := readCursor(cursor)
		if err != nil && schema.KindOf(err) != schema.KindInvalid || err == nil && len(id) != 32 {
			t.Errorf("%q: %q, %v", cursor, id, err)
		}
	})
}
