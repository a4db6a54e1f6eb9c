// Package clickhouse writes hits, sessions, claims, facts, identities and
// contacts to ClickHouse, and has it compute the touches of conversions.
//
// # Writing
//
// However many workers call Write, the whole process makes one insert a table
// and 150 ms: a server that receives many small inserts spends its time on
// merging parts. The first caller after a quiet time is written at once; those
// who come within the next 150 ms are joined and written together. Rows are
// sorted by the table's key and travel as native column blocks, compressed
// with LZ4, from column buffers that are allocated once.
//
// Tables are written in the order hits, sessions, claims, conversion_facts,
// identities, contacts, so that whoever sees a derived row can find what it was
// derived from. Everything is an upsert with a version; after an error the
// caller writes again.
//
// Inserts use ch-go, the layer below clickhouse-go: its typed columns take a
// row without boxing a value, and arrays and low-cardinality strings without
// reflection. Everything else goes through clickhouse-go.
//
// # Attributing
//
// Attribute reads what is stored of the contacts in question by a few small
// statements, and sends it along with attribute.sql: there conversions are
// joined with their contact's sessions, and a row is appended to the table
// conversions where the result differs from the newest. The statement is the
// only place in production where touches are computed; pipeline/attribution is
// its reference.
package clickhouse
