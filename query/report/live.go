package report

import (
	"context"
	"slices"

	"sourceloop/schema"
)

// Living is a contact with the contacts that became part of it.
type Living struct {
	Contact
	Former []schema.ID // in the order of ids
}

// Living gives, of contacts or of those that they became part of, who live now;
// each once, in the order of ids.
func (s Scoped) Living(ctx context.Context, ids []schema.ID) ([]Living, error) {
	byAsked, err := s.live(ctx, ids)
	if err != nil {
		return nil, err
	}
	at := make(map[schema.ID]int, len(byAsked))
	var all []Living
	var candidates []schema.ID
	for _, c := range byAsked {
		if _, twice := at[c.ID]; twice {
			continue
		}
		at[c.ID] = len(all)
		all = append(all, Living{Contact: *c})
		for _, n := range c.nodes() {
			if id := schema.ContactID(s.workspace, n); id != c.ID {
				candidates = append(candidates, id)
			}
		}
	}
	if len(candidates) > 0 {
		rows, err := s.contactsByID(ctx, candidates)
		if err != nil {
			return nil, err
		}
		for id, row := range rows {
			if i, ok := at[row.Redirect]; ok && !row.deleted {
				all[i].Former = append(all[i].Former, id)
			}
		}
	}
	for i := range all {
		slices.SortFunc(all[i].Former, schema.ID.Compare)
	}
	slices.SortFunc(all, func(a, b Living) int { return a.ID.Compare(b.ID) })
	return all, nil
}
