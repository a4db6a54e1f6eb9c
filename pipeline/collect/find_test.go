package collect

import (
	"errors"
	"strings"
	"testing"

	"sourceloop/pipeline/identity"
	"sourceloop/schema"
)

func TestAPersonIsFoundInAnyJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, deepest+1) + `1` + strings.Repeat(`}`, deepest+1)
	for _, test := range []struct {
		name, body, contentType string
		hook                    schema.IncomingHook
		want, what              string // the person, or why not
	}{
		{name: "at the top", body: `{"email":"Ada@A.example"}`, want: "ada@a.example"},
		{name: "deep in lists", body: `{"data":[{"x":1},{"customer":{"Billing-Mail":" ada@a.example "}}]}`, want: "ada@a.example"},
		{name: "twice the same", body: `{"email":"ada@a.example","user":{"email":"ADA@a.example"}}`, want: "ada@a.example"},
		{name: "a named field before another", body: `{"from":"shop@a.example","email":"ada@a.example"}`, want: "ada@a.example"},
		{name: "anywhere", body: `["ada@a.example"]`, want: "ada@a.example"},
		{name: "several named", body: `{"email":"ada@a.example","other_email":"bea@a.example"}`, what: "ambiguous"},
		{name: "several anywhere", body: `["ada@a.example","bea@a.example"]`, what: "ambiguous"},
		{name: "the named place", body: `{"email":"shop@a.example","c":[{"mail":"ada@a.example"}]}`, hook: schema.IncomingHook{EmailPath: "c.0.mail"}, want: "ada@a.example"},
		{name: "the named place with a dollar", body: `{"c":{"m":"ada@a.example"}}`, hook: schema.IncomingHook{EmailPath: "$.c.m"}, want: "ada@a.example"},
		{name: "a named place with a blank", body: `{"Your answer":{"E-Post":"ada@a.example"},"mail":"shop@a.example"}`, hook: schema.IncomingHook{EmailPath: "Your answer.E-Post"}, want: "ada@a.example"},
		{name: "a named phone before a found email", body: `{"shop":"shop@a.example","email":"bea@a.example","to":"+49 30 1234567"}`, hook: schema.IncomingHook{PhonePath: "to"}, want: "+49301234567"},
		{name: "an email where the named phone is not", body: `{"email":"ada@a.example","phone":"+49301234567"}`, hook: schema.IncomingHook{PhonePath: "to"}, want: "ada@a.example"},
		{name: "a phone where the named email is not", body: `{"email":"shop@a.example","phone":"+49301234567"}`, hook: schema.IncomingHook{EmailPath: "to"}, want: "+49301234567"},
		{name: "no email at the place", body: `{"email":"ada@a.example","m":"nobody"}`, hook: schema.IncomingHook{EmailPath: "m"}, what: "no_person"},
		{name: "a phone", body: `{"phone":"+49 30 1234567","fax":"x"}`, want: "+49301234567"},
		{name: "a phone by its plus", body: `{"x":"+49 30 1234567"}`, want: "+49301234567"},
		{name: "an email before a phone", body: `{"phone":"+49 30 1234567","email":"ada@a.example"}`, want: "ada@a.example"},
		{name: "a phone without country", body: `{"phone":"030 1234567"}`, what: "no_person"},
		{name: "several phones", body: `{"phone":"+49301234567","mobile":"+491701234567"}`, what: "ambiguous"},
		{name: "nobody", body: `{"a":1,"b":null,"c":true}`, what: "no_person"},
		{name: "a form", body: "email=ada%40a.example&x=1", contentType: "application/x-www-form-urlencoded; charset=utf-8", want: "ada@a.example"},
		{name: "an empty form", body: "", contentType: "application/x-www-form-urlencoded", what: "no_person"},
		{name: "no JSON", body: `{"email"`, what: "form"},
		{name: "JSON and more", body: `{"email":"ada@a.example"}{}`, what: "form"},
		{name: "nothing", body: ``, what: "form"},
		{name: "too deep", body: deep, what: "much"},
		{name: "as deep as may be", body: strings.Repeat(`[`, deepest) + `"ada@a.example"` + strings.Repeat(`]`, deepest), want: "ada@a.example"},
		{name: "too many values", body: `["ada@a.example"` + strings.Repeat(`,null`, mostLeaves) + `]`, what: "much"},
		{name: "too many fields", body: "email=ada%40a.example" + strings.Repeat("&x=1", mostLeaves), contentType: "application/x-www-form-urlencoded", what: "much"},
		{name: "a name too long", body: `{"` + strings.Repeat("x", maxPath+1) + `":"ada@a.example"}`, what: "much"},
		{name: "no UTF-8", body: "{\"email\":\"\xff@a.example\"}", what: "form"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, err := leaves(test.contentType, []byte(test.body))
			var p person
			if err == nil {
				p, err = whose(all, &test.hook, identity.Rules{})
			}
			var missing *unfound
			what := ""
			switch {
			case errors.Is(err, errForm):
				what = "form"
			case errors.Is(err, errMuch):
				what = "much"
			case errors.As(err, &missing):
				what = missing.what
				if strings.Contains(missing.words, "ada@") || strings.Contains(missing.words, "4930") {
					t.Errorf("the words repeat who it is: %s", missing.words)
				}
			}
			if got := p.email + p.phone; got != test.want || what != test.what {
				t.Errorf("found %q, %v", got, err)
			}
		})
	}
}

