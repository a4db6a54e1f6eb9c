package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// byAdmin is the method of what an Admin says of two contacts.
const byAdmin = "admin"

// ListMerges tells what a contact became one with, and from whom it is kept
// apart.
func (s *service) ListMerges(ctx context.Context, in ListMergesRequestObject) (ListMergesResponseObject, error) {
	m, err := s.merges(ctx, in.Id)
	if err != nil {
		return nil, err
	}
	list := ListMerges200JSONResponse{Merged: []Merge{}, Apart: []Merge{}}
	for _, other := range m.Merged {
		list.Merged = append(list.Merged, mergeOf(other))
	}
	for _, other := range m.Apart {
		list.Apart = append(list.Apart, mergeOf(other.Merge))
	}
	return list, nil
}

func mergeOf(m report.Merge) Merge { return Merge{Contact: m.Contact.String(), Node: string(m.Node)} }

func (s *service) merges(ctx context.Context, text string) (report.Merges, error) {
	id, err := schema.ParseID(text)
	if err != nil {
		return report.Merges{}, schema.E("read merges", schema.KindUnknown, "There is no such contact in this workspace. Check the address.")
	}
	return s.reports(callerOf(ctx)).Merges(ctx, id)
}

// DecideMerge writes down that two contacts are to be kept apart, or that what
// is known of them decides again. That is a claim like any other: the pipeline
// makes of it what follows.
func (s *service) DecideMerge(ctx context.Context, in DecideMergeRequestObject) (DecideMergeResponseObject, error) {
	who, now := callerOf(ctx), schema.MillisOf(s.Now())
	m, err := s.merges(ctx, in.Id)
	if err != nil {
		return nil, err
	}
	other, err := schema.ParseID(in.Body.Contact)
	if err != nil {
		return nil, noMerge()
	}
	pairs, bond, err := decided(m, other, in.Body.Apart)
	if err != nil {
		return nil, err
	}
	word := "word " + rand.Text()
	evidence := &schema.Evidence{}
	for _, pair := range pairs {
		claim := schema.NewClaim(who.Workspace, pair, true, now, word, byAdmin, "")
		claim.Bond = bond
		evidence.Claims = append(evidence.Claims, claim)
	}
	if err := s.Store.NoteMerge(ctx, who.Principal, in.Body.Apart, word); err != nil {
		return nil, err
	}
	value, err := proto.Marshal(&schema.LeadRecord{
		Workspace: who.Workspace, Received: int64(now), Body: &schema.LeadRecord_Evidence{Evidence: evidence},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot encode a decision: %w", err)
	}
	if err = s.Leads.Append(ctx, schema.TopicLeads, [][]byte{schema.LeadKey(who.Workspace)}, [][]byte{value}); err != nil {
		e := schema.E("decide on a merge", schema.KindUnavailable, "It could not be written down, so nothing changes. Try again in a moment.")
		e.Err = err
		return nil, e
	}
	return DecideMerge202JSONResponse(*in.Body), nil
}

func noMerge() error {
	return schema.E("decide on a merge", schema.KindUnknown, "That contact is no part of this one, or is not kept apart from it. Ask for the merges of this contact first.")
}

// decided gives the pairs of nodes that a decision is about: what names either
// contact first, or those by which the other is kept apart.
func decided(m report.Merges, other schema.ID, apart bool) ([][]schema.Node, schema.Bond, error) {
	if !apart {
		i := slices.IndexFunc(m.Apart, func(a report.Apart) bool { return a.Contact == other })
		if i < 0 {
			return nil, 0, noMerge()
		}
		return m.Apart[i].Pairs, schema.Bond_BOND_FREE, nil
	}
	i := slices.IndexFunc(m.Merged, func(a report.Merge) bool { return a.Contact == other })
	if i < 0 || m.Self.Node == "" {
		return nil, 0, noMerge()
	}
	return [][]schema.Node{{m.Self.Node, m.Merged[i].Node}}, schema.Bond_BOND_APART, nil
}
