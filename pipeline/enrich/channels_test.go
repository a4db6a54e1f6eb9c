package enrich_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"sourceloop/pipeline/enrich"
	"sourceloop/schema"
)

func channels(t testing.TB) *enrich.Channels {
	t.Helper()
	c, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func settings() *schema.Settings {
	s := schema.DefaultSettings()
	s.Domains = []string{"example.org"}
	return &s
}

func TestClassifyTable(t *testing.T) {
	raw, err := os.ReadFile("testdata/channels.txt")
	if err != nil {
		t.Fatal(err)
	}
	c, s, n := channels(t), settings(), 0
	for line := range strings.Lines(string(raw)) {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if len(f) != 6 {
			t.Fatalf("%d fields in %q", len(f), line)
		}
		got := c.Classify(&schema.Hit{Url: "https://shop.example/p?" + f[0], Referrer: f[1]}, s)
		if have, want := []string{got.Channel, got.Source, got.Medium, got.Rule}, f[2:]; !reflect.DeepEqual(have, want) {
			t.Errorf("query %q, referrer %q: got %q, want %q", f[0], f[1], have, want)
		}
		if got.List != enrich.ListNumber {
			t.Errorf("list number %d", got.List)
		}
		n++
	}
	if n < 80 {
		t.Fatalf("only %d cases were read", n)
	}
}

func TestClassifyKeepsWhatTheURLSays(t *testing.T) {
	c := channels(t)
	got := c.Classify(&schema.Hit{
		Url: "https://shop.example/?utm_campaign=Spring+Sale&utm_content=A&utm_content=B&utm_term=blue%20shoes" +
			"&msclkid=2&gclid=1&msclkid=3&utm_source=Bing#utm_medium=no",
		Referrer: "https://www.google.com/search?q=x",
	}, settings())
	want := &schema.Source{
		Channel: schema.ChannelPaidSearch, Source: "bing", Medium: "cpc", Campaign: "Spring Sale", Content: "A", Term: "blue shoes",
		Rule: "click id msclkid", Referrer: "https://www.google.com/search?q=x", ClickIds: []string{"msclkid=2", "gclid=1"},
		Utm: true, List: enrich.ListNumber,
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestClassifyWithoutReferrerOrSettings(t *testing.T) {
	c := channels(t)
	own := c.Classify(&schema.Hit{Url: "https://shop.example/", Referrer: "https://shop.example/a"}, settings())
	if !own.Direct || own.Referrer != "" {
		t.Errorf("own referrer: %v", own)
	}
	paid := settings()
	paid.PaidFbclid = true
	if got := c.Classify(&schema.Hit{Url: "https://shop.example/?fbclid=1"}, paid); got.Channel != schema.ChannelPaidSocial || got.Medium != "cpc" {
		t.Errorf("every fbclid is paid: %v", got)
	}
	if got := c.Classify(&schema.Hit{Url: "http://127.0.0.1:8000/", Referrer: "http://10.0.0.1/"}, settings()); got.Source != "10.0.0.1" {
		t.Errorf("network addresses are sites of their own: %v", got)
	}
}

func TestWorkspaceRulesRunFirst(t *testing.T) {
	is := func(field, operator, value string) schema.ChannelCondition {
		return schema.ChannelCondition{Field: field, Operator: operator, Value: value}
	}
	s := settings()
	s.Rules = []schema.ChannelRule{
		{Name: "empty", Channel: "Never"},
		{Name: "broken", Channel: "Never", Conditions: []schema.ChannelCondition{is("source", "regex", "(")}},
		{Name: "no such field", Channel: "Never", Conditions: []schema.ChannelCondition{is("colour", "is_not", "blue")}},
		{Name: "partners", Channel: "Partners", Conditions: []schema.ChannelCondition{is("referrer_host", "regex", `^partner\d+\.example$`)}},
		{Name: "paid, not brand", Channel: "Generic", Conditions: []schema.ChannelCondition{is("click_id", "is", "gclid"), is("campaign", "is_not", "brand")}},
		{Name: "webinar", Channel: "Events", Conditions: []schema.ChannelCondition{is("landing_path", "starts_with", "/webinar"), is("medium", "contains", "MAIL")}},
	}
	for _, test := range []struct{ url, referrer, channel, rule string }{
		{"https://shop.example/", "https://partner7.example/x", "Partners", "rule: partners"},
		{"https://shop.example/", "https://partner.example/x", schema.ChannelReferral, "referrer: partner.example"},
		{"https://shop.example/?gclid=1&utm_campaign=x", "", "Generic", "rule: paid, not brand"},
		{"https://shop.example/?gclid=1&utm_campaign=BRAND", "", schema.ChannelPaidSearch, "click id gclid"},
		{"https://shop.example/webinar/1?utm_medium=email", "", "Events", "rule: webinar"},
		{"https://shop.example/", "", schema.ChannelDirect, "direct"},
	} {
		got := channels(t).Classify(&schema.Hit{Url: test.url, Referrer: test.referrer}, s)
		if got.Channel != test.channel || got.Rule != test.rule {
			t.Errorf("%s from %q: got %q by %q", test.url, test.referrer, got.Channel, got.Rule)
		}
	}
}

func TestClassifyIsBounded(t *testing.T) {
	c := channels(t)
	got := c.Classify(&schema.Hit{Url: "https://shop.example/?" + strings.Repeat("a=b&", 10_000) + "utm_source=late"}, settings())
	if got.Source == "late" {
		t.Error("ten thousand parameters were read")
	}
	got = c.Classify(&schema.Hit{Url: "https://shop.example/?utm_source=" + strings.Repeat("ä", 10_000)}, settings())
	if len(got.Source) > 512 || !utf8.ValidString(got.Source) {
		t.Errorf("a source of %d bytes", len(got.Source))
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("https://shop.example/?utm_source=%ff&gclid=1&fbclid=%", "https://www.google.com/?q")
	f.Add("?&&==&utm_source", "a://@:/\\")
	f.Add("https://shop.example/?utm_campaign=shop", "android-app://com.google.android.gm/")
	c, s := channels(f), settings()
	f.Fuzz(func(t *testing.T, url, referrer string) {
		got := c.Classify(&schema.Hit{Url: url, Referrer: referrer}, s)
		if got.Channel == "" || got.Rule == "" {
			t.Errorf("no channel or no rule: %v", got)
		}
		if utf8.ValidString(referrer) {
			if _, err := proto.Marshal(got); err != nil {
				t.Error(err)
			}
		}
		if got.Direct != (got.Referrer == "" && !got.Utm && len(got.ClickIds) == 0) {
			t.Errorf("direct with a source: %v", got)
		}
		if again := c.Classify(&schema.Hit{Url: url, Referrer: referrer}, s); !proto.Equal(got, again) {
			t.Errorf("not a function: %v, then %v", got, again)
		}
	})
}

// FuzzRules: whatever people write into a workspace's rules and lists, a hit has
// a channel and says by which rule, the same twice, and broken rules never hold.
func FuzzRules(f *testing.F) {
	f.Add("source", "regex", `^(a|b+)*$`, "https://shop.example/?utm_source=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "", "example.org")
	f.Add("click_id", "is_not", "gclid", "https://shop.example/?msclkid=1", "https://x.example/", "*.X.example:8080/a")
	f.Add("referrer_host", "contains", "", "https://shop.example/", "https://x.example/", "https://")
	f.Add("landing_path", "starts_with", "/\xff", "https://shop.example/\xff", "", "..")
	f.Add("source", "regex", "(", "?utm_source=(", "android-app://a/", "\x00")
	c := channels(f)
	f.Fuzz(func(t *testing.T, field, operator, value, page, referrer, domain string) {
		s := settings()
		s.Domains, s.Gateways = append(s.Domains, domain), append(s.Gateways, domain)
		s.Rules = []schema.ChannelRule{{Name: "mine", Channel: "Mine", Conditions: []schema.ChannelCondition{{Field: field, Operator: operator, Value: value}}}}
		hit := &schema.Hit{Url: page, Referrer: referrer}
		got := c.Classify(hit, s)
		if got.Channel == "" || got.Rule == "" || (got.Channel == "Mine") != (got.Rule == "rule: mine") {
			t.Errorf("%v", got)
		}
		if again := c.Classify(hit, s); !proto.Equal(got, again) {
			t.Errorf("not a function: %v, then %v", got, again)
		}
		if got.Rule == "rule: mine" {
			return
		}
		s.Rules = nil
		if without := c.Classify(hit, s); !proto.Equal(got, without) {
			t.Errorf("a rule that does not hold changes %v to %v", without, got)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	c, s := channels(b), settings()
	for name, hit := range map[string]*schema.Hit{
		"internal": {Url: "https://shop.example/pricing", Referrer: "https://shop.example/"},
		"search":   {Url: "https://shop.example/", Referrer: "https://www.google.com/"},
		"campaign": {Url: "https://shop.example/?utm_source=google&utm_medium=cpc&utm_campaign=spring&gclid=EAIaIQobChMI"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(hit, s)
			}
		})
	}
}

// A campaign of which only its UTM values are known has the channel of a visit with them in its URL.
func TestOfCampaign(t *testing.T) {
	channels, err := enrich.NewChannels()
	if err != nil {
		t.Fatal(err)
	}
	own := schema.DefaultSettings()
	own.Rules = []schema.ChannelRule{{Name: "mine", Channel: "Partners", Conditions: []schema.ChannelCondition{{Field: "campaign", Operator: "contains", Value: "partner & co"}}}}
	for _, c := range []struct{ source, medium, campaign, want string }{
		{"google", "cpc", "brand", schema.ChannelPaidSearch}, {"facebook", "cpc", "", schema.ChannelPaidSocial}, {"linkedin", "paid", "x&utm_source=google", schema.ChannelPaidSocial},
		{"Google", "CPC", "The partner & co #1 100%", "Partners"}, {"chatgpt.com", "cpc", "", schema.ChannelAIAssistant}, {"youtube", "cpc", "", schema.ChannelPaidVideo},
		{"somewhere", "cpc", "", schema.ChannelPaidSearch}, {"google", "display", "", schema.ChannelDisplay},
	} {
		if got := channels.OfCampaign(c.source, c.medium, c.campaign, &own); got.GetChannel() != c.want || got.GetCampaign() != c.campaign {
			t.Errorf("%+v is %s, campaign %q", c, got.GetChannel(), got.GetCampaign())
		}
	}
}
