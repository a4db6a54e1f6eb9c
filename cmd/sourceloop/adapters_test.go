package main

import (
	"slices"
	"strings"
	"testing"

	"sourceloop/schema"
)

// TestAnEpochIsAboveEveryRow: an owner that starts after a loss of Redis takes
// an epoch above all rows with versions, whatever table they are in; a row that
// was credited without anything else being written is one.
func TestAnEpochIsAboveEveryRow(t *testing.T) {
	b := newBench(t)
	rows, err := b.conn.Query(t.Context(), `SELECT table, type FROM system.columns WHERE database = currentDatabase() AND name = 'version'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table, kind string
		if err := rows.Scan(&table, &kind); err != nil {
			t.Fatal(err)
		}
		// Of two hits with one id the earlier one stands, and nobody owns them; nor does anybody what people upload.
		if table != "hits" && table != "ad_costs" && !strings.HasPrefix(table, "goose") {
			tables = append(tables, table)
		}
	}
	if !slices.Contains(tables, "conversions") || !slices.Contains(tables, "sessions") {
		t.Fatalf("only %v have versions", tables)
	}
	for i, table := range tables {
		epoch := uint32(100 + i)
		if err := b.conn.Exec(t.Context(), "INSERT INTO "+table+" (version) VALUES (?)", schema.Version(epoch, 7)); err != nil {
			t.Fatal(err)
		}
		hits, err := hitStore{b.sink}.HighestEpoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leads, err := leadStore{b.sink}.HighestEpoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if max(hits, leads) <= epoch {
			t.Errorf("with a row of epoch %d in %s the lowest safe epochs are %d and %d", epoch, table, hits, leads)
		}
	}
}
