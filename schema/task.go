package schema

// LateRow queues a visitor whose hits came after the seal, or takes it off the
// queue.
type LateRow struct {
	Workspace uint32
	Visitor   string
	Version   uint64
	Done      bool // the hits were folded in
}

// TaskStep says how far one part of a task has come: a rebuild of one
// partition, or the erasure of one browser.
type TaskStep struct {
	Task   ID
	Part   string
	Step   uint32 // of two the higher one stands
	Done   bool
	At     Millis
	Counts map[string]uint64 // what was done so far, by name
}
