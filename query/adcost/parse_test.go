package adcost_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"sourceloop/query/adcost"
	"sourceloop/schema"
)

func options() adcost.Options { return adcost.Options{Currency: "EUR", Today: "2026-11-26"} }

// google is a row of google / cpc.
func google(day, campaign string, micros int64, clicks, impressions uint64) schema.AdCost {
	return schema.AdCost{Day: day, Source: "google", Medium: "cpc", Campaign: campaign, Currency: "EUR", Micros: micros, Clicks: clicks, Impressions: impressions}
}

func TestFilesThatAreTaken(t *testing.T) {
	brand := google("2026-11-23", "brand", 1234_500_000, 0, 0)
	wide := utf16.Encode([]rune("Campaign report\nDay\tCampaign\tCost\tCurrency code\n2026-11-23\tbrand\t1234.50\tEUR\n"))
	excel := []byte{0xff, 0xfe}
	for _, unit := range wide {
		excel = binary.LittleEndian.AppendUint16(excel, unit)
	}
	for name, c := range map[string]struct {
		file    string
		want    []schema.AdCost
		lines   int
		skipped int
	}{
		"plain":                       {"day,source,medium,campaign,cost\n2026-11-23,Google,CPC,brand,1234.5\n", []schema.AdCost{brand}, 1, 0},
		"any order, BOM, CRLF":        {"\ufeffcost,campaign,source,date\r\n\"1,234.50\",brand,google,2026-11-23\r\n\r\n", []schema.AdCost{brand}, 1, 0},
		"semicolons, decimal comma":   {"Day;Campaign;Spend;source\n23.11.2026;brand;1.234,50;google\n", []schema.AdCost{brand}, 1, 0},
		"no line end":                 {"utm_source,utm_campaign,day,amount\ngoogle,brand,20261123,1234.50", []schema.AdCost{brand}, 1, 0},
		"a Swiss number":              {"day,campaign,cost\n2026-11-23,brand,1'234.5\n", []schema.AdCost{brand}, 1, 0},
		"a French number":             {"day;campaign;cost\n2026-11-23;brand;1\u202f234,5\n", []schema.AdCost{brand}, 1, 0},
		"UTF-16 with tabs":            {string(excel), []schema.AdCost{brand}, 1, 0},
		"empty cells behind the last": {"day,campaign,cost\n2026-11-23,brand,1234.50,,\n", []schema.AdCost{brand}, 1, 0},
		"days with slashes of which one tells the order": {
			"day,campaign,cost\n11/23/2026,brand,1\n11/05/2026,brand,0.000001\n",
			[]schema.AdCost{google("2026-11-23", "brand", 1_000_000, 0, 0), google("2026-11-05", "brand", 1, 0, 0)}, 2, 0,
		},
		"Google's, with title and totals": {
			"Campaign report\n\"November 1, 2026 - November 23, 2026\"\nCampaign,Day,Currency code,Cost,Impr.,Clicks\n" +
				"brand,\"Mon, Nov 23, 2026\",EUR,\"1,234.50\",\"12,000\",7\nTotal: Account, --,EUR,\"1,234.50\",\"12,000\",7\n",
			[]schema.AdCost{google("2026-11-23", "brand", 1234_500_000, 7, 12000)}, 1, 1,
		},
		"Meta's": {
			"Reporting starts,Reporting ends,Campaign name,Amount spent (EUR),Link clicks,Impressions\n" +
				"2026-11-23,2026-11-23,brand,1234.5,7,12000\n2026-11-23,2026-11-23,Results from 1 campaign,1234.5,7,12000\n",
			[]schema.AdCost{google("2026-11-23", "brand", 1234_500_000, 7, 12000)}, 1, 1,
		},
		"LinkedIn's": {
			"Start Date (in UTC),Campaign Group Name,Campaign Name,Total Spent,Currency,Clicks,Impressions\n11/23/2026,all,brand,1234.50,EUR,7,12000\n",
			[]schema.AdCost{google("2026-11-23", "brand", 1234_500_000, 7, 12000)}, 1, 0,
		},
		"lines that are added up": {
			"day,campaign,cost,clicks\n2026-11-23,brand,0.1,1\n2026-11-23,Brand,3,5\n2026-11-23,brand,0.2,2\n",
			[]schema.AdCost{google("2026-11-23", "brand", 300_000, 3, 0), google("2026-11-23", "Brand", 3_000_000, 5, 0)}, 3, 0,
		},
		"a campaign that is called total": {"campaign,day,cost\nTotal relaunch,2026-11-23,1\n", []schema.AdCost{google("2026-11-23", "Total relaunch", 1_000_000, 0, 0)}, 1, 0},
		"nothing paid":                    {"day,campaign,cost\n2026-11-23,,--\n", []schema.AdCost{google("2026-11-23", "", 0, 0, 0)}, 1, 0},
		"a thousand in English":           {"day,campaign,cost\n2026-11-23,x,\"1,234\"\n", []schema.AdCost{google("2026-11-23", "x", 1234_000_000, 0, 0)}, 1, 0},
		"three decimals in English":       {"day,campaign,cost\n2026-11-23,x,1.234\n", []schema.AdCost{google("2026-11-23", "x", 1_234_000, 0, 0)}, 1, 0},
		"three decimals of nothing":       {"day;campaign;cost\n2026-11-23;x;0,123\n", []schema.AdCost{google("2026-11-23", "x", 123_000, 0, 0)}, 1, 0},
		"decimals beyond millionths":      {"day,campaign,cost\n2026-11-23,x,0.9999999\n", []schema.AdCost{google("2026-11-23", "x", 1_000_000, 0, 0)}, 1, 0},
	} {
		o := options()
		o.Source = "google"
		got := adcost.Parse([]byte(c.file), o)
		if len(got.Faults) > 0 || fmt.Sprint(got.Rows) != fmt.Sprint(c.want) || got.Lines != c.lines || got.Skipped != c.skipped {
			t.Errorf("%s: got %+v, want %+v of %d lines, %d skipped", name, got, c.want, c.lines, c.skipped)
		}
	}
}

