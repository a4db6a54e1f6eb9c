package report

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"sourceloop/deploy/embedded/embeddedtest"
	"sourceloop/schema"
)

func openContained(t *testing.T) Scoped {
	t.Helper()
	reader, err := New(embeddedtest.ClickHouse(t).Options(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return reader.For(&schema.Workspace{ID: 1, Zone: time.UTC})
}

// asked is what ClickHouse tells of all texts.
func (s Scoped) asked(t *testing.T, texts []string, wanted string) []bool {
	t.Helper()
	told := make([]bool, len(texts))
	unsure := make([]unsureText, len(texts))
	for i, text := range texts {
		unsure[i] = unsureText{text, &told[i]}
	}
	if err := s.tellContained(t.Context(), wanted, unsure); err != nil {
		t.Fatal(err)
	}
	return told
}

// What is told here of a text is what ClickHouse tells.
func TestContained(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 8))
	s := openContained(t)
	alphabets := [][]string{
		strings.Split("aAbBkKsSiIzZ09 -_/%.?&=\\'\x00\t", ""), strings.Split("aAkKsSäÄöÖüÜéÉñÑÿŸđĐžŽßẞ", ""), strings.Split("жЖукУКеЕёЁσΣςοΟδΔάΆ", ""),
		{"a", "S", "東", "😀", "e\u0301", "İ", "ı", "ſ", "\u212a", "ǅ", "µ", "\xff", "\u202e", "ა", "Ა", "ﬀ"},
	}
	draw := func() string {
		var b strings.Builder
		from := alphabets[random.IntN(len(alphabets))]
		for range random.IntN(14) * (1 + random.IntN(3)) {
			b.WriteString(from[random.IntN(len(from))])
		}
		return b.String()
	}
	told, held := 0, 0
	for range 120 {
		texts := make([]string, 200)
		for i := range texts {
			texts[i] = draw()
		}
		wanted := draw()
		if within := []rune(strings.ToValidUTF8(texts[random.IntN(len(texts))], "?")); len(within) > 0 {
			from := random.IntN(len(within))
			wanted = string(within[from : from+1+random.IntN(min(4, len(within)-from))])
		}
		wanted = []func(string) string{strings.ToLower, strings.ToUpper, strings.Clone}[random.IntN(3)](wanted)
		mine, theirs, open := make([]bool, len(texts)), s.asked(t, texts, wanted), map[*bool]bool{}
		for _, one := range containing(texts, wanted, mine) {
			open[one.told] = true
		}
		for i := range texts {
			if open[&mine[i]] {
				continue
			}
			if told++; mine[i] {
				held++
			}
			if mine[i] != theirs[i] {
				t.Fatalf("%q in %q: %v, to ClickHouse %v", wanted, texts[i], mine[i], theirs[i])
			}
		}
	}
	if t.Logf("%d told, %d of them contain", told, held); told < 5000 || held < 200 {
		t.Errorf("%d were told, and %d contain what was looked for, which compares little", told, held)
	}
}

// Every character that is believed to have two cases has these to ClickHouse, and no other; one without is only itself.
func TestPlainCharacters(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	s := openContained(t)
	var texts []string
	for r := rune(1); r < 0x3000; r++ {
		if plain(string(r)) {
			texts = append(texts, string(r))
		}
	}
	cased := 0
	for r := rune(1); r <= lastCased || r < 0x3000 && cased > 0; r++ {
		two := unicode.SimpleFold(r) != r
		if !plain(string(r)) || !two && random.IntN(60) > 0 {
			continue
		}
		if two {
			cased++
		}
		for i, holds := range s.asked(t, texts, string(r)) {
			is := []rune(texts[i])[0]
			if want := unicode.ToLower(is) == unicode.ToLower(r); holds != want {
				t.Fatalf("%q in %q: %v", r, is, holds)
			}
		}
	}
	if cased < 500 {
		t.Errorf("only %d characters have cases", cased)
	}
}
