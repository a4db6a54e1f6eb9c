package control_test

import (
	"fmt"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/control/controltest"
	"sourceloop/schema"
)

func testSegments(t *testing.T, dsn string) {
	ctx := t.Context()
	s := controltest.Open(t, dsn, control.Options{})
	ann, ben := controltest.NewOwner(t, s, "ann@example.com"), controltest.NewOwner(t, s, "ben@example.com")
	save := func(name string, filters ...string) control.Segment {
		t.Helper()
		return must[control.Segment](t)(s.SaveSegment(ctx, ann, name, filters))
	}
	paid := save(" Paid ", "medium:is:cpc", "country:is_not:DE")
	again := save("Paid", "medium:is:cpc")
	save("Mail", "channel:is:Email")
	if again.ID != paid.ID || paid.Name != "Paid" {
		t.Errorf("saved anew the segment %+v is %+v", paid, again)
	}
	if got := must[[]control.Segment](t)(s.Segments(ctx, ann)); fmt.Sprint(got) != fmt.Sprintf("[{%d Mail [channel:is:Email]} {%d Paid [medium:is:cpc]}]", got[0].ID, paid.ID) {
		t.Errorf("the segments are %v", got)
	}
	if got := must[[]control.Segment](t)(s.Segments(ctx, ben)); len(got) != 0 {
		t.Errorf("another workspace has %v", got)
	}
	wantKind(t, s.DeleteSegment(ctx, ben, paid.ID), schema.KindUnknown)
	viewer := ann
	viewer.Role = control.Viewer
	wantKind(t, s.DeleteSegment(ctx, viewer, paid.ID), schema.KindDenied)
	for name, filters := range map[string][]string{"": {"medium:is:cpc"}, "none": nil, strings.Repeat("x", 101): {"medium:is:cpc"}, "many": make([]string, 21)} {
		_, err := s.SaveSegment(ctx, ann, name, filters)
		wantKind(t, err, schema.KindInvalid)
	}
	ok(t, s.DeleteSegment(ctx, ann, paid.ID))
	if got := must[[]control.Segment](t)(s.Segments(ctx, ann)); len(got) != 1 || got[0].Name != "Mail" {
		t.Errorf("one deleted, they are %v", got)
	}
}
