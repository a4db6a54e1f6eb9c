// Package sinkstest holds what every advertising platform must do, whoever it
// is: one suite that each runs against its own stand-in over real HTTP, and
// against servers that answer as no vendor should.
package sinkstest
