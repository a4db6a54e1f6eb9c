package wire

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks"
)

// TestGate: whoever was told that nothing was read can rely on it.
func TestGate(t *testing.T) {
	for range 1000 {
		g := &gate{content: []byte("a body")}
		var read []byte
		var reading sync.WaitGroup
		reading.Go(func() {
			body, err := g.open()
			if err != nil {
				t.Error(err)
			}
			read, _ = io.ReadAll(body) // Refused, or not.
		})
		begun := g.shut()
		reading.Wait()
		if !begun && len(read) > 0 || begun && len(read) == 0 {
			t.Fatalf("begun %v, read %q", begun, read)
		}
	}
}

func TestQuote(t *testing.T) {
	hide := []string{"the-token", "ada@example.com", "+49151", "Ada Quill"}
	for _, test := range []struct{ words, want string }{
		{"", ""},
		{"It must be HEX.", "It must be HEX."},
		{"PROCESSING_ERROR_REASON_INVALID_GCLID at events[3]", "PROCESSING_ERROR_REASON_INVALID_GCLID at events[3]"},
		{"account 1234567890 and 9876543210", "account 1234567890 and …"},
		{"the-token, THE-TOKEN", "…, …"},
		{"for bob@example.org, please", "for … please"},
		{"call +1 (650) 555-1212 now", "call … now"},
		{"for ada quill of Ada", "for … of Ada"},
		{"see https://x.example/?email=a now", "see … now"},
		{"hash 2481f36dfc515ca76451aaadf1399026942a01ee50c6d0a61988b43cef039bc2!", "hash …!"},
		{"two\nlines\tand  more", "two lines and more"},
		{"\xff\xfe broken", "broken"},
	} {
		if got := Quote(test.words, hide, "1234567890"); got != test.want {
			t.Errorf("%q becomes %q, not %q", test.words, got, test.want)
		}
	}
	if long := Quote(strings.Repeat("word ", 200), nil); len([]rune(long)) > maxQuote+1 {
		t.Errorf("%d runes", len([]rune(long)))
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("Bearer abc a@b.example +49 151 998877", "abc")
	f.Fuzz(func(t *testing.T, words, secret string) {
		got := Quote(words, []string{secret})
		if len(secret) > 2 && secret == strings.Join(strings.Fields(secret), " ") && strings.Contains(got, secret) && !strings.Contains(secret, "…") {
			t.Errorf("%q is in %q", secret, got)
		}
		if strings.ContainsAny(got, "@\n") {
			t.Errorf("%q becomes %q", words, got)
		}
	})
}

func TestCode(t *testing.T) {
	for code, want := range map[string]string{
		"ACCESS_DENIED": "ACCESS_DENIED", "INVALID_SHA256_FORMAT": "INVALID_SHA256_FORMAT", "": "", "denied": "", "A B": "", "_X": "",
		"YB3O767VA3MO2KW4NDDDFTXTOE5TONK7DAIMUBNOPRX": "",
	} {
		if got := Code(code); got != want {
			t.Errorf("%q becomes %q", code, got)
		}
	}
}

// plain is a platform of nothing but limits.
type plain struct{ batch int }

func (p plain) Name() string         { return "plain" }
func (p plain) Limits() sinks.Limits { return sinks.Limits{Batch: p.batch} }
func (p plain) Check(*schema.Outgoing, schema.Millis) (schema.Verdict, bool) {
	return schema.Verdict{}, false
}

func events(n int) []schema.Outgoing {
	list := make([]schema.Outgoing, n)
	for i := range list {
		list[i].Push = schema.Derive("wire", time.Duration(i).String())
	}
	return list
}

// TestHalt: after an answer that the next request would get as well, none is
// sent.
func TestHalt(t *testing.T) {
	for outcome, want := range map[schema.Outcome]schema.Outcome{
		schema.OutcomeLater: schema.OutcomeLater, schema.OutcomeDenied: schema.OutcomeDenied, schema.OutcomeUnclear: schema.OutcomeLater,
	} {
		requests := 0
		verdicts := Send(t.Context(), plain{10}, "Plain", time.Now(), events(25), func(context.Context, []schema.Outgoing) Said {
			requests++
			return Said{All: schema.Verdict{Outcome: outcome}}
		})
		if requests != 1 || verdicts[0].Outcome != outcome || verdicts[24].Outcome != want {
			t.Errorf("%d: %d requests, %+v", outcome, requests, verdicts[24])
		}
	}
}

// TestNobodyIsSentTwice: however a platform blames and refuses, no event that it
// took is sent again, and every one has a verdict.
func TestNobodyIsSentTwice(t *testing.T) {
	for _, bad := range [][]int{{}, {0}, {99}, {3, 50, 51}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}} {
		for _, named := range []bool{true, false} {
			all, taken := events(100), map[schema.ID]int{}
			verdicts := Send(t.Context(), plain{40}, "Plain", time.Now(), all, func(_ context.Context, part []schema.Outgoing) Said {
				blamed := map[int]schema.Verdict{}
				for i := range part {
					if at := slices.IndexFunc(all, func(e schema.Outgoing) bool { return e.Push == part[i].Push }); slices.Contains(bad, at) {
						blamed[i] = schema.Verdict{Outcome: schema.OutcomeRefused}
					}
				}
				switch {
				case len(blamed) > 0 && named:
					return Said{Blamed: blamed}
				case len(blamed) > 0:
					return Said{Divide: true, All: schema.Verdict{Outcome: schema.OutcomeRefused}}
				}
				for i := range part {
					taken[part[i].Push]++
				}
				return Said{All: schema.Verdict{Outcome: schema.OutcomeSent}}
			})
			for i, v := range verdicts {
				sent := v.Outcome == schema.OutcomeSent
				if sent != (taken[all[i].Push] == 1) || taken[all[i].Push] > 1 || v.Outcome == 0 || sent && slices.Contains(bad, i) {
					t.Errorf("%v %v: event %d: %+v, taken %d times", bad, named, i, v, taken[all[i].Push])
				}
			}
		}
	}
}
