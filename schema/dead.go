package schema

// The reasons for which something is set aside, as DeadRecord.Reason has them.
// Every one of them is also in DeadReasons.
const (
	DeadBadText          = "bad_text"
	DeadBadTime          = "bad_time"
	DeadBadWebhook       = "bad_webhook"
	DeadMalformed        = "malformed"
	DeadIncomplete       = "incomplete"
	DeadUnknownWorkspace = "unknown_workspace"
	DeadUnknownTopic     = "unknown_topic"
	DeadRefused          = "refused"
	DeadGivenUp          = "given_up"
	DeadPanic            = "panic"
	DeadKilled           = "killed"
)

// DeadReplayed is no reason: a DeadRecord with it and nothing but the id of
// another one says that the other was put back into its topic.
const DeadReplayed = "replayed"

// DeadReason is one reason in words for an operator.
type DeadReason struct {
	Name    string
	Meaning string
}

// DeadReasons are all there are.
func DeadReasons() []DeadReason {
	return []DeadReason{
		{DeadBadText, "The collector was sent a hit with text that is no UTF-8."},
		{DeadBadTime, "The collector was sent a hit with a time or an id that no clock shows: more than a day ahead, or ten years old."},
		{DeadBadWebhook, "The collector was sent a signed webhook that names no app in a way it can read."},
		{DeadMalformed, "A record in a topic is not the message that the topic holds."},
		{DeadIncomplete, "A hit in its topic has no id of 16 bytes or no visitor."},
		{DeadUnknownWorkspace, "A hit belongs to a workspace that does not exist."},
		{DeadUnknownTopic, "A webhook is about something that this version does not know."},
		{DeadRefused, "A webhook, or the provider's answer about it, can never be used; the detail says why."},
		{DeadGivenUp, "A webhook could not be finished for three days, as a rule since the provider did not answer."},
		{DeadPanic, "A record made its worker panic."},
		{DeadKilled, "The process died three times or more while it worked on a record, in the end on nothing else."},
	}
}
