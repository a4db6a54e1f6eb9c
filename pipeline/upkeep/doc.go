// Package upkeep does the work on what is stored that nobody's hit or webhook
// asks for: the nightly re-derivation of what came late, rebuilds, copies of
// sessions for funnels, and forgetting what providers delivered thirty days ago. Tasks
// are requests in the settings database (control.Task), so that a command line,
// the API and the clock all ask in one way and a crash forgets none.
//
// A task goes through phases. In each the keeper appends orders to the
// partitions whose owners must do the work, so that every owner stays the only
// writer; the owners note their steps in ClickHouse, and the next phase begins
// when the last part of this one is done:
//
//	late     hits: every partition derives its waiting visitors anew
//	rebuild  hits: every partition derives all visitors anew, a few at a time
//	         leads: every workspace's conversions are credited again
//	journeys no parts: whoever took it copies sessions into journeys, beside other
//	         tasks, since it may take long
//
// A task is taken under a lease. Whoever loses it, or crashes, leaves a phase
// that is repeated: orders that are in the log twice are obeyed once (a chain)
// or change nothing.
package upkeep