func TestFaultsNameTheirLine(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		line int
		text string // a part
	}{
		"empty":               {"", 1, "names the columns"},
		"no table":            {"hello\nworld\n", 1, "names the columns"},
		"header alone":        {"day,source,cost\n", 1, "Nothing follows"},
		"no day":              {"source,campaign,cost\na,b,1\n", 1, "No column is called day"},
		"no cost":             {"title\nday,source,campaign\n2026-11-23,a,b\n", 2, "No column is called cost"},
		"no source":           {"day,campaign,cost\n2026-11-23,b,1\n", 1, "No column is called source"},
		"twice":               {"day,source,cost,cost\n2026-11-23,a,1,2\n", 1, "Two columns are called cost"},
		"bad day":             {"day,source,cost\n\n2026-02-30,a,1\n", 3, "is no day"},
		"no day in a line":    {"day,source,cost\n,a,1\n", 2, "has no day"},
		"either order":        {"day,source,cost\n05/11/2026,a,1\n", 2, "cannot be told"},
		"both orders":         {"day,source,cost\n25/11/2026,a,1\n11/25/2026,a,1\n", 2, "cannot be told"},
		"days ahead":          {"day,source,cost\n2026-11-27,a,1\n", 2, "lies ahead"},
		"days of long ago":    {"day,source,cost\n1999-12-31,a,1\n", 2, "too long ago"},
		"several days":        {"reporting starts,reporting ends,source,spend\n2026-11-01,2026-11-23,a,1\n", 2, "several days"},
		"another currency":    {"day,source,cost,currency\n2026-11-23,a,1,eur\n2026-11-23,a,1,USD\n", 3, "It is in USD"},
		"currency in heading": {"day,source,amount spent (USD)\n2026-11-23,a,1\n", 2, "It is in USD"},
		"no currency":         {"day,source,cost,currency\n2026-11-23,a,1,euros\n", 2, "is no currency"},
		"no amount":           {"day,source,cost\n2026-11-23,a,free\n", 2, "is no amount"},
		"a sign":              {"day,source,cost\n2026-11-23,a,€5\n", 2, "is no amount"},
		"only a point":        {"day,source,cost\n2026-11-23,a,.\n", 2, "is no amount"},
		"wrong groups":        {"day,source,cost\n2026-11-23,a,\"12,34,5.00\"\n", 2, "is no amount"},
		"nothing":             {"day,source,cost\n2026-11-23,a,\n", 2, "has no cost"},
		"negative":            {"day,source,cost\n2026-11-23,a,-5\n", 2, "less than nothing"},
		"thousand or one":     {"day;source;cost\n2026-11-23;a;1,234\n", 2, "cannot be told"},
		"too much":            {"day,source,cost\n2026-11-23,a,1000000000001\n", 2, "more than can be counted"},
		"cells":               {"day,source,cost\n2026-11-23,a,1,234.50\n", 2, "has 4 cells"},
		"quotes":              {"day,source,cost\n2026-11-23,a\"b,1\n", 2, "quotation mark"},
		"open quotes":         {"day,source,cost\n2026-11-23,\"a,1\n", 2, "quotation mark"},
		"Latin 1":             {"day,source,cost\n2026-11-23,caf\xe9,1\n", 2, "not UTF-8"},
		"clicks":              {"day,source,cost,clicks\n2026-11-23,a,1,many\n", 2, "number of clicks"},
		"empty source":        {"day,source,cost\n2026-11-23,,1\n", 2, "has no source"},
		"long campaign":       {"day,source,campaign,cost\n2026-11-23,a," + strings.Repeat("x", 600) + ",1\n", 2, "longer than"},
	} {
		got := adcost.Parse([]byte(c.file), options())
		if len(got.Faults) == 0 || got.Faults[0].Line != c.line || !strings.Contains(got.Faults[0].Text, c.text) || got.Faults[0].Todo == "" {
			t.Errorf("%s: %+v, want line %d to say %q", name, got.Faults, c.line, c.text)
		}
	}
}

