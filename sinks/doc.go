// Package sinks says what a sink is: a place outside the pipeline that rows or
// conversions are written to. ClickHouse is one, each ad platform is another.
package sinks
