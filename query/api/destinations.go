package api

import (
	"context"
	"slices"
	"strconv"

	"sourceloop/control"
	"sourceloop/schema"
)

// ListDestinations gives where conversions are sent.
func (s *service) ListDestinations(ctx context.Context, _ ListDestinationsRequestObject) (ListDestinationsResponseObject, error) {
	all, err := s.destinations(ctx, callerOf(ctx).Principal)
	return ListDestinations200JSONResponse{Items: all}, err
}

// destinations are those of a workspace with how many pushes are in which state.
func (s *service) destinations(ctx context.Context, who control.Principal) ([]Destination, error) {
	known, err := s.Store.Destinations(ctx, who)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.PushCounts(ctx, who)
	all := make([]Destination, 0, len(known))
	for i := range known {
		all = append(all, destinationOf(&known[i], counts[known[i].ID]))
	}
	return all, err
}

func (s *service) destination(ctx context.Context, id string) (Destination, error) {
	all, err := s.destinations(ctx, callerOf(ctx).Principal)
	if err != nil {
		return Destination{}, err
	}
	i := slices.IndexFunc(all, func(d Destination) bool { return d.Id == id })
	if i < 0 {
		return Destination{}, noDestination()
	}
	return all[i], nil
}

func noDestination() error {
	return schema.E("find the destination", schema.KindUnknown, "There is no such destination in this workspace; it may have been deleted. Go back to the ad platforms.")
}

// destinationID reads an id; whatever is none is nothing of this workspace.
func destinationID(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, noDestination()
	}
	return n, nil
}

// GetDestination gives one destination.
func (s *service) GetDestination(ctx context.Context, in GetDestinationRequestObject) (GetDestinationResponseObject, error) {
	d, err := s.destination(ctx, in.Id)
	return GetDestination200JSONResponse(d), err
}

// CreateDestination makes a destination.
func (s *service) CreateDestination(ctx context.Context, in CreateDestinationRequestObject) (CreateDestinationResponseObject, error) {
	made, err := s.Store.CreateDestination(ctx, callerOf(ctx).Principal, newDestinationFrom(in.Body))
	if err != nil {
		return nil, err
	}
	d, err := s.destination(ctx, strconv.FormatInt(made.ID, 10))
	return CreateDestination201JSONResponse(d), err
}

// ReplaceDestination changes a destination.
func (s *service) ReplaceDestination(ctx context.Context, in ReplaceDestinationRequestObject) (ReplaceDestinationResponseObject, error) {
	id, err := destinationID(in.Id)
	if err != nil {
		return nil, err
	}
	changed := destinationFrom(in.Body)
	changed.ID = id
	if _, err = s.Store.UpdateDestination(ctx, callerOf(ctx).Principal, changed); err != nil {
		return nil, err
	}
	d, err := s.destination(ctx, in.Id)
	return ReplaceDestination200JSONResponse(d), err
}

// DeleteDestination removes a destination.
func (s *service) DeleteDestination(ctx context.Context, in DeleteDestinationRequestObject) (DeleteDestinationResponseObject, error) {
	id, err := destinationID(in.Id)
	if err == nil {
		err = s.Store.DeleteDestination(ctx, callerOf(ctx).Principal, id)
	}
	return DeleteDestination204Response{}, err
}

// newDestinationFrom leaves out what the body does; the store has the defaults.
func newDestinationFrom(in *NewDestination) control.Destination {
	d := control.Destination{
		Platform: string(in.Platform), Name: text(in.Name), Account: text(in.Account), Action: in.Action, ActionName: text(in.ActionName), Event: text(in.Event),
		Conversions: given(in.Conversions), Trigger: string(given(in.Trigger)), Stage: text(in.Stage), Value: valueRuleFrom(given(in.Value)),
		Consent: string(given(in.Consent)), DryRun: given(in.DryRun), TestCode: text(in.TestCode), Paused: given(in.Paused),
	}
	if in.From != nil {
		d.From = schema.Millis(*in.From)
	}
	return d
}

func destinationFrom(in *DestinationInput) control.Destination {
	d := control.Destination{
		Platform: string(in.Platform), Name: in.Name, Account: in.Account, Action: in.Action, ActionName: text(in.ActionName), Event: text(in.Event),
		Conversions: in.Conversions, Trigger: string(in.Trigger), Stage: text(in.Stage), Value: valueRuleFrom(in.Value),
		Consent: string(in.Consent), DryRun: in.DryRun, TestCode: text(in.TestCode), Paused: in.Paused,
	}
	if in.From != nil {
		d.From = schema.Millis(*in.From)
	}
	return d
}

func valueRuleFrom(in DestinationValue) control.ValueRule {
	return control.ValueRule{Kind: string(in.Kind), Currency: text(in.Currency), Fixed: given(in.Fixed), ByStage: given(in.ByStage)}
}

func destinationOf(d *control.Destination, counts map[schema.PushState]int) Destination {
	return Destination{
		Id: strconv.FormatInt(d.ID, 10), Platform: AdPlatform(d.Platform), Name: d.Name, Account: d.Account, Action: d.Action,
		ActionName: new(d.ActionName), Event: new(d.Event), Conversions: list(d.Conversions), Trigger: DestinationTrigger(d.Trigger), Stage: new(d.Stage),
		Value: valueOf(d.Value), Consent: DestinationConsent(d.Consent), DryRun: d.DryRun, TestCode: new(d.TestCode), Paused: d.Paused,
		From: new(Moment(d.From)), CreatedAt: Moment(d.CreatedAt), Counts: countsOf(counts),
	}
}

func valueOf(rule control.ValueRule) DestinationValue {
	v := DestinationValue{Kind: DestinationValueKind(rule.Kind)}
	switch rule.Kind {
	case control.FixedValue:
		v.Fixed, v.Currency = new(rule.Fixed), new(rule.Currency)
	case control.StageValue:
		v.ByStage, v.Currency = new(rule.ByStage), new(rule.Currency)
	}
	return v
}

func countsOf(counts map[schema.PushState]int) PushCounts {
	of := func(state schema.PushState) int64 { return int64(counts[state]) }
	return PushCounts{
		Pending: of(schema.PushPending), Sent: of(schema.PushSent), PendingIdentity: of(schema.PushPendingIdentity),
		SkippedConsent: of(schema.PushSkippedConsent), Duplicate: of(schema.PushDuplicate), Error: of(schema.PushError),
	}
}
