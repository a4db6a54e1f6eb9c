package control_test

import (
	"fmt"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testBIUsers(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, ben := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "ben@example.com")
	looker := control.BIUser{Login: "w1_looker", Hash: strings.Repeat("0f", 32), Details: true}
	ok(t, s.AddBIUser(ctx, ann, looker))
	wantKind(t, s.AddBIUser(ctx, ann, looker), schema.KindConflict)
	ok(t, s.MarkBIUserApplied(ctx, ben, looker.Login)) // another workspace's mark changes nothing
	list := func(who control.Principal) []control.BIUser { return must[[]control.BIUser](t)(s.BIUsers(ctx, who)) }
	if got := list(ann); len(got) != 1 || got[0].Login != looker.Login || got[0].Hash != looker.Hash || !got[0].Details || got[0].Applied || got[0].AddedAt == 0 {
		t.Errorf("the BI users are %+v", got)
	}
	ok(t, s.MarkBIUserApplied(ctx, ann, looker.Login))
	if got := list(ann); len(got) != 1 || !got[0].Applied {
		t.Errorf("the user made, they are %+v", got)
	}
	if got := list(ben); len(got) != 0 {
		t.Errorf("another workspace has %+v", got)
	}
	editor := ann
	editor.Role = control.Editor
	_, err := s.BIUsers(ctx, editor)
	wantKind(t, err, schema.KindDenied)
	for _, err := range []error{
		s.AddBIUser(ctx, editor, looker), s.MarkBIUserApplied(ctx, editor, looker.Login), s.RemoveBIUser(ctx, editor, looker.Login),
		s.ForgetBIUser(ctx, editor, looker.Login), s.ConfirmBIUserGone(ctx, editor, looker.Login), s.NoteBIUser(ctx, editor, looker, true),
	} {
		wantKind(t, err, schema.KindDenied)
	}
	wantKind(t, s.RemoveBIUser(ctx, ben, looker.Login), schema.KindUnknown)
	for i := 1; i < control.MostBIUsers; i++ {
		ok(t, s.AddBIUser(ctx, ann, control.BIUser{Login: fmt.Sprint("w1_", i), Hash: looker.Hash}))
	}
	wantKind(t, s.AddBIUser(ctx, ann, control.BIUser{Login: "w1_more", Hash: looker.Hash}), schema.KindConflict)
	testBILeaving(t, s, ann, ben, looker)
	ok(t, s.NoteBIUser(ctx, ann, control.BIUser{Login: "w1_kept_elsewhere"}, false))
	entries := must[[]control.AuditEntry](t)(s.Audit(ctx, ann, 0, 2))
	if fmt.Sprint(entries[0].Action, " ", entries[0].Subject, ", ", entries[1].Action, " ", entries[1].Subject) != "BI user added w1_kept_elsewhere, BI user confirmed gone w1_looker" {
		t.Errorf("the audit log has %+v", entries)
	}
}

// testBILeaving: who was removed stays in the list until it is known to be gone, and only those who were removed go.
func testBILeaving(t *testing.T, s *control.Store, ann, ben control.Principal, looker control.BIUser) {
	t.Helper()
	ctx := t.Context()
	find := func() (u control.BIUser, found bool) {
		for _, one := range must[[]control.BIUser](t)(s.BIUsers(ctx, ann)) {
			if one.Login == looker.Login {
				return one, true
			}
		}
		return u, false
	}
	wantKind(t, s.ConfirmBIUserGone(ctx, ann, looker.Login), schema.KindConflict)
	wantKind(t, s.ConfirmBIUserGone(ctx, ann, "w1_nobody"), schema.KindUnknown)
	ok(t, s.ForgetBIUser(ctx, ann, looker.Login)) // not removed, so it stays
	if u, found := find(); !found || u.Leaving {
		t.Errorf("before it is removed the user is %+v, %v", u, found)
	}
	ok(t, s.RemoveBIUser(ctx, ann, looker.Login))
	ok(t, s.RemoveBIUser(ctx, ann, looker.Login))
	ok(t, s.ForgetBIUser(ctx, ben, looker.Login))
	wantKind(t, s.ConfirmBIUserGone(ctx, ben, looker.Login), schema.KindUnknown)
	wantKind(t, s.AddBIUser(ctx, ann, looker), schema.KindConflict)
	if u, found := find(); !found || !u.Leaving {
		t.Errorf("removed, the user is %+v, %v", u, found)
	}
	entries := must[[]control.AuditEntry](t)(s.Audit(ctx, ann, 0, 2))
	if entries[0].Action != "BI user removed" || entries[1].Action == "BI user removed" {
		t.Errorf("removed twice, the audit log has %+v", entries)
	}
	ok(t, s.ForgetBIUser(ctx, ann, looker.Login))
	if u, found := find(); found {
		t.Errorf("forgotten, the user is %+v", u)
	}
	ok(t, s.AddBIUser(ctx, ann, looker))
	ok(t, s.RemoveBIUser(ctx, ann, looker.Login))
	ok(t, s.ConfirmBIUserGone(ctx, ann, looker.Login))
	if u, found := find(); found {
		t.Errorf("confirmed to be gone, the user is %+v", u)
	}
}
