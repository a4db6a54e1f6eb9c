package schema

import "math"

// Always is the stretch of a browser that was one person's only.
func Always() *Stretch { return &Stretch{From: math.MinInt64, To: math.MaxInt64} }

// Holds tells whether a moment is in the stretch.
func (s *Stretch) Holds(at Millis) bool { return s.GetFrom() <= int64(at) && int64(at) < s.GetTo() }

// Holds tells whether the browser was the person's at a moment.
func (b *Browser) Holds(at Millis) bool {
	for _, s := range b.GetStretches() {
		if s.Holds(at) {
			return true
		}
	}
	return false
}

// Names tells whether an erasure names a node at a moment: a browser in one of
// its stretches, any other node always.
func (e *Erase) Names(node Node, at Millis) bool {
	if node.Kind() == NodeVisitor {
		for _, b := range e.GetBrowsers() {
			if b.GetVisitor() == node.Value() && b.Holds(at) {
				return true
			}
		}
		return false
	}
	for _, n := range e.GetNodes() {
		if n == string(node) {
			return true
		}
	}
	return false
}

// ErasedLeads says which rows of a workspace's leads are to go. What stays of
// these nodes and contacts was written again under the version; everything below
// it goes.
type ErasedLeads struct {
	Workspace uint32
	Version   uint64
	Nodes     []Node   // of the components in which the person was, and the person's
	Contacts  []ID     // every id that a contact had there
	Gone      []ID     // those of them that are nobody's any more: their conversions go
	Facts     []ID     // conversions that go
	Kept      []ID     // conversions that stay, in the components that are left
	Browsers  []string // what was credited from these, whose ever it is, was credited anew
	Credited  []ID     // contacts whose conversions were credited anew under the version
}

// Whole tells whether the browser was the person's at all times.
func (b *Browser) Whole() bool {
	return len(b.GetStretches()) == 1 && b.GetStretches()[0].GetFrom() == math.MinInt64 && b.GetStretches()[0].GetTo() == math.MaxInt64
}

// ErasedHits says which rows of a browser are to go: hits that arrived by a
// moment in some stretches or with some ids, and sessions of earlier versions.
type ErasedHits struct {
	Workspace uint32
	Visitor   string
	Until     Millis
	Stretches []*Stretch
	IDs       []ID
	Version   uint64
}
