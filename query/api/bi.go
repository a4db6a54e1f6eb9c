package api

import (
	"context"

	"sourceloop/control"
	"sourceloop/control/biaccess"
)

// BITools are who reads ClickHouse with BI tools, and where. A user is of the
// principal's workspace.
type BITools interface {
	Place() biaccess.Place
	Users(ctx context.Context, who control.Principal) ([]biaccess.User, error)
	Add(ctx context.Context, who control.Principal, name string, details bool) (user biaccess.User, password string, err error)
	Remove(ctx context.Context, who control.Principal, login string) (state biaccess.State, statements []string, err error)
	Confirm(ctx context.Context, who control.Principal, login string) error
}

// GetBIAccess tells where BI tools connect to, and who may.
func (s *service) GetBIAccess(ctx context.Context, _ GetBIAccessRequestObject) (GetBIAccessResponseObject, error) {
	all, err := s.BITools.Users(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	place := s.BITools.Place()
	out := GetBIAccess200JSONResponse{
		Place: BIPlace{Embedded: place.Embedded, Host: place.Host, NativePort: place.NativePort, Database: place.Database, Stays: place.Stays},
		Items: make([]BIUser, 0, len(all)), Most: control.MostBIUsers,
	}
	if place.HTTPPort != 0 {
		out.Place.HttpPort = new(place.HTTPPort)
	}
	for _, u := range all {
		out.Items = append(out.Items, biUserOf(u))
	}
	return out, nil
}

func biUserOf(u biaccess.User) BIUser {
	return BIUser{
		Name: u.Name, Login: u.Login, Details: u.Details, State: BIState(u.State), AddedAt: moment(u.AddedAt), Statements: listed(u.Statements),
	}
}

// listed is a list that JSON writes as one also when it is empty.
func listed(all []string) []string { return append([]string{}, all...) }

// AddBIUser lets somebody read with a BI tool.
func (s *service) AddBIUser(ctx context.Context, in AddBIUserRequestObject) (AddBIUserResponseObject, error) {
	user, password, err := s.BITools.Add(ctx, callerOf(ctx).Principal, in.Body.Name, given(in.Body.Details))
	if err != nil {
		return nil, err
	}
	return AddBIUser201JSONResponse{User: biUserOf(user), Password: password}, nil
}

// RemoveBIUser takes that away, or takes the caller's word that it is gone.
func (s *service) RemoveBIUser(ctx context.Context, in RemoveBIUserRequestObject) (RemoveBIUserResponseObject, error) {
	if given(in.Params.StatementsRun) {
		if err := s.BITools.Confirm(ctx, callerOf(ctx).Principal, in.Login); err != nil {
			return nil, err
		}
		return RemoveBIUser200JSONResponse{State: BIState(biaccess.Gone), Statements: listed(nil)}, nil
	}
	state, statements, err := s.BITools.Remove(ctx, callerOf(ctx).Principal, in.Login)
	if err != nil {
		return nil, err
	}
	return RemoveBIUser200JSONResponse{State: BIState(state), Statements: listed(statements)}, nil
}
