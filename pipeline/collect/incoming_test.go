package collect_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/collect"
	"sourceloop/schema"
)

// shops are the addresses at which programs tell of conversions.
type shops struct{}

func (shops) IncomingHook(token string) (schema.IncomingHook, bool) {
	switch token {
	case "in_shop":
		return schema.IncomingHook{ID: 3, Workspace: 7, Name: "Shop", Conversion: "purchase", HasValue: true, Value: 5}, true
	case "in_order":
		return schema.IncomingHook{ID: 4, Workspace: 7, Name: "Orders", Conversion: "order", Currency: "USD", IDPath: "id", ValuePath: "total"}, true
	}
	return schema.IncomingHook{}, false
}

func (shops) Workspace(id uint32) (*schema.Workspace, bool) {
	return &schema.Workspace{ID: id, Currency: "EUR"}, id == 7
}

func TestIncomingWebhooks(t *testing.T) {
	for _, test := range []struct {
		name, path, body string
		headers          []string
		status           int
		noted, says      string
	}{
		{"taken", "/hooks/in/in_shop", `{"a":{"email":"Ada@A.example"}}`, nil, 202, "taken", ""},
		{"a form", "/hooks/in/in_shop", "email=ada%40a.example", []string{"Content-Type", "application/x-www-form-urlencoded"}, 202, "taken", ""},
		{"unknown address", "/hooks/in/in_none", `{"email":"ada@a.example"}`, nil, 404, "", "no such address"},
		{"no JSON", "/hooks/in/in_shop", `{`, nil, 400, "malformed", "neither JSON nor a form"},
		{"too large", "/hooks/in/in_shop", strings.Repeat(" ", 1<<20+1), nil, 413, "malformed", "larger than 1 MiB"},
		{"no UTF-8", "/hooks/in/in_shop", "{\"email\":\"\xff\"}", nil, 400, "malformed", "neither JSON nor a form"},
		{"too deep", "/hooks/in/in_shop", strings.Repeat("[", 100) + strings.Repeat("]", 100), nil, 400, "malformed", "nested deeper than 32"},
		{"nobody", "/hooks/in/in_shop", `{"x":1}`, nil, 422, "no_person", "neither an email nor a phone"},
		{"several", "/hooks/in/in_shop", `{"email":"ada@a.example","his_email":"bob@a.example"}`, nil, 422, "ambiguous", `\"his_email\"`},
		{"no id", "/hooks/in/in_order", `{"email":"ada@a.example","total":3}`, nil, 422, "no_id", "no id at id"},
		{"no value", "/hooks/in/in_order", `{"email":"ada@a.example","id":1}`, nil, 422, "no_value", "no number at total"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, nil)
			got := p.do(t, http.MethodPost, test.path, test.body, test.headers...)
			if got.status != test.status || !strings.Contains(got.body, test.says) || strings.Contains(got.body, "@") {
				t.Fatalf("%d %s", got.status, got.body)
			}
			kept := len(p.log.topics[schema.TopicLeads])
			if (test.status == 202) != (kept == 1) {
				t.Errorf("%d records were kept", kept)
			}
			want := ""
			if test.noted != "" {
				want = "incoming " + map[bool]string{true: "3", false: "4"}[strings.HasSuffix(test.path, "in_shop")] + " " + test.noted + " true"
			}
			if notes := strings.Join(p.signals.notes, "\n"); notes != want {
				t.Errorf("noted %q, want %q", notes, want)
			}
			if p.logged.Len() > 0 {
				t.Errorf("logged: %s", p.logged)
			}
		})
	}
}

// TestAnAddressIsHeldToItsRate: one that floods is told to wait, and the others
// are not held up.
func TestAnAddressIsHeldToItsRate(t *testing.T) {
	p := start(t, func(c *collect.Config) { c.IncomingRate = collect.Rate{PerSecond: 1, Burst: 1} })
	for i, want := range []int{202, 429} {
		if got := p.do(t, http.MethodPost, "/hooks/in/in_shop", `{"email":"ada@a.example"}`); got.status != want {
			t.Fatalf("request %d: %d %s", i, got.status, got.body)
		}
	}
	if notes := strings.Join(p.signals.notes, "\n"); notes != "incoming 3 taken true\nincoming 3 limited true" {
		t.Errorf("noted %q", notes)
	}
	if kept := len(p.log.topics[schema.TopicLeads]); kept != 1 {
		t.Errorf("%d records were kept", kept)
	}
}

// TestAConversionThatIsNotKeptIsAskedForAgain: and what came is in no log.
func TestAConversionThatIsNotKeptIsAskedForAgain(t *testing.T) {
	p := start(t, nil)
	p.log.err = errors.New("no disk")
	if got := p.do(t, http.MethodPost, "/hooks/in/in_shop", `{"email":"ada@a.example"}`); got.status != 503 || strings.Contains(got.body, "no disk") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if len(p.signals.notes) > 0 || strings.Contains(p.logged.String(), "ada") || strings.Contains(p.logged.String(), "in_shop") {
		t.Errorf("noted %q, logged %s", p.signals.notes, p.logged)
	}
}

func TestAnIncomingConversionIsThatOfTheAPI(t *testing.T) {
	p := start(t, nil)
	for range 2 {
		if got := p.do(t, http.MethodPost, "/hooks/in/in_order", `{"id":"A7","total":"12.5","email":"Ada@A.example"}`); got.status != 202 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	values, keys := p.log.topics[schema.TopicLeads], p.log.keys[schema.TopicLeads]
	if len(values) != 2 || string(values[0]) != string(values[1]) || keys[0] != string(schema.LeadKey(7)) {
		t.Fatalf("kept %d records, with the key %q", len(values), keys)
	}
	var record schema.LeadRecord
	if err := proto.Unmarshal(values[0], &record); err != nil {
		t.Fatal(err)
	}
	fact := record.GetEvidence().GetConversion()
	if fact.GetNode() != "email:ada@a.example" || fact.GetValue() != 12.5 || fact.GetCurrency() != "USD" || fact.GetName() != "order" || fact.GetExternalId() != "in-4-A7" {
		t.Errorf("the conversion is %v", fact)
	}
	if claims := record.GetEvidence().GetClaims(); len(claims) != 1 || !claims[0].GetVerified() {
		t.Errorf("the claims are %v", claims)
	}
}
