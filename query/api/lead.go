package api

import (
	"encoding/json"
	"fmt"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// Lead is a contact as receivers of webhooks see it: as the API gives it, and
// the ids of those who became part of it.
type Lead struct {
	Contact
	FormerIDs []string `json:"former_ids"`

	Since   schema.Millis `json:"-"` // when the first email or phone came
	Changed schema.Millis `json:"-"` // when the newest happened of what is known of it
}

// LeadOf makes a lead of a contact; false when neither an email nor a phone of
// theirs is known.
func LeadOf(c *report.Living, stages map[schema.Node]control.Stage) (Lead, bool) {
	if c.Email == "" && c.Phone == "" {
		return Lead{}, false
	}
	lead := Lead{Contact: contactOf(&c.Contact, stages), FormerIDs: []string{}, Since: c.CreatedAt, Changed: max(c.CreatedAt, c.ConvertedAt)}
	for _, id := range c.Former {
		lead.FormerIDs = append(lead.FormerIDs, id.String())
	}
	named := false
	for _, e := range c.Evidence { // The oldest first.
		lead.Changed = max(lead.Changed, e.At)
		if kind := e.Node.Kind(); !named && (kind == schema.NodeEmail || kind == schema.NodePhone) {
			lead.Since, named = e.At, true
		}
		if stage, ok := stages[e.Node]; ok {
			lead.Changed = max(lead.Changed, stage.At)
		}
	}
	for _, v := range c.Conversations {
		lead.Changed = max(lead.Changed, v.At)
	}
	return lead, true
}

// JSON is what a receiver reads.
func (l Lead) JSON() ([]byte, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("cannot write a lead: %w", err)
	}
	return data, nil
}