func TestEveryFaultIsTold(t *testing.T) {
	got := adcost.Parse([]byte("day,source,cost\nx,,y\n2026-11-23,a,1\nz,a,1\n"), options())
	if len(got.Faults) != 4 || got.Faults[3].Line != 4 {
		t.Errorf("got %+v", got.Faults)
	}
	got = adcost.Parse([]byte("day,source,cost\n"+strings.Repeat("x,a,1\n", 250)), options())
	if len(got.Faults) != adcost.MaxFaults || got.More != 150 {
		t.Errorf("%d faults and %d more", len(got.Faults), got.More)
	}
	got = adcost.Parse([]byte("day,source,cost\n"+strings.Repeat("2026-11-23,a,1\n", adcost.MaxLines+5)), options())
	if len(got.Faults) != 1 || got.Faults[0].Line != adcost.MaxLines+2 {
		t.Errorf("got %+v", got.Faults)
	}
}

// TestWhatIsWrittenIsRead: random rows, written in a random one of the forms
// that are known, are read as they are.
func TestWhatIsWrittenIsRead(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 500 {
		var want []schema.AdCost
		separator := []string{",", ";", "\t"}[random.IntN(3)]
		lines := []string{strings.Join([]string{"date", "source", "medium", "campaign", "spend", "clicks", "impressions"}, separator)}
		for n := range 1 + random.IntN(5) {
			c := schema.AdCost{
				Day: fmt.Sprintf("2026-0%d-%02d", 1+random.IntN(9), 1+random.IntN(28)), Source: []string{"google", "meta"}[random.IntN(2)],
				Medium: []string{"cpc", "paid"}[random.IntN(2)], Campaign: fmt.Sprintf("c,;\"\t%d", n), Currency: "EUR",
				Micros: random.Int64N(10_000_000) * 10_000, Clicks: random.Uint64N(5000), Impressions: random.Uint64N(5_000_000),
			}
			want = append(want, c)
			campaign := strings.ReplaceAll(c.Campaign, `"`, `""`)
			amount := fmt.Sprintf("%d.%02d", c.Micros/1_000_000, c.Micros/10_000%100)
			if random.IntN(2) == 0 {
				amount = grouped(c.Micros/1_000_000, ",") + amount[len(amount)-3:]
			}
			if separator == ";" {
				amount = strings.NewReplacer(",", ".", ".", ",").Replace(amount)
			}
			lines = append(lines, strings.Join([]string{
				c.Day, c.Source, c.Medium, `"` + campaign + `"`, `"` + amount + `"`, fmt.Sprint(c.Clicks), `"` + grouped(int64(c.Impressions), ",") + `"`,
			}, separator))
		}
		for i := range want { // Control characters are taken out, as of links.
			want[i].Campaign = strings.ReplaceAll(want[i].Campaign, "\t", "")
		}
		file := strings.Join(lines, []string{"\n", "\r\n"}[random.IntN(2)])
		if got := adcost.Parse([]byte(file), options()); len(got.Faults) > 0 || fmt.Sprint(got.Rows) != fmt.Sprint(want) {
			t.Fatalf("%s\ngot  %+v\nwant %+v", file, got, want)
		}
	}
}

