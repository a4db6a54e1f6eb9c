package linkedin

import (
	"encoding/json"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// The parts of a conversion event that are used.
type event struct {
	Rule  string `json:"conversion"`
	At    int64  `json:"conversionHappenedAt"` // Unix milliseconds.
	Value *money `json:"conversionValue,omitempty"`
	ID    string `json:"eventId"`
	User  user   `json:"user"`
}

type money struct {
	Currency string `json:"currencyCode"`
	Amount   string `json:"amount"`
}

// user always has its list, which may be empty.
type user struct {
	IDs []userID `json:"userIds"`
}

type userID struct {
	Type  string `json:"idType"`
	Value string `json:"idValue"`
}

// rulePrefix is before a rule's number.
const rulePrefix = "urn:lla:llaPartnerConversion:"

// body is one event, or a batch.
func body(rule string, events []schema.Outgoing) ([]byte, error) {
	list := make([]event, len(events))
	for i := range events {
		list[i] = eventOf(rule, &events[i])
	}
	if len(list) == 1 {
		return json.Marshal(list[0])
	}
	return json.Marshal(map[string]any{"elements": list})
}

func eventOf(rule string, o *schema.Outgoing) event {
	e := event{Rule: rulePrefix + rule, At: int64(o.At), ID: o.Push.String(), User: user{IDs: []userID{}}}
	if email := NormalEmail(o.Email); email != "" {
		e.User.IDs = append(e.User.IDs, userID{"SHA256_EMAIL", wire.Hash(email)})
	}
	if click := clickOf(o); click != "" {
		e.User.IDs = append(e.User.IDs, userID{"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", click})
	}
	if o.HasValue {
		e.Value = &money{o.Currency, Amount(o.Value)}
	}
	return e
}
