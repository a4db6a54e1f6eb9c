package control

import (
	"context"
	"slices"

	"sourceloop/schema"
)

// MostBIUsers is how many people and tools read a workspace at most.
const MostBIUsers = 20

// BIUser is somebody who reads a workspace's views on a ClickHouse server.
type BIUser struct {
	Login   string // what they sign in with
	Hash    string // SHA-256 of the password, hexadecimal
	Details bool   // may also read who contacts are
	Applied bool   // this program made the user; else an administrator was asked to
	Leaving bool   // removed, but not known to be gone from the server
	AddedAt schema.Millis
}

// BIUsers are those of the principal's workspace, the oldest first.
func (s *Store) BIUsers(ctx context.Context, who Principal) ([]BIUser, error) {
	const op = "list the BI users"
	if err := who.Require(op, ManageBI); err != nil {
		return nil, err
	}
	all, err := s.reader().biUsers(ctx, who.Workspace)
	return all, failed(op, err)
}

func (r runner) biUsers(ctx context.Context, workspace uint32) ([]BIUser, error) {
	var all []BIUser
	err := r.each(ctx, "bi_users_of", []any{int64(workspace)}, func(scan func(...any) error) error {
		var u BIUser
		var details, applied, leaving int64
		err := scan(&u.Login, &u.Hash, &details, &applied, &leaving, &u.AddedAt)
		u.Details, u.Applied, u.Leaving = details != 0, applied != 0, leaving != 0
		all = append(all, u)
		return err
	})
	return all, err
}

// AddBIUser notes who is to read the principal's workspace, before anybody is
// made.
func (s *Store) AddBIUser(ctx context.Context, who Principal, u BIUser) error {
	const op = "add the BI user"
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		details := int64(0)
		if u.Details {
			details = 1
		}
		made, err := t.exec(ctx, "bi_user_insert", int64(who.Workspace), u.Login, u.Hash, details, int64(t.now))
		if err != nil {
			return err
		}
		if made == 0 {
			return schema.E(op, schema.KindConflict, "There is a BI user %s already, or one that is still leaving. Remove it first, or choose another name.", u.Login)
		}
		all, err := t.biUsers(ctx, who.Workspace)
		if err != nil {
			return err
		}
		if len(all) > MostBIUsers {
			return schema.E(op, schema.KindConflict, "A workspace has at most %d BI users, and this one has them. Remove one first.", MostBIUsers)
		}
		return t.audit(ctx, who, biAdded, biSubject(u.Login, u.Details))
	})
}

const (
	biAdded     = "BI user added"
	biRemoved   = "BI user removed"
	biConfirmed = "BI user confirmed gone"
)

func biSubject(login string, details bool) string {
	if details {
		return login + " with contact details"
	}
	return login
}

// MarkBIUserApplied notes that the user is there.
func (s *Store) MarkBIUserApplied(ctx context.Context, who Principal, login string) error {
	const op = "add the BI user"
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		_, err := t.exec(ctx, "bi_user_applied", int64(who.Workspace), login)
		return err
	})
}

// RemoveBIUser notes that one of the principal's workspace is to go. It stays in
// the list until ForgetBIUser. A second time changes nothing.
func (s *Store) RemoveBIUser(ctx context.Context, who Principal, login string) error {
	const op = "remove the BI user"
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		marked, err := t.exec(ctx, "bi_user_leaving", int64(who.Workspace), login)
		if err != nil {
			return err
		}
		if marked != 0 {
			return t.audit(ctx, who, biRemoved, login)
		}
		_, err = t.biUser(ctx, op, who.Workspace, login)
		return err
	})
}

func (t *tx) biUser(ctx context.Context, op string, workspace uint32, login string) (BIUser, error) {
	all, err := t.biUsers(ctx, workspace)
	if err != nil {
		return BIUser{}, err
	}
	at := slices.IndexFunc(all, func(u BIUser) bool { return u.Login == login })
	if at < 0 {
		return BIUser{}, schema.E(op, schema.KindUnknown, "There is no BI user %q in this workspace. It may have been removed.", login)
	}
	return all[at], nil
}

// ForgetBIUser takes one who is leaving off the list, since the server dropped
// it.
func (s *Store) ForgetBIUser(ctx context.Context, who Principal, login string) error {
	const op = "remove the BI user"
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		_, err := t.exec(ctx, "bi_user_delete", int64(who.Workspace), login)
		return err
	})
}

// ConfirmBIUserGone takes one who is leaving off the list on the word of the
// principal, which enters the audit log. Who was not removed is not forgotten.
func (s *Store) ConfirmBIUserGone(ctx context.Context, who Principal, login string) error {
	const op = "confirm that the BI user is gone"
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		u, err := t.biUser(ctx, op, who.Workspace, login)
		if err != nil {
			return err
		}
		if !u.Leaving {
			return schema.E(op, schema.KindConflict, "The BI user %s was not removed, and may read. Remove it first.", login)
		}
		if _, err := t.exec(ctx, "bi_user_delete", int64(who.Workspace), login); err != nil {
			return err
		}
		return t.audit(ctx, who, biConfirmed, login)
	})
}

// NoteBIUser enters into the audit log that somebody who is kept elsewhere, by
// the embedded engine, was added or removed; or refuses who may not do so.
func (s *Store) NoteBIUser(ctx context.Context, who Principal, u BIUser, removed bool) error {
	op, action := "add the BI user", biAdded
	if removed {
		op, action = "remove the BI user", biRemoved
	}
	if err := who.Require(op, ManageBI); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error { return t.audit(ctx, who, action, biSubject(u.Login, u.Details)) })
}
