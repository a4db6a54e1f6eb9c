package identity

import (
	"bytes"
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/schema"
)

// compareClaims orders claims as the fold takes them: verified first, then by
// time, then by id.
func compareClaims(a, b *schema.Claim) int {
	if a.GetVerified() != b.GetVerified() {
		if a.GetVerified() {
			return -1
		}
		return 1
	}
	return compareTimes(a, b)
}

// compareTimes orders claims by time, then by id.
func compareTimes(a, b *schema.Claim) int {
	return cmp.Or(cmp.Compare(a.GetAt(), b.GetAt()), bytes.Compare(a.GetId(), b.GetId()))
}

// UnionClaims adds a claim to a set, and reports whether the set changed. Of
// two with one id the earlier stands, with the later's arrival. The set is kept
// in the order of the fold, and may be changed in place: use what is returned.
func UnionClaims(set []*schema.Claim, add *schema.Claim) ([]*schema.Claim, bool) {
	if i := slices.IndexFunc(set, func(c *schema.Claim) bool { return bytes.Equal(c.GetId(), add.GetId()) }); i >= 0 {
		if set[i].GetAt() <= add.GetAt() {
			arrived := add.GetReceived() > set[i].GetReceived()
			set[i] = arrivedBy(set[i], add.GetReceived())
			return set, arrived
		}
		add = arrivedBy(add, set[i].GetReceived())
		set = slices.Delete(set, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(set, add, compareClaims)
	return slices.Insert(set, at, add), true
}

// arrivedBy gives a claim that arrived at a moment, too.
func arrivedBy(c *schema.Claim, received int64) *schema.Claim {
	if received <= c.GetReceived() {
		return c
	}
	c = proto.CloneOf(c)
	c.Received = received
	return c
}

// inOrder gives the set in the order of the fold, whatever order it comes in.
func inOrder(claims []*schema.Claim) []*schema.Claim {
	earliest := make(map[string]*schema.Claim, len(claims))
	for _, c := range claims {
		if known := earliest[string(c.GetId())]; known == nil || c.GetAt() < known.GetAt() {
			earliest[string(c.GetId())] = c
		}
	}
	set := make([]*schema.Claim, 0, len(earliest))
	for _, c := range earliest {
		set = append(set, c)
	}
	slices.SortFunc(set, compareClaims)
	return set
}
