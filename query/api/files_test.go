package api_test

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"sourceloop/control"
)

// TestListsAsFiles: CSV and lines of JSON say what JSON says, page by page;
// refusals stay problems.
func TestListsAsFiles(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	for _, path := range []string{
		"/api/v1/contacts?", "/api/v1/attribution?dimension=source&second_dimension=campaign&model=linear&", "/api/v1/attribution/conversions?dimension=source&key=google&model=linear&",
		"/api/v1/paths?repeats=true&", "/api/v1/content?", "/api/v1/locations?",
	} {
		var answer struct {
			Items, Rows []json.RawMessage
		}
		c.want(200, "GET", path, nil).into(t, &answer)
		items := append(answer.Items, answer.Rows...)
		if len(items) == 0 {
			t.Errorf("%s has nothing", path)
		}
		a := c.want(200, "GET", path, nil, "Accept", "application/x-ndjson")
		var want strings.Builder
		for _, item := range items {
			want.Write(item)
			want.WriteByte('\n')
		}
		if string(a.body) != want.String() || a.header.Get("Content-Type") != "application/x-ndjson; charset=utf-8" {
			t.Errorf("%s: %s\n%s, want\n%s", path, a.header.Get("Content-Type"), a.body, want.String())
		}
		a = c.want(200, "GET", path, nil, "Accept", "text/csv")
		records, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
		if err != nil || len(records) != len(items)+1 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" || a.header.Get("Vary") == "" {
			t.Errorf("%s: %d records of %d items (%v): %v", path, len(records), len(items), err, a.header)
		}
		for i, item := range items {
			var fields map[string]any
			if err = json.Unmarshal(item, &fields); err != nil {
				t.Fatal(err)
			}
			compareRecord(t, records[0], records[i+1], fields)
		}
	}
	contains(t, string(c.want(400, "GET", "/api/v1/attribution?dimension=shoe", nil, "Accept", "text/csv").body), "landing_page")
	c.want(401, "GET", "/api/v1/contacts", nil, "Accept", "text/csv", "Authorization", "Bearer none")
}

// compareRecord looks at what stands in a line for texts and numbers of an item,
// those inside of others included.
func compareRecord(t *testing.T, names, record []string, fields map[string]any) {
	t.Helper()
	for i, name := range names {
		value := any(fields)
		for part := range strings.SplitSeq(name, ".") {
			within, _ := value.(map[string]any) // What is not there has nothing inside.
			value = within[part]
		}
		switch value := value.(type) {
		case nil:
			if record[i] != "" {
				t.Errorf("%s is %q, and there is none", name, record[i])
			}
		case string:
			if record[i] != value {
				t.Errorf("%s is %q, want %q", name, record[i], value)
			}
		case float64:
			if got, err := strconv.ParseFloat(record[i], 64); err != nil || got != value {
				t.Errorf("%s is %q, want %v", name, record[i], value)
			}
		}
	}
}

// TestNextPageOfAFile: the header Link leads to it.
func TestNextPageOfAFile(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Viewer)
	first := c.want(200, "GET", "/api/v1/contacts?limit=1&q=a.example", nil, "Accept", "text/csv")
	contains(t, string(first.body), "ada@a.example")
	link, rel, _ := strings.Cut(strings.TrimPrefix(first.header.Get("Link"), "<"), ">; ")
	if at, err := url.Parse(link); err != nil || at.Query().Get("limit") != "1" || at.Query().Get("q") != "a.example" || rel != `rel="next"` {
		t.Fatalf("the link is %q", first.header.Get("Link"))
	}
	second := c.want(200, "GET", link, nil, "Accept", "text/csv")
	contains(t, string(second.body), "bob@a.example")
	if second.header.Get("Link") != "" || strings.Contains(string(second.body), "ada@a.example") {
		t.Errorf("the last page is %v %s", second.header, second.body)
	}
}
