package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"
)

func TestPreferredForm(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                 formJSON,
		"*/*":                              formJSON,
		"text/html, application/xml;q=0.9": formJSON,
		"text/csv":                         formCSV,
		"Text/CSV; charset=utf-8":          formCSV,
		"*/*, text/csv":                    formCSV,
		"text/csv;q=0.5, application/json": formJSON,
		"text/csv;q=0":                     formJSON,
		"text/csv;q=x":                     formJSON,
		"application/x-ndjson, text/csv":   formLines,
		"application/json;q=0.1, application/x-ndjson;q=0.2, ;;;": formLines,
	} {
		if got := preferred([]string{accept}); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
}

// TestColumns: what is in files does not change by itself.
func TestColumns(t *testing.T) {
	lists := contractLists(t)
	for address, want := range map[string]string{
		"GET /api/v1/attribution":             "key,conversions,value,sessions,",
		"GET /api/v1/attribution/conversions": "id,contact,name,at,value,credit,credited_value\r\n",
		"GET /api/v1/contacts":                "id,email,phone,name,stage,created_at,converted_at,first_touch.channel,first_touch.source,",
	} {
		text, err := lists[address].write(formCSV, nil)
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %s (%v)", address, text, err)
		}
	}
}

// TestFilesAreWhole: a file of a list without pages has as many items as may be asked for, unless it is asked for fewer; JSON and lists with
// pages have as many as they say themselves.
func TestFilesAreWhole(t *testing.T) {
	operations, err := readContract(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files := newLines(operations)
	for _, c := range []struct{ path, query, accept, want string }{
		{"/api/v1/attribution", "", formCSV, "100000"},
		{"/api/v1/attribution", "dimension=source", formLines, "100000"},
		{"/api/v1/attribution", "limit=7", formCSV, "7"},
		{"/api/v1/attribution", "limit=7", formLines, "7"},
		{"/api/v1/attribution", "limit=7", formJSON, "7"},
		{"/api/v1/attribution", "", formJSON, ""},
		{"/api/v1/contacts", "", formCSV, ""},
		{"/api/v1/contacts", "limit=7", formLines, "7"},
	} {
		e, limit := echo.New(), "the handler was not asked"
		e.GET(c.path, func(c echo.Context) error {
			limit = c.Request().URL.Query().Get("limit")
			if other := c.QueryParam("limit"); other != limit {
				t.Errorf("one who reads the address is asked for %q items, one who asks for parameters for %q", limit, other)
			}
			return c.JSON(http.StatusOK, map[string]any{"rows": []any{}, "items": []any{}})
		}, files.middleware)
		request := httptest.NewRequest(http.MethodGet, c.path+"?"+c.query, nil)
		request.Header.Set("Accept", c.accept)
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, request)
		if kind := answer.Header().Get("Content-Type"); answer.Code != http.StatusOK || !strings.HasPrefix(kind, c.accept) || limit != c.want {
			t.Errorf("%s?%s as %s asks for %q items and answers %d with %s; want %q", c.path, c.query, c.accept, limit, answer.Code, kind, c.want)
		}
	}
}

func TestFormulasAreTexts(t *testing.T) {
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+49301": "'+49301", "-2": "'-2", "@SUM(A1)": "'@SUM(A1)", "'=x": "''=x", "  =x": "  '=x",
		"a;=x": "a;'=x", "\t=x": "\t'=x", "＝x": "'＝x", "a=b": "a=b", "'t Hooft": "'t Hooft", "a-b": "a-b", "": "",
	} {
		if got := unarmed(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestFilesReadBack: what is written as CSV reads back as it was, whatever a
// visitor put into it, and no cell begins as a formula.
func TestFilesReadBack(t *testing.T) {
	list := contractLists(t)["GET /api/v1/attribution"]
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("'=+-@;,\"\r\n\t a＝")), 0, 12, -1))
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) AttributionRow {
			return AttributionRow{
				Key: texts.Draw(t, "key"), SecondKey: new(texts.Draw(t, "second")),
				Conversions: rapid.Float64().Draw(t, "conversions"), Value: rapid.Float64().Draw(t, "value"), Sessions: rapid.Int64().Draw(t, "sessions"),
			}
		})).Draw(t, "rows")
		readBack(t, list, rows)
	})
}

