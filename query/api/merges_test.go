package api_test

import (
	"slices"
	"strings"
	"testing"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/schema"
)

// TestAMergeIsUndoneByAClaim about what either contact was first known by, and
// the audit log says so without naming anybody.
func TestAMergeIsUndoneByAClaim(t *testing.T) {
	w := newStory(t)
	former := w.merged(t, w.ann, w.ada)
	c := w.keyed(w.ann, control.Admin)
	path := "/api/v1/contacts/" + w.ada.String() + "/merges"
	var list api.MergeList
	c.want(200, "GET", path, nil).into(t, &list)
	if len(list.Merged) != 1 || list.Merged[0].Contact != former || list.Merged[0].Node != "email:ada@a.example" || len(list.Apart) != 0 {
		t.Fatalf("the merges are %+v", list)
	}
	c.want(404, "POST", path, map[string]any{"contact": w.bob.String(), "apart": true})
	c.want(404, "POST", path, map[string]any{"contact": former, "apart": false})
	c.want(202, "POST", path, map[string]any{"contact": former, "apart": true})
	if len(w.leads.records) != 1 {
		t.Fatalf("%d records were appended", len(w.leads.records))
	}
	claims := w.leads.records[0].GetEvidence().GetClaims()
	if len(claims) != 1 || claims[0].GetBond() != schema.Bond_BOND_APART || !slices.Equal(claims[0].GetNodes(), []string{"email:ada@a.example", "intercom:ada"}) || !claims[0].GetVerified() {
		t.Errorf("claimed was %v", claims)
	}
	log, err := w.store.Audit(t.Context(), w.ann, 0, 10)
	if err != nil || !slices.ContainsFunc(log, func(e control.AuditEntry) bool {
		return e.Action == "merge undone" && e.Subject == claims[0].GetEvidence()
	}) {
		t.Errorf("the audit log is %+v, %v", log, err)
	}
	w.leads.broken = true
	c.want(503, "POST", path, map[string]any{"contact": former, "apart": true})
}

// TestAnErasureIsAskedForByOneName, and its list does not tell whom it was
// about.
func TestAnErasureIsAskedForByOneName(t *testing.T) {
	w := newStory(t)
	c := w.keyed(w.ann, control.Admin)
	for _, body := range []map[string]string{{}, {"email": "a@b.example", "phone": "+4930123456"}, {"email": "nobody"}, {"user_id": "undefined"}} {
		c.want(400, "POST", "/api/v1/erasures", body)
	}
	c.want(404, "POST", "/api/v1/erasures", map[string]string{"contact": w.eve.String()})
	var asked api.Erasure
	c.want(202, "POST", "/api/v1/erasures", map[string]string{"email": " Ada@A.example "}).into(t, &asked)
	task, err := w.store.Task(t.Context(), asked.Id)
	if err != nil {
		t.Fatal(err)
	}
	if work, err := w.store.ErasureWork(t.Context(), &task); err != nil || work.GetPart() != "email:ada@a.example" || work.GetWorkspace() != w.ann.Workspace {
		t.Errorf("it is about %v, %v", work, err)
	}
	list := c.want(200, "GET", "/api/v1/erasures", nil)
	if strings.Contains(strings.ToLower(string(list.body)), "ada@") || !strings.Contains(string(list.body), `"asked_at"`) {
		t.Errorf("the list is %s", list.body)
	}
	if other := w.keyed(w.ben, control.Owner).want(200, "GET", "/api/v1/erasures", nil); strings.Contains(string(other.body), "asked_at") {
		t.Errorf("another workspace reads %s", other.body)
	}
}
