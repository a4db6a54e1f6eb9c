package biaccess

import (
	"context"
	"log/slog"
	"slices"
	"time"

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

// retrying is how long a list waits for ClickHouse to drop those who are leaving.
const retrying = 5 * time.Second

// Place is where tools connect to.
func (s *Server) Place() Place { return s.At }

func (s *Server) user(who control.Principal, u control.BIUser) (User, error) {
	one := User{Name: shortName(who.Workspace, u.Login), Login: u.Login, Details: u.Details, State: Reads, AddedAt: u.AddedAt}
	var err error
	switch {
	case u.Leaving:
		one.State = Leaving
		one.Statements, err = grant(who, u).Removal(s.Database)
	case !u.Applied:
		one.State = ByStatements
		one.Statements, err = grant(who, u).Statements(s.Database)
	}
	return one, err
}

func grant(who control.Principal, u control.BIUser) migrations.BIUser {
	return migrations.BIUser{Name: u.Login, PasswordHash: u.Hash, Workspace: who.Workspace, Details: u.Details}
}

// Users are those of the principal's workspace that were added here. Who was
// added on the command line is known to the server alone. Those who are leaving
// are dropped if ClickHouse takes that now.
func (s *Server) Users(ctx context.Context, who control.Principal) ([]User, error) {
	all, err := s.Store.BIUsers(ctx, who)
	if err != nil {
		return nil, err
	}
	trying, stop := context.WithTimeout(ctx, retrying)
	defer stop()
	var users []User
	for _, u := range all {
		// What is refused again was logged when the user was removed.
		if u.Leaving && trying.Err() == nil && s.drop(trying, who, u.Login) == nil {
			continue
		}
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

// drop has the server drop a user who is leaving, and forgets who is gone.
func (s *Server) drop(ctx context.Context, who control.Principal, login string) error {
	statements, err := migrations.BIUser{Name: login}.Removal(s.Database)
	if err != nil {
		return err
	}
	if err := s.Run(ctx, statements); err != nil {
		return err
	}
	return s.Store.ForgetBIUser(ctx, who, login)
}

func (s *Server) refused(ctx context.Context, login string, err error) {
	s.Log.WarnContext(ctx, "ClickHouse refused a statement about its users, which is left to an administrator", "user", login, "error", err.Error())
}

// Remove takes a user away, or says what is to be run for that: then the user is
// leaving, and stays in the list.
func (s *Server) Remove(ctx context.Context, who control.Principal, login string) (State, []string, error) {
	// The list goes first: whoever may still sign in stays in it.
	if err := s.Store.RemoveBIUser(ctx, who, login); err != nil {
		return "", nil, err
	}
	err := s.drop(ctx, who, login)
	if err == nil {
		return Gone, nil, nil
	}
	s.refused(ctx, login, err)
	statements, err := migrations.BIUser{Name: login}.Removal(s.Database)
	return Leaving, statements, err
}

// Confirm takes a user who is leaving off the list, on the principal's word that
// an administrator has run the statements.
func (s *Server) Confirm(ctx context.Context, who control.Principal, login string) error {
	return s.Store.ConfirmBIUserGone(ctx, who, login)
}
