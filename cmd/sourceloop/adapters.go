package main

import (
	"context"

	"sourceloop/control"
	"sourceloop/pipeline/sessionize"
	"sourceloop/pipeline/stitch"
	"sourceloop/schema"
	"sourceloop/sinks/clickhouse"
)

// hitStore is ClickHouse as the sessionizer sees it.
type hitStore struct{ sink *clickhouse.Sink }

func (s hitStore) WriteHits(ctx context.Context, hits []*schema.Hit, sessions []schema.SessionRow) error {
	return s.sink.Write(ctx, &clickhouse.Batch{Hits: hits, Sessions: sessions})
}

func (s hitStore) Visitors(ctx context.Context, visitors []sessionize.Visitor) (map[sessionize.Visitor]sessionize.Past, error) {
	names := make([]clickhouse.Visitor, len(visitors))
	for i, v := range visitors {
		names[i] = clickhouse.Visitor(v)
	}
	hits, err := s.sink.VisitorHits(ctx, names, sessionize.MaxPast+1)
	if err != nil {
		return nil, err
	}
	keys, err := s.sink.SessionKeys(ctx, names)
	if err != nil {
		return nil, err
	}
	pasts := make(map[sessionize.Visitor]sessionize.Past, len(visitors))
	for i, v := range visitors {
		pasts[v] = sessionize.Past{Hits: hits[names[i]], Sessions: keys[names[i]]}
	}
	return pasts, nil
}

func (s hitStore) Pick(ctx context.Context, q sessionize.Selection) (visitors []sessionize.Visitor, more bool, err error) {
	picked, more, err := s.sink.Pick(ctx, clickhouse.Selection{
		Partition: q.Partition, Partitions: schema.HitsPartitions, Workspace: q.Workspace, Late: q.Late,
		From: q.From, To: q.To, After: clickhouse.Visitor(q.After), Limit: q.Limit, Hits: q.Hits,
	})
	for _, v := range picked {
		visitors = append(visitors, sessionize.Visitor(v))
	}
	return visitors, more, err
}

func (s hitStore) WriteLate(ctx context.Context, rows []schema.LateRow) error {
	return s.sink.Write(ctx, &clickhouse.Batch{Late: rows})
}

func (s hitStore) EraseHits(ctx context.Context, e *schema.ErasedHits) error {
	return s.sink.EraseHits(ctx, e)
}

func (s hitStore) NoteStep(ctx context.Context, step *schema.TaskStep) error {
	return s.sink.NoteStep(ctx, step)
}

func (s hitStore) HighestEpoch(ctx context.Context) (uint32, error) {
	return highestEpoch(ctx, s.sink, "sessions", "late_visitors")
}

// highestEpoch is one above the epoch of the highest version in these tables.
func highestEpoch(ctx context.Context, sink *clickhouse.Sink, tables ...string) (uint32, error) {
	version, err := sink.HighestVersion(ctx, tables...)
	if err != nil || version == 0 {
		return 0, err
	}
	return uint32(version>>32) + 1, nil
}

// leadStore is ClickHouse as the stitcher sees it.
type leadStore struct{ sink *clickhouse.Sink }

func (s leadStore) WriteLeads(ctx context.Context, rows *stitch.Rows) error {
	return s.sink.Write(ctx, &clickhouse.Batch{
		Claims: rows.Claims, Facts: rows.Facts, Identities: rows.Identities, Contacts: rows.Contacts,
	})
}

func (s leadStore) Attribute(ctx context.Context, workspace uint32, contacts []schema.Recredit, version uint64) error {
	return s.sink.Attribute(ctx, workspace, contacts, version)
}

func (s leadStore) AttributeAnew(ctx context.Context, workspace uint32, contacts []schema.ID, version uint64) error {
	return s.sink.AttributeAnew(ctx, workspace, contacts, version)
}

func (s leadStore) EraseOwners(ctx context.Context, e *schema.ErasedLeads) ([]schema.ID, error) {
	return s.sink.EraseOwners(ctx, e)
}

func (s leadStore) EraseLeads(ctx context.Context, e *schema.ErasedLeads) error {
	return s.sink.EraseLeads(ctx, e)
}

func (s leadStore) NoteStep(ctx context.Context, step *schema.TaskStep) error {
	return s.sink.NoteStep(ctx, step)
}

func (s leadStore) WorkspacesWithClaims(ctx context.Context) ([]uint32, error) {
	return s.sink.Workspaces(ctx)
}

func (s leadStore) Leads(ctx context.Context, workspace uint32) (stitch.Past, error) {
	var past stitch.Past
	err := s.sink.Claims(ctx, workspace, func(c *schema.Claim) error {
		past.Claims = append(past.Claims, c)
		return nil
	})
	if err != nil {
		return past, err
	}
	err = s.sink.Facts(ctx, workspace, func(f *schema.ConversionFact) error {
		past.Facts = append(past.Facts, f)
		return nil
	})
	if err != nil {
		return past, err
	}
	past.Contacts, err = s.sink.ContactIDs(ctx, workspace)
	return past, err
}

func (s leadStore) HighestEpoch(ctx context.Context) (uint32, error) {
	return highestEpoch(ctx, s.sink, "claims", "conversion_facts", "identities", "contacts", "conversions")
}

// goals are what workspaces count as conversions, as the sink asks for them.
type goals struct{ *control.Store }

func (g goals) Workspace(id uint32) (*schema.Workspace, bool) { return g.Directory().Workspace(id) }
