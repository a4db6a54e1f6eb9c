package control_test

import (
	"testing"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testIncoming(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, bob := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "bob@example.com")
	editor := ann
	editor.Role = control.Editor
	shop := schema.IncomingHook{Name: " Shop ", Conversion: "purchase", HasValue: true, Value: 5, Currency: "usd", IDPath: "order.Order ID"}
	_, _, err := s.CreateIncomingHook(ctx, editor, shop)
	wantKind(t, err, schema.KindDenied)
	for _, bad := range []schema.IncomingHook{
		{Name: "x"}, {Name: "x", Conversion: "contact"}, {Name: "x", Conversion: "p", Currency: "EURO"}, {Name: "x", Conversion: "p", IDPath: "a..b"}, {Name: "x", Conversion: "p", IDPath: "a. b"},
	} {
		_, _, err := s.CreateIncomingHook(ctx, ann, bad)
		wantKind(t, err, schema.KindInvalid)
	}
	made, token, err := s.CreateIncomingHook(ctx, ann, shop)
	ok(t, err)
	found, there := s.Directory().IncomingHook(token)
	if !there || found != made || found.Name != "Shop" || found.Currency != "USD" || found.Workspace != ann.Workspace || !found.HasValue {
		t.Fatalf("the address is %+v, made as %+v", found, made)
	}
	wantKind(t, s.DeleteIncomingHook(ctx, bob, made.ID), schema.KindUnknown)
	made.HasValue, made.Value, made.Conversion = false, 0, "order"
	ok(t, s.UpdateIncomingHook(ctx, ann, made))
	renewed := must[string](t)(s.RenewIncomingHook(ctx, ann, made.ID))
	if _, there = s.Directory().IncomingHook(token); there {
		t.Fatal("a former address is still somebody's")
	}
	if found, _ = s.Directory().IncomingHook(renewed); found != made {
		t.Fatalf("the address is %+v, want %+v", found, made)
	}
	if theirs := must[[]schema.IncomingHook](t)(s.IncomingHooks(ctx, bob)); len(theirs) != 0 {
		t.Fatalf("Bob sees %+v", theirs)
	}
	ok(t, s.DeleteIncomingHook(ctx, ann, made.ID))
	if _, there = s.Directory().IncomingHook(renewed); there {
		t.Fatal("a deleted address is still somebody's")
	}
}