func TestIDAndValueAreFound(t *testing.T) {
	body := []byte(`{"order":{"id":7,"total":"12.50"},"n":1e999}`)
	all, err := leaves("application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	h := &schema.IncomingHook{ID: 3, IDPath: "order.id", ValuePath: "order.total"}
	if id, err := external(all, h, body); err != nil || id != "in-3-7" {
		t.Errorf("the id is %q, %v", id, err)
	}
	if v, err := worth(all, h); err != nil || v != 12.5 {
		t.Errorf("the value is %v, %v", v, err)
	}
	if id, err := external([]leaf{{path: "order.id", text: "\x00"}}, h, body); err == nil {
		t.Errorf("control characters are the id %q", id)
	}
	h.IDPath, h.ValuePath = "order.number", "n"
	if _, err := external(all, h, body); err == nil {
		t.Error("an id was found where there is none")
	}
	if _, err := worth(all, h); err == nil {
		t.Error("infinitely much was taken")
	}
	h.IDPath, h.ValuePath, h.HasValue, h.Value = "", "missing", true, 5
	one, _ := external(all, h, body)
	two, _ := external(all, h, body)
	other, _ := external(all, h, []byte(`{}`))
	if one != two || one == other {
		t.Error("the hash of a body is no id")
	}
	if v, err := worth(all, h); err != nil || v != 5 {
		t.Errorf("the value is %v, %v", v, err)
	}
}

// FuzzFind holds that whatever is sent is read within bounds, and that who is
// found stands in it.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{`{"email":"ada@a.example","phone":"+49301234567"}`, `[[["a@b.example"]]]`, `{"a.b":{"c":1}}`, `{"a":`, "email=a%40b.example", `"x"`, `{"":""}`} {
		f.Add("application/json", []byte(seed), "email")
		f.Add("application/x-www-form-urlencoded", []byte(seed), "")
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, path string) {
		all, err := leaves(contentType, body)
		if err != nil {
			return
		}
		if len(all) > mostLeaves {
			t.Fatalf("%d leaves", len(all))
		}
		h := &schema.IncomingHook{EmailPath: path, ValuePath: path, IDPath: path}
		_, _ = worth(all, h)
		_, _ = external(all, h, body)
		p, err := whose(all, h, identity.Rules{})
		if err != nil {
			return
		}
		stands := false
		for _, l := range all {
			email, errEmail := identity.Rules{}.Email(l.text)
			phone, errPhone := identity.Rules{}.Phone(l.text, "")
			stands = stands || errEmail == nil && email == p.email || errPhone == nil && phone == p.phone
		}
		if !stands || (p.email == "") == (p.phone == "") {
			t.Errorf("found %+v in %q", p, body)
		}
	})
}
