package google

import (
	_ "embed" // The description below.
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

//go:embed spec/datamanager-v1.discovery.json
var discoveryJSON []byte

// description is Google's published description of the Data Manager API: which
// fields there are, and their types. Which must be there it does not say.
type description struct {
	Schemas map[string]*node `json:"schemas"`
}

// node is a schema or a part of one.
type node struct {
	Type       string           `json:"type"`
	Format     string           `json:"format"`
	Ref        string           `json:"$ref"`
	Enum       []string         `json:"enum"`
	Items      *node            `json:"items"`
	Properties map[string]*node `json:"properties"`
}

// violation is what is wrong with a field, as google.rpc.BadRequest tells it.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Reason      string `json:"reason,omitempty"`
}

func loadDescription() (*description, error) {
	d := &description{}
	if err := json.Unmarshal(discoveryJSON, d); err != nil {
		return nil, fmt.Errorf("cannot read Google's description: %w", err)
	}
	if d.Schemas["IngestEventsRequest"] == nil {
		return nil, fmt.Errorf("cannot use Google's description: it has no IngestEventsRequest")
	}
	return d, nil
}

// check returns where a value does not fit a schema, in the order of names.
func (d *description) check(schema string, value any) []violation {
	return d.walk("", d.Schemas[schema], value)
}

// walk takes null for absent, as the JSON of protocol buffers does.
func (d *description) walk(path string, n *node, value any) []violation {
	if n.Ref != "" {
		n = d.Schemas[n.Ref]
	}
	if value == nil || n.Type == "any" {
		return nil
	}
	switch n.Type {
	case "object":
		return d.object(path, n, value)
	case "array":
		return d.array(path, n, value)
	}
	if wrong := n.scalar(value); wrong != "" {
		return []violation{{Field: path, Description: fmt.Sprintf("Invalid value at '%s' (%s), %s", path, n.typeName(), wrong)}}
	}
	return nil
}

func (d *description) object(path string, n *node, value any) (wrong []violation) {
	members, isObject := value.(map[string]any)
	if !isObject {
		return []violation{{Field: path, Description: fmt.Sprintf("Invalid value at '%s': it must be an object.", path)}}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		inner, known := n.Properties[name]
		if !known {
			wrong = append(wrong, violation{Field: path, Description: fmt.Sprintf(
				"Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", name, path)})
			continue
		}
		below := name
		if path != "" {
			below = path + "." + name
		}
		wrong = append(wrong, d.walk(below, inner, members[name])...)
	}
	return wrong
}

func (d *description) array(path string, n *node, value any) (wrong []violation) {
	list, isList := value.([]any)
	if !isList {
		return []violation{{Field: path, Description: fmt.Sprintf("Invalid value at '%s': it must be a list.", path)}}
	}
	for i, one := range list {
		below := fmt.Sprintf("%s[%d]", path, i)
		if one == nil {
			wrong = append(wrong, violation{Field: below, Description: fmt.Sprintf("Invalid value at '%s': null is not an element.", below)})
			continue
		}
		wrong = append(wrong, d.walk(below, n.Items, one)...)
	}
	return wrong
}

func (n *node) typeName() string {
	switch {
	case len(n.Enum) > 0:
		return "TYPE_ENUM"
	case n.Format == "google-datetime":
		return "type.googleapis.com/google.protobuf.Timestamp"
	case n.Format != "":
		return "TYPE_" + n.Format
	}
	return "TYPE_" + n.Type
}

// scalar says what is wrong with a value that is no object and no list. It
// repeats no value: there may be an address in it.
func (n *node) scalar(value any) string {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	if isNumber {
		text = number.String()
	}
	switch {
	case n.Type == "boolean":
		return unless(isBool(value), "it must be true or false")
	case len(n.Enum) > 0:
		return unless(isText && slices.Contains(n.Enum, text), "it is not one of the enum's names")
	case n.Format == "google-datetime":
		_, err := time.Parse(time.RFC3339Nano, text)
		return unless(isText && err == nil, "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset")
	case n.Format == "int64":
		_, err := strconv.ParseInt(text, 10, 64)
		return unless((isText || isNumber) && err == nil, "it must be a whole number")
	case n.Type == "integer":
		_, err := strconv.ParseInt(text, 10, 32)
		return unless((isText || isNumber) && err == nil, "it must be a whole number")
	case n.Type == "number":
		f, err := strconv.ParseFloat(text, 64)
		return unless((isText || isNumber) && err == nil && !math.IsInf(f, 0), "it must be a number")
	}
	return unless(isText, "it must be a text")
}

func isBool(value any) bool {
	_, is := value.(bool)
	return is
}

func unless(fits bool, wrong string) string {
	if fits {
		return ""
	}
	return wrong
}
