package main

import (
	"testing"

	"sourceloop/control"
	"sourceloop/control/biaccess"
	"sourceloop/schema"
)

// TestBIPlace: a ClickHouse whose port is not a number stops nobody but BI access, which says why.
func TestBIPlace(t *testing.T) {
	for dsn, want := range map[string]biaccess.Place{
		"clickhouse://u:p@db.example:9000/product": {Host: "db.example", NativePort: 9000, Database: "product_bi", Stays: true},
		"clickhouse://u:p@[2001:db8::1]:9440/":     {Host: "2001:db8::1", NativePort: 9440, Database: "bi", Stays: true},
		"clickhouse://u:p@db.example/product":      {},
	} {
		at, err := parseClickHouse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		place, err := biPlace(at)
		if want.NativePort != 0 && (err != nil || place != want) {
			t.Errorf("%s is %+v, %v", dsn, place, err)
		}
		if want.NativePort == 0 && schema.KindOf(err) != schema.KindConflict {
			t.Errorf("%s gives %v", dsn, err)
		}
	}
	var n node
	for _, address := range []string{"db.example", "db.example:clickhouse"} {
		n.engines = &engines{clickhouse: clickhouseAddress{addrs: []string{address}, database: "sourceloop"}}
		tools, err := n.biAccess()
		if err != nil {
			t.Fatalf("%s stops the start: %v", address, err)
		}
		if _, err := tools.Users(t.Context(), control.Principal{}); schema.KindOf(err) != schema.KindConflict {
			t.Errorf("%s: the screen says %v", address, err)
		}
	}
}
