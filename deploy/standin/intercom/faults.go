package intercom

// Kinds of faults. Each has a number of times it still happens.
const (
	faultSlow         = "slow"            // Requests wait before they are answered.
	fault429          = "429"             // Requests exceed the rate limit.
	fault500          = "500"             // Requests meet a server error.
	faultBadSignature = "bad_signature"   // Notifications are signed with another secret.
	faultDuplicate    = "duplicate"       // Notifications are sent twice.
	faultShuffle      = "shuffle"         // Batches are sent in the wrong order.
	faultMerge        = "merge"           // Chats end in a merge of their contact.
	faultRevoke       = "revoke"          // At once: the workspace removes the app.
	faultPlan         = "plan_restricted" // Conversations are refused by plan.
)

func faultKinds() []string {
	return []string{
		faultSlow, fault429, fault500, faultBadSignature, faultDuplicate, faultShuffle, faultMerge, faultRevoke, faultPlan,
	}
}
