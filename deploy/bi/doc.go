// Package bi holds the tests of what BI tools read: the views (schema/clickhouse/bi), the users who may read them
// (schema/clickhouse/access.go), the clients that tools are built on (clients/), and what tools ask when they connect
// (testdata/handshakes).
package bi
