package enrich_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sourceloop/pipeline/enrich"
)

func TestRedact(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"https://shop.example/pricing", "https://shop.example/pricing"},
		{"https://shop.example/?utm_source=a&gclid=EAIaIQ", "https://shop.example/?utm_source=a&gclid=EAIaIQ"},
		{"https://shop.example/a#token=1", "https://shop.example/a"},
		{"https://bob:pw@shop.example/a@b", "https://shop.example/a@b"},
		{"https://shop.example/?email=bob%40x.com&b=2", "https://shop.example/?email=redacted&b=2"},
		{"https://shop.example/?who=bob.b+news@mail.example.com&b=2", "https://shop.example/?who=redacted&b=2"},
		{"https://shop.example/?who=bob%2Bnews%40example.com", "https://shop.example/?who=redacted"},
		{"https://shop.example/u/bob@example.com/edit", "https://shop.example/u/redacted/edit"},
		{"https://shop.example/?next=%2Fu%3Femail%3Dbob%2540example.com%26x%3D1", "https://shop.example/?next=%2Fu%3Femail%3Dredacted%26x%3D1"},
		{"https://shop.example/?password=a;b=1&c=2", "https://shop.example/?password=redacted;b=1&c=2"},
		{"https://shop.example/?access_token=abc&Api-Key=d&user[email]=x&user%5Bpassword%5D=y", "https://shop.example/?access_token=redacted&Api-Key=redacted&user[email]=redacted&user%5Bpassword%5D=redacted"},
		{"https://shop.example/r?next=https%3A%2F%2Fa.example%2F%3Ftoken%3Dabc%26x%3D1", "https://shop.example/r?next=https%3A%2F%2Fa.example%2F%3Ftoken%3Dredacted%26x%3D1"},
		{"https://shop.example/cart;jsessionid=ABC?x=1", "https://shop.example/cart;jsessionid=redacted"},
		{"https://shop.example/m/eyJhbGciOi.eyJzdWIi.c2ln", "https://shop.example/m/redacted"},
		{"https://shop.example/react@18.2.0/x", "https://shop.example/react@18.2.0/x"},
		{"https://social.example/@bob", "https://social.example/@bob"},
		{"mailto:bob@example.com", "mailto:redacted"},
		{"javascript:alert('x')", "javascript:alert('x')"},
		{"https://shop.example/?email=", "https://shop.example/?email="},
		{"https://shop.example/?passage=1&monkey=2&tokens=3", "https://shop.example/?passage=1&monkey=2&tokens=3"},
		{"https://shop.example/?q=100%&b=%zz", "https://shop.example/?q=100%&b=%zz"},
		{"", ""},
	} {
		if got := enrich.Redact(test.raw); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.raw, got, test.want)
		}
	}
	if got := enrich.Redact("https://shop.example/" + strings.Repeat("ä", 10_000)); len(got) > enrich.MaxURL || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		"https://bob:pw@shop.example/?email=bob%40x.com&t=eyJa.b.c#x", "a@b.c=@d.e%40f.g", "?token=token=token", "%3d%253d%2540", "x=eyJ..@a.bc",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := enrich.Redact(raw)
		if utf8.ValidString(raw) && !utf8.ValidString(got) {
			t.Errorf("%q is no text", got)
		}
		if len(got) > enrich.MaxURL || strings.Contains(got, "#") {
			t.Errorf("%d bytes, or a fragment: %q", len(got), got)
		}
		if strings.Contains(enrich.Redact("https://shop.example/?a="+strings.NewReplacer("&", "", ";", "").Replace(raw)+"&password=hunter2"), "hunter2") && len(raw) < 1000 {
			if !strings.Contains(raw, "#") && !strings.Contains(raw, "hunter2") {
				t.Errorf("a password came through after %q", raw)
			}
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		enrich.Redact("https://shop.example/pricing/enterprise?utm_source=google&utm_medium=cpc&gclid=EAIaIQobChMI")
	}
}
