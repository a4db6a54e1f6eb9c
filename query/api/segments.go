package api

import (
	"context"
	"slices"
	"strconv"

	"sourceloop/control"
	"sourceloop/schema"
)

// ListSegments lists the saved filters by name.
func (s *service) ListSegments(ctx context.Context, _ ListSegmentsRequestObject) (ListSegmentsResponseObject, error) {
	all, err := s.Store.Segments(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	list := ListSegments200JSONResponse{Items: make([]Segment, 0, len(all))}
	for _, one := range all {
		list.Items = append(list.Items, segmentOf(one))
	}
	return list, nil
}

// SaveSegment keeps filters under a name.
func (s *service) SaveSegment(ctx context.Context, in SaveSegmentRequestObject) (SaveSegmentResponseObject, error) {
	if _, err := filters(&in.Body.Filters); err != nil {
		return nil, err
	}
	saved, err := s.Store.SaveSegment(ctx, callerOf(ctx).Principal, in.Body.Name, in.Body.Filters)
	return SaveSegment200JSONResponse(segmentOf(saved)), err
}

// DeleteSegment forgets them.
func (s *service) DeleteSegment(ctx context.Context, in DeleteSegmentRequestObject) (DeleteSegmentResponseObject, error) {
	id, err := strconv.ParseInt(in.Id, 10, 64)
	if err != nil {
		id = 0 // Nobody's.
	}
	return DeleteSegment204Response{}, s.Store.DeleteSegment(ctx, callerOf(ctx).Principal, id)
}

func segmentOf(s control.Segment) Segment {
	return Segment{Id: strconv.FormatInt(s.ID, 10), Name: s.Name, Filters: append([]string{}, s.Filters...)}
}

// narrowed adds the filters of a segment, which is named by its id, to those of
// a question.
func (s *service) narrowed(ctx context.Context, who caller, segment *string, filter *[]string) (*[]string, error) {
	if text(segment) == "" {
		return filter, nil
	}
	all, err := s.Store.Segments(ctx, who.Principal)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(one control.Segment) bool { return strconv.FormatInt(one.ID, 10) == *segment })
	if i < 0 {
		return nil, schema.E("read a report", schema.KindInvalid, "There is no such segment in this workspace. It may have been deleted; leave it out, or choose another.")
	}
	together := slices.Clone(all[i].Filters)
	if filter != nil {
		together = append(together, *filter...)
	}
	return &together, nil
}
