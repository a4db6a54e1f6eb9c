package adcost

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// firstDay is the first that is taken.
const firstDay = "2000-01-01"

// layouts of days that can be read in one way only.
func layouts() []string {
	return []string{
		time.DateOnly, "2006/1/2", "20060102", "2.1.2006", "Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006",
		"Mon, Jan 2, 2006", "Mon, 2 Jan 2006", "Monday, January 2, 2006",
	}
}

// slashes is the order of days like 11/23/2026, of which a file has one.
type slashes string

const (
	unknownOrder slashes = ""
	monthFirst   slashes = "1/2/2006"
	dayFirst     slashes = "2/1/2006"
)

// slashOrder is the one that all days of a file can be read in, when only one
// can.
func slashOrder(table []record, c columns) slashes {
	american, european := true, true
	for _, r := range table {
		first, rest, ok := strings.Cut(r.cell(c, day), "/")
		second, _, _ := strings.Cut(rest, "/")
		a, errA := strconv.Atoi(first)
		b, errB := strconv.Atoi(second)
		if !ok || errA != nil || errB != nil || a > 31 {
			continue
		}
		american, european = american && a <= 12, european && b <= 12
	}
	switch {
	case american && !european:
		return monthFirst
	case european && !american:
		return dayFirst
	}
	return unknownOrder
}

// day reads a line's day as 2026-11-23.
func (p *parser) day(r record) string {
	text := r.cell(p.columns, day)
	found, ok := p.dayOf(text)
	last := found
	if end := r.cell(p.columns, until); ok && end != "" {
		last, ok = p.dayOf(end)
	}
	switch {
	case text == "":
		p.fault(r.line, "It has no day", "Write it as 2026-11-23")
	case !ok && strings.Count(text, "/") == 2:
		p.fault(r.line, fmt.Sprintf("Whether %q begins with its day or its month cannot be told", brief(text)), "Write days as 2026-11-23")
	case !ok:
		p.fault(r.line, fmt.Sprintf("%q is no day", brief(text)), "Write it as 2026-11-23")
	case last != found:
		p.fault(r.line, "It is about several days, "+found+" to "+last, "Export the report by day")
	case found > p.options.Today:
		p.fault(r.line, found+" lies ahead", "Look whether the day is right")
	case found < firstDay:
		p.fault(r.line, found+" is too long ago", "Look whether the day is right")
	}
	return found
}

func (p *parser) dayOf(text string) (string, bool) {
	all := layouts()
	if p.slashes != unknownOrder {
		all = append(all, string(p.slashes))
	}
	for _, layout := range all {
		if at, err := time.Parse(layout, text); err == nil {
			return at.Format(time.DateOnly), true
		}
	}
	return "", false
}

// maxUnits is more than anybody pays for a day's campaign, in any currency.
const maxUnits = 1_000_000_000_000

// money reads an amount in millionths.
func (p *parser) money(line int, text string) int64 {
	if text == "--" { // Google's word for nothing.
		return 0
	}
	const todo = "Write it as 1234.50, without a sign of its currency"
	if text == "" {
		p.fault(line, "It has no cost", "Write 0 where nothing was paid")
		return 0
	}
	units, decimals, ambiguous, ok := p.parts(text)
	switch {
	case strings.HasPrefix(text, "-") || strings.HasPrefix(text, "−"):
		p.fault(line, "Its cost is less than nothing", "Upload what was paid, with refunds taken off the day that they are for")
	case ambiguous:
		p.fault(line, fmt.Sprintf("Whether %q has thousands or decimals cannot be told", brief(text)), "Write it with two decimals, such as 1234.50")
	case !ok:
		p.fault(line, fmt.Sprintf("%q is no amount", brief(text)), todo)
	}
	if ambiguous || !ok {
		return 0
	}
	whole, err := strconv.ParseInt(units, 10, 64)
	if err != nil || whole > maxUnits {
		p.fault(line, fmt.Sprintf("%q is more than can be counted", brief(text)), "Look whether the amount is right")
		return 0
	}
	return whole*1_000_000 + millionths(decimals)
}

// millionths are decimals as a whole number, rounded half up.
func millionths(decimals string) int64 {
	fraction, err := strconv.ParseFloat("0."+decimals+"0", 64)
	if err != nil { // Only digits come here.
		return 0
	}
	return int64(math.Floor(fraction*1_000_000 + 0.5))
}

// parts takes a number apart into the digits before and after its decimal
// separator.
func (p *parser) parts(text string) (units, decimals string, ambiguous, ok bool) {
	dots, commas := strings.Count(text, "."), strings.Count(text, ",")
	at := max(strings.LastIndexByte(text, '.'), strings.LastIndexByte(text, ','))
	separates := at >= 0
	if separates && (dots == 0 || commas == 0) {
		switch after := text[at+1:]; {
		case dots+commas > 1:
			separates = false // Only thousands come more than once.
		case len(after) != 3 || strings.Trim(text[:at], "0") == "":
		case p.english:
			separates = text[at] == '.'
		default:
			return "", "", true, false
		}
	}
	if !separates {
		units, ok = ungrouped(text)
		return units, "", false, ok
	}
	units, ok = ungrouped(text[:at])
	decimals = text[at+1:]
	ok = ok && digits(decimals) && len(text) > 1 && !strings.ContainsRune(text[:at], rune(text[at]))
	return units, decimals, false, ok
}

// ungrouped takes the marks between thousands out of digits; nothing is 0.
func ungrouped(text string) (string, bool) {
	for _, mark := range []string{",", ".", " ", "\u00a0", "\u202f", "'", "’"} {
		if !strings.Contains(text, mark) {
			continue
		}
		groups := strings.Split(text, mark)
		for i, g := range groups {
			if !digits(g) || len(g) > 3 || i > 0 && len(g) != 3 || g == "" {
				return "", false
			}
		}
		return strings.Join(groups, ""), true
	}
	if text == "" {
		return "0", true
	}
	return text, digits(text)
}

func digits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// whole reads a number of clicks or impressions; 0 where nothing is said.
func (p *parser) whole(line int, name, text string) uint64 {
	if text == "" || text == "--" {
		return 0
	}
	plain, ok := ungrouped(text)
	n, err := strconv.ParseUint(plain, 10, 48)
	if !ok || err != nil {
		p.fault(line, fmt.Sprintf("%q is no number of %s", brief(text), name), "Write it as a whole number, such as 1234")
	}
	return n
}
