package adcost

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strings"

	"sourceloop/schema"
)

// Limits of one file.
const (
	MaxLines  = 100_000 // with a cost
	MaxFaults = 100     // that are told; the rest is a number
	maxText   = 512     // bytes of a source, a medium or a campaign, as of a UTM value
)

// defaultMedium is what a cost without a medium has: an ad's click id gives its
// visit the same.
const defaultMedium = "cpc"

// Options are what a file leaves open.
type Options struct {
	Source   string // where the file has no such column; "" when nobody says
	Medium   string // likewise; cpc when nobody says
	Currency string // the one that is taken, ISO 4217
	Today    string // the last day that is taken, as 2026-11-23
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	Line int    // from 1
	Text string // what is wrong
	Todo string // what to do
}

// Sheet is what a file says.
type Sheet struct {
	Rows    []schema.AdCost // in the file's order, each day, source, medium and campaign once
	Lines   int             // with a cost
	Skipped int             // lines after the header that are totals
	Faults  []Fault         // by line, at most MaxFaults; with one, nothing else is to be used
	More    int             // faults beyond those
}

// Parse reads a file.
func Parse(body []byte, o Options) *Sheet {
	p := &parser{options: o, sheet: &Sheet{}, places: map[key]int{}}
	text, line := decode(body)
	if line > 0 {
		p.fault(line, "It has characters that are not UTF-8", "Save the file as CSV UTF-8 and upload it again")
		return p.sheet
	}
	table, ok := p.open(text)
	if !ok {
		return p.sheet
	}
	p.slashes = slashOrder(table, p.columns)
	for _, r := range table {
		p.read(r)
	}
	if p.sheet.Lines == 0 && len(p.sheet.Faults) == 0 {
		p.fault(p.header.line, "Nothing follows the line that names the columns", "Export days that have a cost")
	}
	return p.sheet
}

// key is what two lines that are added up have in common.
type key struct{ day, source, medium, campaign string }

// parser reads one file.
type parser struct {
	options  Options
	sheet    *Sheet
	header   record
	columns  columns
	currency string // that the header names, in Amount spent (EUR)
	english  bool   // cells are parted by commas
	slashes  slashes
	places   map[key]int // of rows
	sum      int64       // micros
}

func (p *parser) fault(line int, text, todo string) {
	if len(p.sheet.Faults) == MaxFaults {
		p.sheet.More++
		return
	}
	p.sheet.Faults = append(p.sheet.Faults, Fault{line, text + ".", todo + "."})
}

// read takes one record below the header.
func (p *parser) read(r record) {
	if r.broken {
		p.fault(r.line, "A quotation mark is not where one can be", `Put cells with commas or quotation marks in quotes, and write a quotation mark inside as ""`)
		return
	}
	if r.blank() {
		return
	}
	if p.total(r) {
		p.sheet.Skipped++
		return
	}
	if p.sheet.Lines++; p.sheet.Lines > MaxLines {
		if p.sheet.Lines == MaxLines+1 {
			p.fault(r.line, fmt.Sprintf("The file has more than %d lines", MaxLines), "Upload it in parts, such as month by month")
		}
		return
	}
	before := len(p.sheet.Faults) + p.sheet.More
	row := p.row(r)
	if len(p.sheet.Faults)+p.sheet.More == before {
		p.add(r.line, row)
	}
}

// row reads the cells; faults are noted.
func (p *parser) row(r record) schema.AdCost {
	var c schema.AdCost
	if !p.fits(r) {
		return c
	}
	at := func(name column) string { return r.cell(p.columns, name) }
	c.Day = p.day(r)
	c.Source = p.text(r.line, "source", cmp.Or(at(source), p.options.Source))
	c.Medium = p.text(r.line, "medium", cmp.Or(at(medium), p.options.Medium, defaultMedium))
	c.Campaign = p.text(r.line, "campaign", at(campaign))
	c.Source, c.Medium = strings.ToLower(c.Source), strings.ToLower(c.Medium)
	if c.Source == "" {
		p.fault(r.line, "It has no source", "Write where the visits came from, such as google, or choose a source for the whole file")
	}
	c.Currency = p.paidIn(r)
	c.Micros = p.money(r.line, at(cost))
	c.Clicks, c.Impressions = p.whole(r.line, "clicks", at(clicks)), p.whole(r.line, "impressions", at(impressions))
	return c
}

// fits tells whether a record has the header's cells.
func (p *parser) fits(r record) bool {
	n := len(p.header.cells)
	if len(r.cells) == n || len(r.cells) > n && r.from(n).blank() {
		return true
	}
	p.fault(r.line, fmt.Sprintf("It has %d cells, and line %d names %d columns", len(r.cells), p.header.line, n),
		`Put cells with commas in them in quotes, such as "1,234.50"`)
	return false
}

// text is a cell as a visit would have it.
func (p *parser) text(line int, name, value string) string {
	value = strings.TrimSpace(strings.Map(printable, value))
	if len(value) > maxText {
		p.fault(line, fmt.Sprintf("Its %s is longer than %d bytes", name, maxText), "Shorten it to what links have as utm_"+name)
		return ""
	}
	return value
}

// printable drops control characters.
func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

func isCurrency(text string) bool { return regexp.MustCompile(`^[A-Z]{3}$`).MatchString(text) }

// paidIn is the currency of a line, which must be the one that is taken.
func (p *parser) paidIn(r record) string {
	said := strings.ToUpper(cmp.Or(r.cell(p.columns, currency), p.currency, p.options.Currency))
	switch {
	case said == p.options.Currency:
	case !isCurrency(said):
		p.fault(r.line, fmt.Sprintf("%q is no currency", brief(said)), "Write its three letters, such as "+p.options.Currency)
	default:
		p.fault(r.line, fmt.Sprintf("It is in %s, and this workspace counts in %s: sums of both would mean nothing", said, p.options.Currency),
			"Convert the amounts to "+p.options.Currency+" and name that as the currency")
	}
	return p.options.Currency
}

// add puts a row behind the others, or its numbers to those of one that is there.
func (p *parser) add(line int, c schema.AdCost) {
	if p.sum > math.MaxInt64-c.Micros {
		p.fault(line, "The file's costs sum to more than can be counted", "Look whether the amounts are right")
		return
	}
	p.sum += c.Micros
	k := key{c.Day, c.Source, c.Medium, c.Campaign}
	i, there := p.places[k]
	if !there {
		p.places[k] = len(p.sheet.Rows)
		p.sheet.Rows = append(p.sheet.Rows, c)
		return
	}
	row := &p.sheet.Rows[i]
	row.Micros, row.Clicks, row.Impressions = row.Micros+c.Micros, row.Clicks+c.Clicks, row.Impressions+c.Impressions
}

// brief is a cell as words may repeat it.
func brief(text string) string {
	if runes := []rune(text); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return text
}
