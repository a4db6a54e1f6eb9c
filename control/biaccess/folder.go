package biaccess

import (
	"context"
	"slices"
	"time"

	"sourceloop/control"
	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

// Folder are the users of the embedded engine of this process.
type Folder struct {
	File  File
	At    Place
	Began []migrations.BIUser // whom the engine knows since it started
	Store *control.Store      // for roles and the audit log
	Now   func() time.Time
}

// Place is where tools connect to.
func (f *Folder) Place() Place { return f.At }

// Users are those of the principal's workspace: as the file has them, and those
// removed whom the engine still knows.
func (f *Folder) Users(_ context.Context, who control.Principal) ([]User, error) {
	if err := who.Require("list the BI users", control.ManageBI); err != nil {
		return nil, err
	}
	all, err := f.File.Users()
	if err != nil {
		return nil, err
	}
	var users []User
	for _, u := range all {
		if u.Workspace == who.Workspace {
			users = append(users, userOf(u, f.stateOf(u)))
		}
	}
	for _, u := range f.Began {
		if u.Workspace == who.Workspace && !slices.ContainsFunc(all, sameLogin(u)) {
			users = append(users, userOf(u, UntilNextStart))
		}
	}
	return users, nil
}

func userOf(u migrations.BIUser, state State) User {
	return User{Name: shortName(u.Workspace, u.Name), Login: u.Name, Details: u.Details, State: state, AddedAt: schema.Millis(u.AddedAt)}
}

// stateOf is that of a user in the file.
func (f *Folder) stateOf(u migrations.BIUser) State {
	switch {
	case slices.Contains(f.Began, u):
		return Reads
	case slices.ContainsFunc(f.Began, sameLogin(u)):
		return Renewed
	}
	return FromNextStart
}

// sameLogin finds users of the same workspace with the same login, of whatever
// password.
func sameLogin(as migrations.BIUser) func(migrations.BIUser) bool {
	return func(u migrations.BIUser) bool { return u.Name == as.Name && u.Workspace == as.Workspace }
}

// Add lets somebody read the principal's workspace from the next start on.
func (f *Folder) Add(ctx context.Context, who control.Principal, name string, details bool) (User, string, error) {
	u, password, err := newUser(who, name, details)
	if err != nil {
		return User{}, "", err
	}
	u.AddedAt = f.Now().UnixMilli()
	err = f.File.Change(func(all []migrations.BIUser) ([]migrations.BIUser, error) {
		const op = "add the BI user"
		mine := 0
		for _, other := range all {
			if other.Name == u.Name {
				return nil, schema.E(op, schema.KindConflict, "There is a BI user %s already. Remove it first, or choose another name.", u.Name)
			}
			if other.Workspace == who.Workspace {
				mine++
			}
		}
		if mine >= control.MostBIUsers {
			return nil, schema.E(op, schema.KindConflict, "A workspace has at most %d BI users, and this one has them. Remove one first.", control.MostBIUsers)
		}
		// The audit log goes first: nobody is let in without an entry.
		return append(all, u), f.Store.NoteBIUser(ctx, who, control.BIUser{Login: u.Name, Details: details}, false)
	})
	return userOf(u, f.stateOf(u)), password, err
}

// Remove takes that away from the next start on, and says whether the user can
// sign in until then.
func (f *Folder) Remove(ctx context.Context, who control.Principal, login string) (State, []string, error) {
	mine := sameLogin(migrations.BIUser{Name: login, Workspace: who.Workspace})
	err := f.File.Change(func(all []migrations.BIUser) ([]migrations.BIUser, error) {
		at := slices.IndexFunc(all, mine)
		if at < 0 {
			return nil, unknownUser(login)
		}
		return slices.Delete(all, at, at+1), f.Store.NoteBIUser(ctx, who, control.BIUser{Login: login}, true)
	})
	if err == nil && slices.ContainsFunc(f.Began, mine) {
		return UntilNextStart, nil, nil
	}
	return Gone, nil, err
}

// Confirm refuses: nobody is asked to run anything on the embedded engine.
func (f *Folder) Confirm(_ context.Context, who control.Principal, _ string) error {
	const op = "confirm that the BI user is gone"
	if err := who.Require(op, control.ManageBI); err != nil {
		return err
	}
	return schema.E(op, schema.KindConflict, "The embedded ClickHouse forgets removed users at its next start, and nobody runs statements for that. Start SourceLoop again.")
}
