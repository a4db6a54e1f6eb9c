package control

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

const (
	maxSegments       = 200
	maxSegmentName    = 100 // characters
	maxSegmentFilters = 20
)

// Segment are filters of reports under a name, as the API writes them.
type Segment struct {
	ID      int64
	Name    string
	Filters []string
}

// Segments are those of the principal's workspace, by name.
func (s *Store) Segments(ctx context.Context, who Principal) ([]Segment, error) {
	const op = "list the segments"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	all, err := s.reader().segments(ctx, who.Workspace)
	return all, failed(op, err)
}

func (r runner) segments(ctx context.Context, workspace uint32) ([]Segment, error) {
	var all []Segment
	err := r.each(ctx, "segments_of", []any{int64(workspace)}, func(scan func(...any) error) error {
		var one Segment
		var filters string
		if err := scan(&one.ID, &one.Name, &filters); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(filters), &one.Filters); err != nil {
			return fmt.Errorf("cannot read segment %d: %w", one.ID, err)
		}
		all = append(all, one)
		return nil
	})
	return all, err
}

// SaveSegment keeps filters under a name, in the place of those that have it.
// The filters must be ones that the API reads.
func (s *Store) SaveSegment(ctx context.Context, who Principal, name string, filters []string) (Segment, error) {
	const op = "save the segment"
	if err := who.Require(op, EditSegments); err != nil {
		return Segment{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxSegmentName || len(filters) == 0 || len(filters) > maxSegmentFilters {
		return Segment{}, schema.E(op, schema.KindInvalid, "A segment needs a name of at most %d characters and 1 to %d filters.", maxSegmentName, maxSegmentFilters)
	}
	var saved Segment
	err := s.update(ctx, op, func(t *tx) error {
		id, err := t.serial(ctx, "segments")
		if err != nil {
			return err
		}
		if _, err = t.exec(ctx, "segment_put", id, int64(who.Workspace), name, asJSON(filters)); err != nil {
			return err
		}
		all, err := t.segments(ctx, who.Workspace)
		if err == nil && len(all) > maxSegments {
			err = schema.E(op, schema.KindConflict, "This workspace has %d segments, which is as many as there can be. Delete one that nobody looks at.", maxSegments)
		}
		for _, one := range all {
			if one.Name == name {
				saved = one
			}
		}
		return err
	})
	return saved, err
}

// DeleteSegment forgets a segment.
func (s *Store) DeleteSegment(ctx context.Context, who Principal, id int64) error {
	const op = "delete the segment"
	if err := who.Require(op, EditSegments); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		gone, err := t.exec(ctx, "segment_delete", int64(who.Workspace), id)
		if err == nil && gone == 0 {
			err = schema.E(op, schema.KindUnknown, "There is no such segment in this workspace. It may have been deleted; look at the list.")
		}
		return err
	})
}
