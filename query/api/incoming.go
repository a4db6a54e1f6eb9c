package api

import (
	"cmp"
	"context"
	"strings"

	"sourceloop/control"
	"sourceloop/schema"
)

// ListIncomingHooks gives the addresses at which programs tell of conversions.
func (s *service) ListIncomingHooks(ctx context.Context, _ ListIncomingHooksRequestObject) (ListIncomingHooksResponseObject, error) {
	all, err := s.Store.IncomingHooks(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	list := ListIncomingHooks200JSONResponse{Items: make([]IncomingHook, 0, len(all)), Most: control.MostIncoming}
	for _, h := range all {
		item, err := s.incomingOf(ctx, h)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

func (s *service) incomingOf(ctx context.Context, h schema.IncomingHook) (IncomingHook, error) {
	out := IncomingHook{
		Id: endpointText(h.ID), Name: h.Name, Conversion: h.Conversion, Currency: h.Currency, CreatedAt: Moment(h.CreatedAt),
		IdPath: h.IDPath, EmailPath: h.EmailPath, PhonePath: h.PhonePath, ValuePath: h.ValuePath,
	}
	if h.HasValue {
		out.Value = new(h.Value)
	}
	signals, err := s.Store.IncomingSignalsOf(ctx, h.ID)
	var refused schema.Millis
	for _, n := range signals {
		if n.What == "taken" {
			out.Taken, out.LastTakenAt = n.Times, moment(n.Last)
			continue
		}
		out.Refused += n.Times
		if n.Last > refused {
			refused, out.LastRefusal = n.Last, refusalWords(n.What)
		}
	}
	out.LastRefusedAt = moment(refused)
	return out, err
}

// refusalWords say why something that came to an address was refused.
func refusalWords(what string) string {
	switch what {
	case "malformed":
		return "It was neither JSON nor a form, or larger than 1 MiB."
	case "no_person":
		return "There was neither an email nor a phone with its country in it."
	case "ambiguous":
		return "There were several emails or phones in it. Name the right place."
	case "no_id":
		return "There was no id at the place that is named."
	case "no_value":
		return "There was no number at the place that is named for the value."
	case "limited":
		return "It was too much at once."
	}
	return "It was not taken; the answer to it says why."
}

func hookOf(in *IncomingHookInput) schema.IncomingHook {
	h := schema.IncomingHook{
		Name: in.Name, Conversion: in.Conversion, Currency: text(in.Currency),
		IDPath: text(in.IdPath), EmailPath: text(in.EmailPath), PhonePath: text(in.PhonePath), ValuePath: text(in.ValuePath),
	}
	if in.Value != nil {
		h.HasValue, h.Value = true, *in.Value
	}
	return h
}

// hookURL is the address with its secret part.
func (s *service) hookURL(token string) string {
	return strings.TrimSuffix(cmp.Or(s.CollectorURL, s.PublicURL), "/") + "/hooks/in/" + token
}

// CreateIncomingHook makes an address and shows it once.
func (s *service) CreateIncomingHook(ctx context.Context, in CreateIncomingHookRequestObject) (CreateIncomingHookResponseObject, error) {
	h, token, err := s.Store.CreateIncomingHook(ctx, callerOf(ctx).Principal, hookOf(in.Body))
	if err != nil {
		return nil, err
	}
	item, err := s.incomingOf(ctx, h)
	return CreateIncomingHook201JSONResponse{Hook: item, Url: s.hookURL(token)}, err
}

func (s *service) incomingHook(ctx context.Context, id int64) (IncomingHook, error) {
	all, err := s.Store.IncomingHooks(ctx, callerOf(ctx).Principal)
	if err != nil {
		return IncomingHook{}, err
	}
	for _, h := range all {
		if h.ID == id {
			return s.incomingOf(ctx, h)
		}
	}
	return IncomingHook{}, schema.E("read the address", schema.KindUnknown, "There is no such address in this workspace. It may have been deleted.")
}

// UpdateIncomingHook changes what an address does.
func (s *service) UpdateIncomingHook(ctx context.Context, in UpdateIncomingHookRequestObject) (UpdateIncomingHookResponseObject, error) {
	h := hookOf(in.Body)
	h.ID = endpointID(in.Id)
	if err := s.Store.UpdateIncomingHook(ctx, callerOf(ctx).Principal, h); err != nil {
		return nil, err
	}
	item, err := s.incomingHook(ctx, h.ID)
	return UpdateIncomingHook200JSONResponse(item), err
}

// RenewIncomingHook gives an address another secret.
func (s *service) RenewIncomingHook(ctx context.Context, in RenewIncomingHookRequestObject) (RenewIncomingHookResponseObject, error) {
	id := endpointID(in.Id)
	token, err := s.Store.RenewIncomingHook(ctx, callerOf(ctx).Principal, id)
	if err != nil {
		return nil, err
	}
	item, err := s.incomingHook(ctx, id)
	return RenewIncomingHook200JSONResponse{Hook: item, Url: s.hookURL(token)}, err
}

// DeleteIncomingHook ends an address.
func (s *service) DeleteIncomingHook(ctx context.Context, in DeleteIncomingHookRequestObject) (DeleteIncomingHookResponseObject, error) {
	return DeleteIncomingHook204Response{}, s.Store.DeleteIncomingHook(ctx, callerOf(ctx).Principal, endpointID(in.Id))
}