func grouped(n int64, mark string) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + mark + text[i:]
	}
	return text
}

// FuzzParse: whatever comes, there are rows that make sense or faults with
// lines, and nothing in between.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"day,source,medium,campaign,cost\n2026-11-23,google,cpc,brand,1234.5\n", "Day;Spend;source\n23.11.2026;1.234,50;google\n",
		"\xff\xfeD\x00a\x00y\x00", "day,cost,source\n11/23/2026,\"1,234\",x\n\"", "date\tamount\tsource\n--\t--\t--\nTotal\t\t\n", "day,cost\n,\n\x00,\xff\n",
		"day,cost,source\n2026-11-23,99999999999999999999,x\n", "day,source,cost,cost\n2026-11-23,a,1,2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := adcost.Parse(body, options())
		if len(got.Faults) == 0 && len(got.Rows) == 0 {
			if got.Skipped == 0 {
				t.Errorf("nothing was read and nothing said: %+v", got)
			}
		}
		lines := 1 + strings.Count(string(body), "\n") + strings.Count(string(body), "\r") + len(body)/2
		for _, fault := range got.Faults {
			if fault.Line < 1 || fault.Line > lines || fault.Text == "." || fault.Todo == "." {
				t.Errorf("a fault without sense: %+v", fault)
			}
		}
		for i := range got.Rows {
			row := &got.Rows[i]
			if _, err := time.Parse(time.DateOnly, row.Day); err != nil || row.Day > "2026-11-26" || row.Micros < 0 || row.Currency != "EUR" ||
				row.Medium == "" || strings.ContainsAny(row.Source+row.Medium+row.Campaign, "\n\x00") || len(row.Campaign) > 512 {
				t.Errorf("a row without sense: %+v", row)
			}
			for j := range i {
				if row.Same(&got.Rows[j]) {
					t.Errorf("%+v is there twice", row)
				}
			}
		}
		if len(got.Faults) == 0 && len(got.Rows) > 0 && !again(got) {
			t.Error("what was read cannot be read again")
		}
	})
}

// again writes rows plainly and reads them.
func again(s *adcost.Sheet) bool {
	var b strings.Builder
	b.WriteString("day,source,medium,campaign,cost,clicks,impressions\n")
	for _, r := range s.Rows {
		if strings.HasPrefix(strings.ToLower(r.Campaign), "results from") {
			return true
		}
		quoted := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d.%06d,%d,%d\n", r.Day, quoted(r.Source), quoted(r.Medium), quoted(r.Campaign), r.Micros/1_000_000, r.Micros%1_000_000, r.Clicks, r.Impressions)
	}
	got := adcost.Parse([]byte(b.String()), options())
	return len(got.Faults) == 0 && fmt.Sprint(got.Rows) == fmt.Sprint(s.Rows)
}
