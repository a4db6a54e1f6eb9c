// Package sinks says what a sink is: a place outside the pipeline that rows or
// conversions are written to. ClickHouse is one (Sink), each advertising platform
// is another (Platform).
package sinks
