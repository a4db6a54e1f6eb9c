package biaccess

import (
	"context"
	"log/slog"
	"slices"

	"sourceloop/control"
	migrations "sourceloop/schema/clickhouse"
)

// Server are the users of a ClickHouse server.
type Server struct {
	At       Place
	Database string // the product's
	Store    *control.Store
	// Run runs statements, in this order, as the product's own user. Whatever it
	// refuses is left to an administrator.
	Run func(ctx context.Context, statements []string) error
	Log *slog.Logger
}

// Place is where tools connect to.
func (s *Server) Place() Place { return s.At }

func (s *Server) user(who control.Principal, u control.BIUser) (User, error) {
	one := User{Name: shortName(who.Workspace, u.Login), Login: u.Login, Details: u.Details, State: Reads, AddedAt: u.AddedAt}
	if u.Applied {
		return one, nil
	}
	one.State = ByStatements
	statements, err := grant(who, u).Statements(s.Database)
	one.Statements = statements
	return one, err
}

func grant(who control.Principal, u control.BIUser) migrations.BIUser {
	return migrations.BIUser{Name: u.Login, PasswordHash: u.Hash, Workspace: who.Workspace, Details: u.Details}
}

// Users are those of the principal's workspace that were added here. Who was
// added on the command line is known to the server alone.
func (s *Server) Users(ctx context.Context, who control.Principal) ([]User, error) {
	all, err := s.Store.BIUsers(ctx, who)
	if err != nil {
		return nil, err
	}
	var users []User
	for _, u := range all {
		one, err := s.user(who, u)
		if err != nil {
			return nil, err
		}
		users = append(users, one)
	}
	return users, nil
}

// Add makes a user who reads the principal's workspace, or says what is to be
// run for that.
func (s *Server) Add(ctx context.Context, who control.Principal, name string, details bool) (User, string, error) {
	u, password, err := newUser(who, name, details)
	if err != nil {
		return User{}, "", err
	}
	statements, err := u.Statements(s.Database)
	if err != nil {
		return User{}, "", err
	}
	// The list goes first: nobody reads who is not in it.
	if err := s.Store.AddBIUser(ctx, who, control.BIUser{Login: u.Name, Hash: u.PasswordHash, Details: details}); err != nil {
		return User{}, "", err
	}
	if err := s.Run(ctx, statements); err != nil {
		s.refused(ctx, u.Name, err)
	} else if err := s.Store.MarkBIUserApplied(ctx, who, u.Name); err != nil {
		return User{}, "", err
	}
	all, err := s.Users(ctx, who)
	if err != nil {
		return User{}, "", err
	}
	at := slices.IndexFunc(all, func(one User) bool { return one.Login == u.Name })
	if at < 0 {
		return User{}, "", unknownUser(u.Name)
	}
	return all[at], password, nil
}

func (s *Server) refused(ctx context.Context, login string, err error) {
	s.Log.WarnContext(ctx, "ClickHouse refused a statement about its users, which is left to an administrator", "user", login, "error", err.Error())
}

// Remove takes a user away, or says what is to be run for that.
func (s *Server) Remove(ctx context.Context, who control.Principal, login string) (State, []string, error) {
	all, err := s.Store.BIUsers(ctx, who)
	if err != nil {
		return "", nil, err
	}
	if !slices.ContainsFunc(all, func(u control.BIUser) bool { return u.Login == login }) {
		return "", nil, unknownUser(login)
	}
	statements, err := migrations.BIUser{Name: login}.Removal(s.Database)
	if err != nil {
		return "", nil, err
	}
	state := Gone
	if err := s.Run(ctx, statements); err != nil {
		s.refused(ctx, login, err)
		state = ByStatements
	} else {
		statements = nil
	}
	return state, statements, s.Store.RemoveBIUser(ctx, who, login)
}
