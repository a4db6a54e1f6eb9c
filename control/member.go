package control

import (
	"context"
	"fmt"

	"sourceloop/schema"
)

// Member is a person in a workspace.
type Member struct {
	User  int64
	Email string
	Role  Role
	Since schema.Millis
}

// Membership is a workspace of a person.
type Membership struct {
	Workspace uint32
	Name      string
	Role      Role
}

// Members are the people of the principal's workspace, the oldest first.
func (s *Store) Members(ctx context.Context, who Principal) ([]Member, error) {
	const op = "list the members"
	if err := who.Require(op, Read); err != nil {
		return nil, err
	}
	var all []Member
	err := s.reader().each(ctx, "members_of", []any{int64(who.Workspace)}, func(scan func(...any) error) error {
		var m Member
		err := scan(&m.User, &m.Email, &m.Role, &m.Since)
		all = append(all, m)
		return err
	})
	return all, failed(op, err)
}

// Memberships are the workspaces of a person, the oldest membership first.
func (s *Store) Memberships(ctx context.Context, user int64) ([]Membership, error) {
	var all []Membership
	err := s.reader().each(ctx, "memberships_of", []any{user}, func(scan func(...any) error) error {
		var m Membership
		var workspace int64
		err := scan(&workspace, &m.Name, &m.Role)
		m.Workspace = uint32(workspace)
		all = append(all, m)
		return err
	})
	return all, failed("list the workspaces", err)
}

// AddMember makes a person with an account a member. Nobody gives more than
// they have.
func (s *Store) AddMember(ctx context.Context, who Principal, email string, role Role) error {
	const op = "add a member"
	if err := mayGive(op, who, role); err != nil {
		return err
	}
	email, err := cleanEmail(op, email)
	if err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		var user int64
		var hash string
		found, err := t.one(ctx, "user_by_email", []any{email}, &user, &hash)
		if err != nil {
			return err
		}
		if !found {
			return schema.E(op, schema.KindUnknown, "Nobody has an account with this email. They must sign up first.")
		}
		added, err := t.exec(ctx, "member_insert", int64(who.Workspace), user, string(role), int64(t.now))
		if err != nil {
			return err
		}
		if added == 0 {
			return schema.E(op, schema.KindConflict, "This person is a member already. Change their role instead.")
		}
		return t.audit(ctx, who, "member added", fmt.Sprintf("user %d as %s", user, role))
	})
}

// SetRole changes a member's role. The last Owner stays Owner.
func (s *Store) SetRole(ctx context.Context, who Principal, user int64, role Role) error {
	const op = "change a role"
	if err := mayGive(op, who, role); err != nil {
		return err
	}
	return s.update(ctx, op, func(t *tx) error {
		if err := t.mayTouch(ctx, op, who, user, role); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "member_role", int64(who.Workspace), user, string(role)); err != nil {
			return err
		}
		return t.audit(ctx, who, "role changed", fmt.Sprintf("user %d to %s", user, role))
	})
}

// RemoveMember ends a membership and the sessions in it, at once. Everybody
// may leave, except the last Owner.
func (s *Store) RemoveMember(ctx context.Context, who Principal, user int64) error {
	const op = "remove a member"
	if user != who.User || who.User == 0 {
		if err := who.Require(op, ManageMembers); err != nil {
			return err
		}
	}
	return s.update(ctx, op, func(t *tx) error {
		if err := t.mayTouch(ctx, op, who, user, ""); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "sign_ins_leave", int64(who.Workspace), user); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "member_delete", int64(who.Workspace), user); err != nil {
			return err
		}
		return t.audit(ctx, who, "member removed", fmt.Sprintf("user %d", user))
	})
}

func mayGive(op string, who Principal, role Role) error {
	if err := who.Require(op, ManageMembers); err != nil {
		return err
	}
	if role.rank() == 0 {
		return schema.E(op, schema.KindInvalid, "%q is no role. Use owner, admin, editor or viewer.", role)
	}
	if role.rank() > who.Role.rank() {
		return schema.E(op, schema.KindDenied, "You cannot give a role above your own. Ask an Owner.")
	}
	return nil
}

// mayTouch refuses what concerns someone above who, or the last Owner. next is
// the role they will have, "" for none.
func (t *tx) mayTouch(ctx context.Context, op string, who Principal, user int64, next Role) error {
	// The lock on the workspace's row orders two Owners who remove each other.
	if _, err := t.exec(ctx, "workspace_lock", int64(who.Workspace)); err != nil {
		return err
	}
	var role Role
	var owners int64
	found, err := t.one(ctx, "member_find", []any{int64(who.Workspace), user}, &role, &owners)
	switch {
	case err != nil:
		return err
	case !found:
		return schema.E(op, schema.KindUnknown, "This person is no member of this workspace.")
	case role.rank() > who.Role.rank():
		return schema.E(op, schema.KindDenied, "Only an Owner can change an Owner.")
	case role == Owner && next != Owner && owners <= 1:
		return schema.E(op, schema.KindConflict, "This is the last Owner, who must stay. Make somebody else Owner first.")
	}
	return nil
}
