package control

import (
	"context"

	"sourceloop/schema"
)

// ErasedPushes is what was done to the pushes of erased people at one platform.
type ErasedPushes struct {
	Removed int         // they never went out
	Sent    []schema.ID // the platform has them, or may have them; in no order
}

// ErasePushes forgets the pushes of contacts and conversions, and tells by
// platform which the platform has. What never went out is deleted. Of the rest
// the id and the state stay, so that nothing is sent twice. Repeated, it names
// what was sent again.
func (s *Store) ErasePushes(ctx context.Context, workspace uint32, contacts, conversions []schema.ID) (map[string]ErasedPushes, error) {
	text := func(id schema.ID) any { return id.String() }
	var done map[string]ErasedPushes
	err := s.updateOutbox(ctx, "erase pushes", func(t *tx) error {
		found := erasing{}
		for name, ids := range map[string][]schema.ID{"pushes_about_contacts": contacts, "pushes_about_conversions": conversions} {
			if err := t.many(ctx, name, []any{int64(workspace)}, column(ids, text), found.add); err != nil {
				return err
			}
		}
		var err error
		done, err = found.erase(ctx, t)
		return err
	})
	return done, err
}

// erasedUnsure are the words of what was being sent when its person was erased.
const erasedUnsure = "Ended, since the person was erased while it was being sent. The platform may have it: look for its id there."

type erasable struct {
	platform, state, receipt string
	open                     int64
}

// mayBeThere tells whether the platform may have it.
func (e erasable) mayBeThere() bool {
	return e.open > 0 || e.receipt != "" || e.state == string(schema.PushSent) || e.state == string(schema.PushDuplicate)
}

type erasing map[string]erasable // by the push's id

func (f erasing) add(scan func(...any) error) error {
	var id string
	var e erasable
	err := scan(&id, &e.platform, &e.state, &e.open, &e.receipt)
	f[id] = e
	return err
}

func (f erasing) erase(ctx context.Context, t *tx) (map[string]ErasedPushes, error) {
	done := map[string]ErasedPushes{}
	var gone, kept [][]any
	for id, e := range f {
		counts := done[e.platform]
		if e.mayBeThere() {
			parsed, err := schema.ParseID(id)
			if err != nil {
				return nil, err
			}
			counts.Sent = append(counts.Sent, parsed)
			kept = append(kept, []any{id})
		} else {
			counts.Removed++
			gone = append(gone, []any{id})
		}
		done[e.platform] = counts
	}
	for name, rows := range map[string][][]any{"pushes_delete": gone, "attempts_delete": gone, "attempts_anonymise": kept} {
		if err := t.many(ctx, name, nil, rows, nothing); err != nil {
			return nil, err
		}
	}
	return done, t.many(ctx, "pushes_anonymise", []any{erasedUnsure, int64(t.now)}, kept, nothing)
}
