package conversion_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"sourceloop/control/conversion"
	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

const now schema.Millis = 1_790_000_000_000

func workspace() *schema.Workspace {
	return &schema.Workspace{ID: 7, Currency: "EUR", Goals: []schema.Goal{{Name: "Pricing seen", Kind: schema.PageGoal}, {Name: "purchase", Kind: schema.APIGoal}}}
}

func TestWhatIsToldIsEvidence(t *testing.T) {
	visitor := "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
	for _, test := range []struct {
		name                    string
		in                      conversion.Told
		node, currency, visitor string
		at                      schema.Millis
		claims                  int
	}{
		{"an email", conversion.Told{ID: " A7\x00 ", Name: "purchase", At: now - 5, Value: 3, Email: " Ada@A.example "}, "email:ada@a.example", "EUR", "", now - 5, 1},
		{"a phone", conversion.Told{ID: "A7", Name: "purchase", At: now, Phone: "+49 30 1234567", Currency: "USD"}, "phone:+49301234567", "USD", "", now, 1},
		{"a time ahead", conversion.Told{ID: "A7", Name: "purchase", At: now + 1000, UserID: "u1"}, "user:u1", "EUR", "", now, 1},
		{"a browser, which names nobody", conversion.Told{ID: "A7", Name: "purchase", At: now, Visitor: visitor}, "visitor:" + visitor, "EUR", visitor, now, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := conversion.Evidence(workspace(), test.in, identity.Rules{}, now)
			if err != nil {
				t.Fatal(err)
			}
			f := e.GetConversion()
			if f.GetNode() != test.node || f.GetCurrency() != test.currency || f.GetVisitor() != test.visitor || f.GetAt() != int64(test.at) ||
				f.GetExternalId() != "A7" || f.GetValue() != test.in.Value || f.GetWorkspace() != 7 || f.GetUpdated() != int64(now) {
				t.Errorf("the conversion is %v", f)
			}
			if len(e.GetClaims()) != test.claims {
				t.Errorf("the claims are %v", e.GetClaims())
			}
		})
	}
}

func TestWhatCannotBeIsRefusedInWords(t *testing.T) {
	for _, test := range []struct {
		name string
		in   conversion.Told
		says string
	}{
		{"nobody", conversion.Told{ID: "A7", Name: "purchase", At: now, Email: " "}, "exactly one"},
		{"two", conversion.Told{ID: "A7", Name: "purchase", At: now, Email: "ada@a.example", Phone: "+49301234567"}, "exactly one"},
		{"no email", conversion.Told{ID: "A7", Name: "purchase", At: now, Email: "ada"}, "The email cannot be somebody's"},
		{"a guest", conversion.Told{ID: "A7", Name: "purchase", At: now, UserID: "guest"}, "cannot be somebody's"},
		{"no id", conversion.Told{ID: " \x01", Name: "purchase", At: now, Email: "ada@a.example"}, "id or the name is blank"},
		{"no name", conversion.Told{ID: "A7", At: now, Email: "ada@a.example"}, "id or the name is blank"},
		{"a name of ours", conversion.Told{ID: "A7", Name: "contact", At: now, Email: "ada@a.example"}, "Choose another one"},
		{"a goal's name", conversion.Told{ID: "A7", Name: "Pricing seen", At: now, Email: "ada@a.example"}, "counted by SourceLoop itself"},
		{"before 1970", conversion.Told{ID: "A7", Name: "purchase", At: -1, Email: "ada@a.example"}, "before 1970"},
		{"two days ahead", conversion.Told{ID: "A7", Name: "purchase", At: now.Add(48 * time.Hour), Email: "ada@a.example"}, "a day ahead"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := conversion.Evidence(workspace(), test.in, identity.Rules{}, now)
			if schema.KindOf(err) != schema.KindInvalid || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "ada@") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestTheSameIDIsTheSameConversion: whoever it is about, in one workspace.
func TestTheSameIDIsTheSameConversion(t *testing.T) {
	id := func(w *schema.Workspace, in conversion.Told) string {
		e, err := conversion.Evidence(w, in, identity.Rules{}, now)
		if err != nil {
			t.Fatal(err)
		}
		return string(e.GetConversion().GetId())
	}
	one := id(workspace(), conversion.Told{ID: "A7", Name: "purchase", At: now, Email: "ada@a.example"})
	if one != id(workspace(), conversion.Told{ID: "A7", Name: "order", At: now - 9, Phone: "+49301234567"}) {
		t.Error("the same id is another conversion")
	}
	if one == id(workspace(), conversion.Told{ID: "A8", Name: "purchase", At: now, Email: "ada@a.example"}) {
		t.Error("another id is the same conversion")
	}
	if one == id(&schema.Workspace{ID: 8}, conversion.Told{ID: "A7", Name: "purchase", At: now, Email: "ada@a.example"}) {
		t.Error("another workspace's id is the same conversion")
	}
}

func TestRecord(t *testing.T) {
	e, err := conversion.Evidence(workspace(), conversion.Told{ID: "A7", Name: "purchase", At: now, Email: "ada@a.example"}, identity.Rules{}, now)
	if err != nil {
		t.Fatal(err)
	}
	key, value, err := conversion.Record(7, e, now)
	if err != nil {
		t.Fatal(err)
	}
	var back schema.LeadRecord
	if err := proto.Unmarshal(value, &back); err != nil {
		t.Fatal(err)
	}
	if string(key) != string(schema.LeadKey(7)) || back.GetWorkspace() != 7 || back.GetReceived() != int64(now) || !proto.Equal(back.GetEvidence(), e) {
		t.Errorf("the record is %v under %q", &back, key)
	}
}
