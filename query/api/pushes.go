package api

import (
	"cmp"
	"context"
	"strconv"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// ListPushes gives a page of the push log.
func (s *service) ListPushes(ctx context.Context, in ListPushesRequestObject) (ListPushesResponseObject, error) {
	who, p := callerOf(ctx), in.Params
	q := control.PushQuery{State: schema.PushState(text(p.State)), Limit: 50}
	if p.Limit != nil {
		q.Limit = *p.Limit
	}
	var err error
	if id := text(p.Destination); id != "" {
		if q.Destination, err = destinationID(id); err != nil {
			return nil, err
		}
	}
	if id := text(p.Contact); id != "" {
		if q.Contact, err = schema.ParseID(id); err != nil {
			return nil, schema.E("read the push log", schema.KindInvalid, "%q is no id of a contact. Use the ids that the list of contacts gives.", id)
		}
	}
	about := []string{"pushes", strconv.FormatUint(uint64(who.Workspace), 10), text(p.Destination), text(p.Contact), text(p.State)}
	if q.Cursor, err = s.openCursor(text(p.Cursor), about); err != nil {
		return nil, err
	}
	page, next, err := s.Store.Pushes(ctx, who.Principal, q)
	if err != nil {
		return nil, err
	}
	names := s.contactNames(ctx, page)
	list := ListPushes200JSONResponse{Items: make([]Push, 0, len(page)), Next: s.sealCursor(next, about)}
	for i := range page {
		list.Items = append(list.Items, pushOf(&page[i], names))
	}
	return list, nil
}

// contactNames are what the contacts of some pushes are called. The log is of
// use without them, so that it is shown also while reports cannot be had.
func (s *service) contactNames(ctx context.Context, pushes []control.Push) map[schema.ID]string {
	seen, ids := map[schema.ID]bool{}, []schema.ID{}
	for i := range pushes {
		if id := pushes[i].Contact; !id.IsZero() && !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	names := make(map[schema.ID]string, len(ids))
	if len(ids) == 0 {
		return names
	}
	page, err := s.reports(callerOf(ctx)).Contacts(ctx, report.ContactQuery{Only: ids, Limit: len(ids)})
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("the push log is shown without names: contacts cannot be read", "error", err)
	}
	for i := range page.Contacts {
		c := &page.Contacts[i]
		names[c.ID] = cmp.Or(c.Name, c.Email, c.Phone)
	}
	return names
}

// GetPush gives one push with its attempts.
func (s *service) GetPush(ctx context.Context, in GetPushRequestObject) (GetPushResponseObject, error) {
	detail, err := s.push(ctx, in.Id)
	return GetPush200JSONResponse(detail), err
}

func (s *service) push(ctx context.Context, text string) (PushDetail, error) {
	id, err := pushID(text)
	if err != nil {
		return PushDetail{}, err
	}
	p, attempts, err := s.Store.Push(ctx, callerOf(ctx).Principal, id)
	if err != nil {
		return PushDetail{}, err
	}
	return detailOf(pushOf(&p, s.contactNames(ctx, []control.Push{p})), attempts), nil
}

func pushID(text string) (schema.ID, error) {
	id, err := schema.ParseID(text)
	if err != nil {
		return id, schema.E("find the push", schema.KindUnknown, "There is no such push in this workspace. Check the address.")
	}
	return id, nil
}

// RetryPush sends a failed push again.
func (s *service) RetryPush(ctx context.Context, in RetryPushRequestObject) (RetryPushResponseObject, error) {
	id, err := pushID(in.Id)
	if err != nil {
		return nil, err
	}
	if err = s.Store.RetryPush(ctx, callerOf(ctx).Principal, id); err != nil {
		return nil, err
	}
	detail, err := s.push(ctx, in.Id)
	return RetryPush200JSONResponse(detail), err
}

// RetryPushes sends all failed pushes of a destination again.
func (s *service) RetryPushes(ctx context.Context, in RetryPushesRequestObject) (RetryPushesResponseObject, error) {
	id, err := destinationID(in.Id)
	if err != nil {
		return nil, err
	}
	n, err := s.Store.RetryPushes(ctx, callerOf(ctx).Principal, id)
	return RetryPushes200JSONResponse{Pushes: int64(n)}, err
}

func pushOf(p *control.Push, names map[schema.ID]string) Push {
	push := Push{
		Id: p.ID.String(), Destination: strconv.FormatInt(p.Destination, 10), DestinationName: p.DestinationName, Platform: AdPlatform(p.Platform),
		Conversion: p.Conversion.String(), ConversionName: p.ConversionName, ContactName: names[p.Contact],
		At: Moment(p.At), Stage: p.Stage, State: PushState(p.State), Words: p.Words, Code: p.Code, Attempts: p.Attempts,
		Note: p.Note, UpdatedAt: Moment(p.UpdatedAt),
	}
	if !p.Contact.IsZero() {
		push.Contact = p.Contact.String()
	}
	if p.State == schema.PushPending {
		push.DueAt = moment(p.Due)
	}
	return push
}

func detailOf(p Push, attempts []control.PushAttempt) PushDetail {
	detail := PushDetail{
		Id: p.Id, Destination: p.Destination, DestinationName: p.DestinationName, Platform: p.Platform, Conversion: p.Conversion,
		ConversionName: p.ConversionName, Contact: p.Contact, ContactName: p.ContactName, At: p.At, Stage: p.Stage, State: p.State,
		Words: p.Words, Code: p.Code, Attempts: p.Attempts, DueAt: p.DueAt, Note: p.Note, UpdatedAt: p.UpdatedAt,
		History: make([]PushAttempt, 0, len(attempts)),
	}
	for _, a := range attempts {
		detail.History = append(detail.History, PushAttempt{At: Moment(a.At), Outcome: cmp.Or(a.Outcome.String(), "unclear"), Code: a.Code, Words: a.Words})
	}
	return detail
}
