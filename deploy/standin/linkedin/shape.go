package linkedin

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// shape is what a value must look like. It is written by hand: LinkedIn
// publishes its fields in words only.
type shape struct {
	kind     string // text, number (64 bits, whole), enum, list, object
	names    []string
	fields   map[string]shape
	optional bool
	of       *shape // A list's elements.
}

func conversionEvent() shape {
	text, whole, maybe := shape{kind: "text"}, shape{kind: "number"}, shape{kind: "text", optional: true}
	userID := shape{kind: "object", fields: map[string]shape{"idType": {kind: "enum", names: idTypes()}, "idValue": text}}
	return shape{kind: "object", fields: map[string]shape{
		"conversion":           text,
		"conversionHappenedAt": whole,
		"conversionValue":      {kind: "object", optional: true, fields: map[string]shape{"currencyCode": text, "amount": text}},
		"eventId":              maybe,
		"user": {kind: "object", fields: map[string]shape{
			"userIds": {kind: "list", of: &userID},
			"userInfo": {kind: "object", optional: true, fields: map[string]shape{
				"firstName": text, "lastName": text, "title": maybe, "companyName": maybe, "countryCode": maybe,
			}},
			"externalIds": {kind: "list", optional: true, of: &text},
			"lead":        maybe,
		}},
	}}
}

func idTypes() []string {
	return []string{"SHA256_EMAIL", "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "ACXIOM_ID", "PLAINTEXT_IP_ADDRESS", "GOOGLE_AID"}
}

// check returns what is wrong, a line for each field, as Rest.li writes it. It
// repeats no value: there may be an address in it.
func (s shape) check(path string, value any) []string {
	switch s.kind {
	case "object":
		return s.object(path, value)
	case "list":
		return s.list(path, value)
	}
	text, isText := value.(string)
	_, isNumber := value.(json.Number)
	switch {
	case s.kind == "text" && !isText:
		return line(path, "the value cannot be coerced to String")
	case s.kind == "number" && (!isNumber || number(value) == noNumber):
		return line(path, "the value cannot be coerced to Long")
	case s.kind == "enum" && (!isText || !slices.Contains(s.names, text)):
		return line(path, "the value is not an enum symbol")
	}
	return nil
}

func line(path, words string) []string { return []string{"ERROR :: " + path + " :: " + words} }

func (s shape) object(path string, value any) (wrong []string) {
	members, isObject := value.(map[string]any)
	if !isObject {
		return line(path, "the value is not an object")
	}
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		field, below := s.fields[name], path+"/"+name
		inner, given := members[name]
		switch {
		case given:
			wrong = append(wrong, field.check(below, inner)...)
		case !field.optional:
			wrong = append(wrong, line(below, "field is required but not found and has no default value")...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, known := s.fields[name]; !known {
			wrong = append(wrong, line(path+"/"+strings.ReplaceAll(short(name), "\n", " "), "unrecognized field found but not allowed")...)
		}
	}
	return wrong
}

func (s shape) list(path string, value any) (wrong []string) {
	all, isList := value.([]any)
	if !isList {
		return line(path, "the value is not an array")
	}
	for i, one := range all {
		wrong = append(wrong, s.of.check(path+"/"+strconv.Itoa(i), one)...)
	}
	return wrong
}

// noNumber is a number of no event.
const noNumber = -1 << 63

// number is a whole number of 64 bits, or noNumber.
func number(value any) int64 {
	text, _ := value.(json.Number) // Otherwise it is no number.
	n, err := strconv.ParseInt(text.String(), 10, 64)
	if err != nil {
		return noNumber
	}
	return n
}
