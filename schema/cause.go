package schema

// Cause is why a conversion's credits became other than they were.
type Cause string

// The causes. Of several at once the first in this list is named.
const (
	CauseErasure    Cause = "erasure"     // a person was erased
	CauseUndo       Cause = "undo"        // an Admin undid a merge, or let it be again
	CauseMerge      Cause = "merge"       // people turned out to be one, or a browser to be theirs
	CauseConversion Cause = "conversion"  // it became known, or what is told of it changed
	CauseRules      Cause = "rule_change" // channel rules, goals or other settings were changed for the past
	CauseLateHit    Cause = "late_hit"    // hits came after it was credited
)

// Causes are all of them, in their order.
func Causes() []Cause {
	return []Cause{CauseErasure, CauseUndo, CauseMerge, CauseConversion, CauseRules, CauseLateHit}
}

// Recredit is a contact whose conversions may be credited differently.
type Recredit struct {
	Contact ID
	Why     Cause
}
