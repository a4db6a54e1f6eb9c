package report

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// plain tells whether both cases of a text's characters are what they are to ClickHouse too: a character without cases, or one
// of two, both of as many bytes. It knows an older Unicode, and what it does with others ("ß", "K" for Kelvin) and with bytes that
// are no characters depends on where the text lies in a column.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return plainCharacters(text[i:])
		}
	}
	return true
}

func plainCharacters(text string) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || r >= utf8.RuneSelf && !plainCharacter(r) {
			return false
		}
		text = text[size:]
	}
	return true
}

// lastCased is the last character that is believed to have the cases it has here: the end of what is Latin, Greek and Cyrillic.
const lastCased = '\u0523'

func plainCharacter(r rune) bool {
	lower, upper, other := unicode.ToLower(r), unicode.ToUpper(r), unicode.SimpleFold(r)
	if other == r {
		return lower == r && upper == r
	}
	return r <= lastCased && other <= lastCased && unicode.SimpleFold(other) == r && (lower == r || lower == other) && (upper == r || upper == other) &&
		lower != upper && utf8.RuneLen(lower) == utf8.RuneLen(upper)
}

// unsureText is one of which only ClickHouse can tell, and where it is to be told.
type unsureText struct {
	text string
	told *bool
}

// tellContained asks ClickHouse which texts contain a wanted one.
func (s Scoped) tellContained(ctx context.Context, wanted string, unsure []unsureText) error {
	if len(unsure) == 0 {
		return nil
	}
	var number, found proto.ColUInt32
	var text proto.ColStr
	for i, one := range unsure {
		number.Append(uint32(i)) // There are fewer than 2^31 texts.
		text.Append(one.text)
	}
	texts := ch.ExternalTable{Name: "texts", Data: proto.Input{{Name: "number", Data: number}, {Name: "text", Data: text}}}
	result := proto.Results{{Name: "number", Data: &found}}
	return s.columns(ctx, "contained", nil, map[string]any{"wanted": wanted}, result, func() error {
		for _, i := range found {
			*unsure[i].told = true
		}
		return nil
	}, texts)
}

// containing tells of each text whether it contains a wanted one, without regard to case, as ClickHouse does: those that are
// not told here are given back.
func containing(texts []string, wanted string, told []bool) (unsure []unsureText) {
	sure, lower := plain(wanted), strings.ToLower(wanted)
	for i, text := range texts {
		switch {
		case wanted == "":
			told[i] = true
		case sure && plain(text):
			told[i] = strings.Contains(strings.ToLower(text), lower)
		default:
			unsure = append(unsure, unsureText{text, &told[i]})
		}
	}
	return unsure
}
