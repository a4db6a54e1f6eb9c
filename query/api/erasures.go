package api

import (
	"context"

	"sourceloop/control"
	"sourceloop/schema"
)

// erasuresShown is how many erasures the list has at most.
const erasuresShown = 100

// ListErasures lists what was asked for and done, without whom it was about.
func (s *service) ListErasures(ctx context.Context, _ ListErasuresRequestObject) (ListErasuresResponseObject, error) {
	tasks, err := s.Store.Erasures(ctx, callerOf(ctx).Principal, erasuresShown)
	if err != nil {
		return nil, err
	}
	all := ListErasures200JSONResponse{Items: make([]Erasure, 0, len(tasks))}
	for i := range tasks {
		all.Items = append(all.Items, erasureOf(&tasks[i]))
	}
	return all, nil
}

func erasureOf(t *control.Task) Erasure {
	return Erasure{
		Id: t.ID, AskedAt: Moment(t.CreatedAt), Hidden: t.Progress.Hidden, Finished: t.Finished, Receipt: list(t.Progress.Receipt),
	}
}

// RequestErasure asks for a person to be erased.
func (s *service) RequestErasure(ctx context.Context, in RequestErasureRequestObject) (RequestErasureResponseObject, error) {
	target, err := s.erased(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	task, err := s.Store.RequestErasure(ctx, callerOf(ctx).Principal, target)
	return RequestErasure202JSONResponse(erasureOf(&task)), err
}

// erased is who is named: a node in its one form, or a contact of this
// workspace.
func (s *service) erased(ctx context.Context, in *ErasureInput) (string, error) {
	given := map[schema.NodeKind]string{
		schema.NodeEmail: text(in.Email), schema.NodePhone: text(in.Phone), schema.NodeUser: text(in.UserId), schema.NodeVisitor: text(in.Visitor),
	}
	var target string
	named := 0
	if contact := text(in.Contact); contact != "" {
		found, err := s.findContact(ctx, contact)
		if err != nil {
			return "", err
		}
		target, named = control.ContactTarget+found.ID.String(), 1
	}
	for kind, value := range given {
		if value == "" {
			continue
		}
		normal, err := s.normal(kind, value)
		if err != nil {
			return "", schema.E("erase a person", schema.KindInvalid, "The %s cannot be anybody's. Send an email as name@example.com, a phone with its country as +4930123456, or an id that stands for one person.", kind)
		}
		target, named = string(schema.NewNode(kind, normal)), named+1
	}
	if named != 1 {
		return "", schema.E("erase a person", schema.KindInvalid, "It is not clear who is to be erased. Send exactly one of email, phone, user_id, visitor and contact.")
	}
	return target, nil
}
