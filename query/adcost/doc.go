// Package adcost reads what people export from advertising platforms: a table
// of what ads cost by day, source and campaign.
//
// It is kind about form and strict about meaning. Columns stand in any order
// under the names that Google, Meta and LinkedIn give them; lines before the
// one that names the columns, and lines with totals, are passed over. Comma,
// semicolon or tab parts the cells, in UTF-8 or UTF-16. But nothing is guessed:
// what may be read in two ways (1,234 where semicolons part the cells;
// 05/11/2026 in a file where nothing tells day from month) is a fault, and a
// file with a fault is not taken at all. Every fault names its line, what is
// wrong and what to do.
//
// Lines about the same day, source, medium and campaign (exports by ad group, or
// by device) are added up.
package adcost
