package adcost

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode gives a file's text without byte order mark, or the first line that
// is no text.
func decode(body []byte) (text string, badLine int) {
	switch {
	case bytes.HasPrefix(body, []byte{0xff, 0xfe}): // Google's "Excel .csv"
		return fromUTF16(body[2:], binary.LittleEndian), 0
	case bytes.HasPrefix(body, []byte{0xfe, 0xff}):
		return fromUTF16(body[2:], binary.BigEndian), 0
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	for n, line := range bytes.Split(body, []byte("\n")) {
		if !utf8.Valid(line) {
			return "", n + 1
		}
	}
	return string(body), 0
}

func fromUTF16(body []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(body)/2)
	for i := range units {
		units[i] = order.Uint16(body[2*i:])
	}
	return string(utf16.Decode(units))
}

// record is a line, or several where a cell has line ends.
type record struct {
	line   int
	cells  []string // trimmed
	broken bool     // a quotation mark is wrong; no cells
}

func (r record) blank() bool {
	return !slices.ContainsFunc(r.cells, func(cell string) bool { return cell != "" })
}

func (r record) from(n int) record { return record{line: r.line, cells: r.cells[n:]} }

// cell is what stands under a column; "" where there is none.
func (r record) cell(c columns, name column) string {
	if i, ok := c[name]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

// summary is what Meta calls its line of sums.
var summary = regexp.MustCompile(`^results from \d+ (campaign|ad set|ad)s?$`)

// total tells whether a record sums others up.
func (p *parser) total(r record) bool {
	if summary.MatchString(strings.ToLower(r.cell(p.columns, campaign))) {
		return true
	}
	i := slices.IndexFunc(r.cells, func(cell string) bool { return cell != "" })
	first := strings.ToLower(r.cells[i])
	if first != "total" && !strings.HasPrefix(first, "total:") && !strings.HasPrefix(first, "total ") {
		return false
	}
	_, dated := p.dayOf(r.cell(p.columns, day))
	return !dated
}

func records(text string, separator rune) []record {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = separator, -1
	var all []record
	for {
		cells, err := reader.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return all
		case errors.As(err, &wrong):
			all = append(all, record{line: wrong.StartLine, broken: true})
			continue
		case err != nil: // A string can be read.
			return all
		}
		line, _ := reader.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, record{line: line, cells: cells})
	}
}

// column is what a cell means.
type column int

// The columns that are read.
const (
	day column = iota
	until
	source
	medium
	campaign
	cost
	currency
	clicks
	impressions
)

// columns are the places of those that a file has.
type columns map[column]int

// names are what exports call them, in lower case, the best first: where a
// file has several, the first of them is read.
func names() map[column][]string {
	return map[column][]string{
		day:         {"day", "date", "start date", "reporting starts"},
		until:       {"end date", "reporting ends"},
		source:      {"utm source", "source", "session source"},
		medium:      {"utm medium", "medium", "session medium"},
		campaign:    {"utm campaign", "campaign", "campaign name", "session campaign"},
		cost:        {"cost", "spend", "amount", "amount spent", "total spent", "total spend", "costs", "ad cost", "ad spend"},
		currency:    {"currency", "currency code", "account currency"},
		clicks:      {"clicks", "link clicks"},
		impressions: {"impressions", "impr."},
	}
}

// plainName is a heading without case, underscores and what stands in brackets,
// which is given by itself: Amount spent (EUR).
func plainName(heading string) (name, inBrackets string) {
	name = strings.ToLower(strings.ReplaceAll(heading, "_", " "))
	if i := strings.IndexByte(name, '('); i > 0 && strings.HasSuffix(name, ")") {
		name, inBrackets = name[:i], strings.ToUpper(name[i+1:len(name)-1])
	}
	return strings.Join(strings.Fields(name), " "), inBrackets
}

// headings finds the columns of a record.
func headings(cells []string) columns {
	plain := make([]string, len(cells))
	for i, cell := range cells {
		plain[i], _ = plainName(cell)
	}
	found := columns{}
	for what, all := range names() {
		for _, name := range all {
			if i := slices.Index(plain, name); i >= 0 {
				found[what] = i
				break
			}
		}
	}
	return found
}

// headerWithin is how many records may stand before the header: the title
// and the dates of a report.
const headerWithin = 20

// open finds out how cells are parted and what the columns are, and gives the
// records below.
func (p *parser) open(text string) ([]record, bool) {
	var best []record
	for _, separator := range []rune{',', ';', '\t'} {
		all := records(text, separator)
		for i, r := range all[:min(len(all), headerWithin)] {
			if found := headings(r.cells); len(found) > max(1, len(p.columns)) {
				best, p.columns, p.header, p.english = all[i+1:], found, r, separator == ','
				break
			}
		}
	}
	if p.columns == nil {
		p.fault(1, "No line names the columns", "Begin with a line such as day,source,campaign,cost")
		return nil, false
	}
	return best, p.complete()
}

// complete tells whether the header has what is needed.
func (p *parser) complete() bool {
	before := len(p.sheet.Faults)
	if _, ok := p.columns[day]; !ok {
		p.fault(p.header.line, "No column is called day or date", "Export the report by day, or name the column day")
	}
	if i, ok := p.columns[cost]; !ok {
		p.fault(p.header.line, "No column is called cost, spend or amount", "Name the column with the amounts cost")
	} else if _, said := plainName(p.header.cells[i]); isCurrency(said) {
		p.currency = said
	}
	if _, ok := p.columns[source]; !ok && strings.TrimSpace(p.options.Source) == "" {
		p.fault(p.header.line, "No column is called source", "Choose a source for the whole file, such as google, or add a column source")
	}
	p.twice()
	return len(p.sheet.Faults) == before
}

// twice refuses a heading that is there twice: nobody knows which is meant.
func (p *parser) twice() {
	seen := map[string]bool{}
	for i, heading := range p.header.cells {
		name, _ := plainName(heading)
		for _, at := range p.columns {
			first, _ := plainName(p.header.cells[at])
			if name == first && seen[name] && i != at {
				p.fault(p.header.line, "Two columns are called "+name, "Leave one of them out")
			}
		}
		seen[name] = true
	}
}