func FuzzFile(f *testing.F) {
	f.Add("=HYPERLINK(\"https://bad.example\")", "a;\t'=x\r\n\"", -1.5)
	list := contractLists(f)["GET /api/v1/attribution"]
	f.Fuzz(func(t *testing.T, key, second string, value float64) {
		if value-value != 0 {
			t.Skip("JSON has no such number") // Nor has an answer.
		}
		readBack(t, list, []AttributionRow{{Key: strings.ToValidUTF8(key, "?"), SecondKey: new(strings.ToValidUTF8(second, "?")), Value: value}})
	})
}

func contractLists(t testing.TB) map[string]*listing {
	t.Helper()
	operations, err := readContract(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return newLines(operations).lists
}

// readBack writes rows as an answer, the answer as CSV, and compares.
func readBack(t rapid.TB, list *listing, rows []AttributionRow) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"rows": rows, "total": 1})
	if err != nil {
		t.Fatal(err)
	}
	items, _, _, err := list.items(body)
	if err != nil {
		t.Fatal(err)
	}
	file, err := list.write(formCSV, items)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readRecords(file)
	if err != nil || len(records) != len(rows)+1 {
		t.Fatalf("%d records of %d rows (%v): %q", len(records), len(rows), err, file)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	for i, row := range rows {
		got := records[i+1]
		var again AttributionRow
		numbers := `{"conversions":` + got[at["conversions"]] + `,"value":` + got[at["value"]] + `,"sessions":` + got[at["sessions"]] + `}`
		if err := json.Unmarshal([]byte(numbers), &again); err != nil {
			t.Fatalf("%v in %s", err, numbers)
		}
		key, second := armed(got[at["key"]]), armed(got[at["second_key"]])
		if key != row.Key || second != *row.SecondKey || again.Conversions != row.Conversions || again.Value != row.Value || again.Sessions != row.Sessions {
			t.Errorf("got %q, want %+v", got, row)
		}
		for _, cell := range []string{got[at["key"]], got[at["second_key"]]} {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "@") {
				t.Errorf("a spreadsheet runs %q", cell)
			}
		}
		if got[at["compare_value"]] != "" {
			t.Errorf("what was not asked is %q", got[at["compare_value"]])
		}
	}
}

// armed takes the apostrophes away that were put before formulas.
func armed(text string) string {
	return formula.ReplaceAllStringFunc(text, func(found string) string {
		return strings.Replace(found, "'", "", 1)
	})
}

// readRecords reads RFC 4180 to the letter: encoding/csv changes line ends
// inside of cells.
func readRecords(file []byte) (records [][]string, err error) {
	for len(file) > 0 {
		var record []string
		for {
			var cell string
			if cell, file, err = readCell(file); err != nil {
				return nil, err
			}
			record = append(record, cell)
			if bytes.HasPrefix(file, []byte("\r\n")) {
				break
			}
			if !bytes.HasPrefix(file, []byte(",")) {
				return nil, errors.New("a cell does not end")
			}
			file = file[1:]
		}
		file, records = file[2:], append(records, record)
	}
	return records, nil
}

func readCell(file []byte) (cell string, rest []byte, err error) {
	if !bytes.HasPrefix(file, []byte(`"`)) {
		end := bytes.IndexAny(file, ",\r\n\"")
		if end < 0 {
			return "", nil, errors.New("the last line does not end")
		}
		return string(file[:end]), file[end:], nil
	}
	var text []byte
	for i := 1; i < len(file); i++ {
		if file[i] != '"' {
			text = append(text, file[i])
			continue
		}
		if i+1 < len(file) && file[i+1] == '"' {
			text, i = append(text, '"'), i+1
			continue
		}
		return string(text), file[i+1:], nil
	}
	return "", nil, errors.New("a quote does not end")
}
