package stitch

import (
	"bytes"
	"context"
	"slices"

	"sourceloop/pipeline/stream"
	"sourceloop/schema"
)

// refillPairs is how many values go to Redis at once while refilling.
const refillPairs = 10_000

// refill rebuilds the partition's components from the claims in ClickHouse.
// When Redis had an old state, a question which visitors have conversions may
// have had an old answer: everybody is credited again.
func (w *Worker) refill(ctx context.Context, partition int32, old bool) error {
	workspaces, err := w.deps.History.WorkspacesWithClaims(ctx)
	if err != nil {
		return err
	}
	for _, ws := range workspaces {
		if stream.Partition(schema.LeadKey(ws), schema.LeadsPartitions) != partition {
			continue
		}
		if err := w.refillWorkspace(ctx, ws); err != nil {
			return err
		}
		if !old {
			continue
		}
		if err := w.creditEverybody(ctx, ws); err != nil {
			return err
		}
	}
	return w.owner.Warmed(ctx)
}

func (w *Worker) refillWorkspace(ctx context.Context, ws uint32) error {
	past, err := w.deps.History.Leads(ctx, ws)
	if err != nil {
		return err
	}
	st := newStretch()
	for _, c := range past.Claims {
		st.add(&schema.LeadRecord{Workspace: ws, Body: &schema.LeadRecord_Evidence{
			Evidence: &schema.Evidence{Claims: []*schema.Claim{c}},
		}})
	}
	for _, f := range past.Facts {
		st.add(&schema.LeadRecord{Workspace: ws, Body: &schema.LeadRecord_Evidence{
			Evidence: &schema.Evidence{Conversion: f},
		}})
	}
	st.join()
	st.remember(ws, bytesOf(past.Contacts))
	pairs, _, err := st.stored()
	if err != nil {
		return err
	}
	for len(pairs) > 0 {
		n := min(len(pairs), refillPairs)
		if err := w.owner.Save(ctx, w.owner.Applied(), w.owner.Progress(), pairs[:n], nil); err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	return nil
}

// bytesOf are ids as the graph keeps them.
func bytesOf(ids []schema.ID) [][]byte {
	all := make([][]byte, len(ids))
	for i := range ids {
		all[i] = ids[i][:]
	}
	return all
}

// remember puts the ids of contacts that were once written back into the
// components whose nodes gave them their ids.
func (st *stretch) remember(ws uint32, contacts [][]byte) {
	if len(contacts) == 0 {
		return
	}
	byID := make(map[schema.ID]*component, len(st.nodes))
	for p, c := range st.nodes {
		if p.workspace == ws {
			byID[schema.ContactID(ws, p.node)] = c
		}
	}
	for _, id := range contacts {
		if len(id) != len(schema.ID{}) {
			continue
		}
		c := byID[schema.ID(id)]
		if c != nil && !slices.ContainsFunc(c.stored.GetContacts(), func(known []byte) bool { return bytes.Equal(known, id) }) {
			c.stored.Contacts = append(c.stored.Contacts, id)
		}
	}
}
