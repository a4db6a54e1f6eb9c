package api_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/query/api"
	"sourceloop/schema"
)

func unmarshal(value []byte) (*schema.LeadRecord, error) {
	record := &schema.LeadRecord{}
	return record, proto.Unmarshal(value, record)
}

func TestAConversionIsWrittenToTheLog(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Editor)
	body := map[string]any{"id": "order 7", "name": "purchase", "at": "2026-09-20T10:00:00.5+02:00", "value": 12.5, "email": " Ada@A.Example", "new": true}
	var first, again api.ConversionReceipt
	c.want(202, "POST", "/api/v1/conversions", body).into(t, &first)
	body["name"] = "renamed"
	c.want(202, "POST", "/api/v1/conversions", body).into(t, &again)
	if first != again || first.Id == "" {
		t.Errorf("one id became the conversions %q and %q", first.Id, again.Id)
	}
	record := w.leads.records[0]
	fact := record.GetEvidence().GetConversion()
	if w.leads.keys[0] != string(schema.LeadKey(w.ann.Workspace)) || record.GetWorkspace() != w.ann.Workspace {
		t.Errorf("it went to %q, workspace %d", w.leads.keys[0], record.GetWorkspace())
	}
	if fact.GetNode() != "email:ada@a.example" || fact.GetValue() != 12.5 || fact.GetCurrency() != "EUR" || fact.GetName() != "purchase" ||
		fact.GetAt() != 1789891200500 || schema.ID(fact.GetId()).String() != first.Id {
		t.Errorf("the conversion is %v", fact)
	}
	claim := record.GetEvidence().GetClaims()[0]
	if !claim.GetVerified() || claim.GetMethod() != "api" || strings.Join(claim.GetNodes(), " ") != "email:ada@a.example" {
		t.Errorf("the claim is %v", claim)
	}
}

func TestWhoseAConversionIs(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Editor)
	for _, test := range []struct {
		name  string
		whose map[string]string
		node  string // "" for 400
		says  string
	}{
		{"phone", map[string]string{"phone": "+49 30 1234567"}, "phone:+49301234567", ""},
		{"visitor", map[string]string{"visitor": "4f1c0d6f"}, "visitor:4f1c0d6f", ""},
		{"user", map[string]string{"user_id": " u1 "}, "user:u1", ""},
		{"nobody", nil, "", "exactly one of"},
		{"two", map[string]string{"email": "a@b.example", "phone": "+49301234567"}, "", "exactly one of"},
		{"no email", map[string]string{"email": "ada"}, "", "name@example.com"},
		{"no phone", map[string]string{"phone": "030"}, "", "phone with its country"},
		{"a stand-in for nobody", map[string]string{"user_id": "undefined"}, "", "stands for one person"},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := map[string]any{"id": test.name, "name": "purchase", "at": "2026-09-20T10:00:00Z"}
			for k, v := range test.whose {
				body[k] = v
			}
			if test.node == "" {
				contains(t, string(c.want(400, "POST", "/api/v1/conversions", body).body), test.says)
				return
			}
			c.want(202, "POST", "/api/v1/conversions", body)
			evidence := w.leads.records[len(w.leads.records)-1].GetEvidence()
			if got := evidence.GetConversion().GetNode(); got != test.node {
				t.Errorf("it is of %q, want %q", got, test.node)
			}
			if visitor := evidence.GetConversion().GetVisitor(); visitor != "" && len(evidence.GetClaims()) != 0 || visitor == "" && len(evidence.GetClaims()) != 1 {
				t.Errorf("visitor %q comes with %d claims", visitor, len(evidence.GetClaims()))
			}
		})
	}
}

func TestConversionsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	c := w.keyed(w.ann, control.Editor)
	for _, test := range []struct {
		name, body, says string
	}{
		{"no JSON", `{`, "JSON"},
		{"a list", `[]`, "The body"},
		{"no id", `{"name":"p","at":"2026-09-20T10:00:00Z","email":"a@b.example"}`, "The field id is missing"},
		{"no time", `{"id":"1","name":"p","at":"yesterday","email":"a@b.example"}`, "The field at"},
		{"another century", `{"id":"1","name":"p","at":"2099-09-20T10:00:00Z","email":"a@b.example"}`, "more than a day ahead"},
		{"before 1970", `{"id":"1","name":"p","at":"1960-09-20T10:00:00Z","email":"a@b.example"}`, "before 1970"},
		{"no number", `{"id":"1","name":"p","at":"2026-09-20T10:00:00Z","email":"a@b.example","value":1e999}`, ""},
		{"no currency", `{"id":"1","name":"p","at":"2026-09-20T10:00:00Z","email":"a@b.example","currency":"euro"}`, "The field currency"},
		{"ours", `{"id":"1","name":"contact","at":"2026-09-20T10:00:00Z","email":"a@b.example"}`, "finds by itself"},
		{"blank", `{"id":" ","name":"p","at":"2026-09-20T10:00:00Z","email":"a@b.example"}`, "blank"},
		{"deep", strings.Repeat("[", 20_000), "JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			contains(t, string(c.want(400, "POST", "/api/v1/conversions", strings.NewReader(test.body)).body), test.says)
		})
	}
	if len(w.leads.records) != 0 {
		t.Errorf("%d of them were written", len(w.leads.records))
	}
	c.want(415, "POST", "/api/v1/conversions", strings.NewReader("id=1"), "Content-Type", "application/x-www-form-urlencoded")
	c.want(413, "POST", "/api/v1/conversions", strings.NewReader(`{"id":"`+strings.Repeat("x", 1<<20)+`"}`))
	w.leads.broken = true
	a := c.want(http.StatusServiceUnavailable, "POST", "/api/v1/conversions", map[string]string{"id": "1", "name": "p", "at": "2026-09-20T10:00:00Z", "email": "a@b.example"})
	contains(t, string(a.body), "Send it again with the same id")
	if a.header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
}

func TestAConversionOfALittleAheadIsNow(t *testing.T) {
	w := newWorld(t)
	w.keyed(w.ann, control.Editor).want(202, "POST", "/api/v1/conversions",
		map[string]string{"id": "1", "name": "p", "at": "2026-09-21T11:00:00Z", "email": "a@b.example"})
	if got := w.leads.records[0].GetEvidence().GetConversion().GetAt(); got != today().UnixMilli() {
		t.Errorf("it happened at %d", got)
	}
}
