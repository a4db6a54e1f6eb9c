package intercom

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// maxAttributes is how many custom attributes a workspace may have in use.
const maxAttributes = 250

// attribute is a data attribute as kept; the shape on the wire is wire().
type attribute struct {
	id                int64
	Model             string   `json:"model"`
	Name              string   `json:"name"`
	DataType          string   `json:"data_type"`
	Description       string   `json:"description,omitempty"`
	Options           []string `json:"options,omitempty"`
	MessengerWritable bool     `json:"messenger_writable"`
	Custom            bool     `json:"custom"`
	Archived          bool     `json:"archived"`
	CreatedAt         int64    `json:"created_at"` // Unix seconds.
	UpdatedAt         int64    `json:"updated_at"`
}

func (a attribute) wire() map[string]any {
	shape := map[string]any{
		"type": "data_attribute", "name": a.Name, "full_name": a.Name, "label": a.Name,
		"data_type": a.wireType(), "api_writable": true, "ui_writable": false,
		"messenger_writable": a.MessengerWritable, "custom": a.Custom, "archived": a.Archived, "model": a.Model,
	}
	if a.Description != "" {
		shape["description"] = a.Description
	}
	if len(a.Options) > 0 {
		shape["options"] = a.Options
	}
	if a.Custom {
		shape["id"], shape["full_name"], shape["admin_id"] = a.id, "custom_attributes."+a.Name, adminID
		shape["created_at"], shape["updated_at"] = a.CreatedAt, a.UpdatedAt
	}
	return shape
}

// wireType: lists are strings with options, and a datetime is called a date.
func (a attribute) wireType() string {
	switch a.DataType {
	case "options":
		return "string"
	case "datetime":
		return "date"
	}
	return a.DataType
}

func (s session) attributes() ([]attribute, error) {
	var list []attribute
	err := s.Rows("attribute_list", nil, func(scan func(...any) error) error {
		a, err := scanAttribute(scan)
		list = append(list, a)
		return err
	})
	return list, err
}

func scanAttribute(scan func(...any) error) (attribute, error) {
	var id int64
	var doc string
	if err := scan(&id, &doc); err != nil {
		return attribute{}, err
	}
	a := attribute{}
	err := json.Unmarshal([]byte(doc), &a)
	a.id = id
	return a, err
}

func (s session) findAttribute(statement string, args ...any) (attribute, bool, error) {
	var id int64
	var doc string
	found, err := s.Row(statement, args, &id, &doc)
	if err != nil || !found {
		return attribute{}, false, err
	}
	a := attribute{}
	err = json.Unmarshal([]byte(doc), &a)
	a.id = id
	return a, true, err
}

func (s session) insertAttribute(a attribute) error {
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot encode an attribute: %w", err)
	}
	_, err = s.Exec("attribute_insert", a.Model, a.Name, string(doc))
	return err
}

// standardAttributes are some of those every workspace has; they have no id.
func (s session) standardAttributes(now int64) error {
	existing, err := s.attributes()
	if err != nil || len(existing) > 0 {
		return err
	}
	for _, a := range []attribute{
		{Model: "contact", Name: "name", DataType: "string", MessengerWritable: true},
		{Model: "contact", Name: "email", DataType: "string", MessengerWritable: true},
		{Model: "contact", Name: "phone", DataType: "string", MessengerWritable: true},
		{Model: "contact", Name: "external_id", DataType: "string", MessengerWritable: true},
		{Model: "contact", Name: "created_at", DataType: "date"},
		{Model: "contact", Name: "utm_source", DataType: "string"},
		{Model: "company", Name: "name", DataType: "string", MessengerWritable: true},
		{Model: "company", Name: "company_id", DataType: "string"},
	} {
		a.CreatedAt, a.UpdatedAt = now, now
		if err := s.insertAttribute(a); err != nil {
			return err
		}
	}
	return nil
}

func screenAttributeList(c *call) answer {
	if c.r.URL.Query().Get("model") == "conversation" {
		return refuse(http.StatusUnprocessableEntity, "parameter_invalid",
			"model=conversation is no longer supported. Use GET /conversations/attributes instead")
	}
	return answer{}
}

func (s *Server) listAttributes(c *call) (answer, error) {
	list, err := s.store.read(c.ctx).attributes()
	if err != nil {
		return answer{}, err
	}
	model := c.r.URL.Query().Get("model")
	archived := c.r.URL.Query().Get("include_archived") == "true"
	data := []map[string]any{}
	for _, a := range list {
		if (model == "" || a.Model == model) && (archived || !a.Archived) {
			data = append(data, a.wire())
		}
	}
	return ok(map[string]any{"type": "list", "data": data}), nil
}

// attributeBody is what create and update take.
type attributeBody struct {
	Name              string          `json:"name"`
	Model             string          `json:"model"`
	DataType          string          `json:"data_type"`
	Description       *string         `json:"description"`
	MessengerWritable *bool           `json:"messenger_writable"`
	Archived          *bool           `json:"archived"`
	Options           json.RawMessage `json:"options"`
}

// options returns the values of [{"value": …}, …]; valid is false for
// anything else. Absent options are valid and nil.
func (b attributeBody) options() (values []string, valid bool) {
	if len(b.Options) == 0 || string(b.Options) == "null" {
		return nil, true
	}
	var list []struct {
		Value string `json:"value"`
	}
	if err := json.Unmarshal(b.Options, &list); err != nil {
		return nil, false
	}
	values = []string{}
	for _, option := range list {
		values = append(values, option.Value)
	}
	return values, true
}

// attributeName: letters, digits, blanks, currency symbols, hyphens, and the
// underscores of Intercom's own examples. Neither dots nor leading dollars.
var attributeName = regexp.MustCompile(`^[\p{L}\p{N}\p{Sc}_ -]{1,190}$`)

func validAttributeName(name string) bool {
	return attributeName.MatchString(name) && !strings.Contains(name, "$") && strings.TrimSpace(name) != ""
}

func invalid(message string) answer {
	return refuse(http.StatusBadRequest, "parameter_invalid", message)
}

func screenAttributeCreate(c *call) answer {
	var body attributeBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return invalid("The body is not a data attribute")
	}
	options, valid := body.options()
	switch {
	case body.Model != "contact" && body.Model != "company":
		return invalid("The Data Attribute model field must be either contact or company")
	case !validAttributeName(body.Name):
		return invalid("Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens")
	case !knownDataType(body.DataType):
		return invalid("Data Type isn't an option")
	case !valid:
		return invalid("Options isn't an array")
	case body.DataType == "options" && len(options) < 2:
		return invalid("The list attribute needs at least two options")
	}
	return answer{}
}

func knownDataType(name string) bool {
	switch name {
	case "string", "integer", "float", "boolean", "datetime", "date", "options":
		return true
	}
	return false
}

func (s *Server) createAttribute(c *call) (answer, error) {
	var body attributeBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, fmt.Errorf("cannot read a checked body: %w", err)
	}
	options, _ := body.options()
	now := s.config.Now().Unix()
	a := attribute{
		Model: body.Model, Name: body.Name, DataType: body.DataType, Options: options, Custom: true,
		// The default turned round with 2.11.
		MessengerWritable: !c.version.atLeast(2, 11), CreatedAt: now, UpdatedAt: now,
	}
	a.change(body)
	var reply answer
	err := s.store.write(c.ctx, func(tx session) (err error) {
		reply, err = tx.createAttribute(a)
		return err
	})
	return reply, err
}

func (s session) createAttribute(a attribute) (answer, error) {
	_, exists, err := s.findAttribute("attribute_by_name", a.Model, a.Name)
	if err != nil {
		return answer{}, err
	}
	if exists {
		data := modelWords(a.Model)
		return invalid(fmt.Sprintf("You already have '%s' in your %s data. To save this as new %s data, use a different name.",
			a.Name, data, data)), nil
	}
	var live int
	if _, err := s.Row("attribute_count_live", nil, &live); err != nil {
		return answer{}, err
	}
	if live >= maxAttributes {
		return invalid(fmt.Sprintf("You have reached the limit of %d data attributes. Archive some to make room.", maxAttributes)), nil
	}
	if err := s.insertAttribute(a); err != nil {
		return answer{}, err
	}
	created, _, err := s.findAttribute("attribute_by_name", a.Model, a.Name)
	return ok(created.wire()), err
}

func modelWords(model string) string {
	if model == "contact" {
		return "people"
	}
	return model
}

// change applies the fields that create and update share.
func (a *attribute) change(body attributeBody) {
	if body.Description != nil {
		a.Description = *body.Description
	}
	if body.MessengerWritable != nil {
		a.MessengerWritable = *body.MessengerWritable
	}
	if body.Archived != nil {
		a.Archived = *body.Archived
	}
	if options, valid := body.options(); valid && options != nil {
		a.Options = options
	}
}

func screenAttributeUpdate(c *call) answer {
	var body attributeBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{} // The description says what is wrong with the types.
	}
	options, valid := body.options()
	if !valid {
		return invalid("Options isn't an array")
	}
	if options != nil && len(options) < 2 {
		return invalid("The list attribute needs at least two options")
	}
	return answer{}
}

func (s *Server) updateAttribute(c *call) (answer, error) {
	var body attributeBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return invalid("The body is not a change of a data attribute"), nil //nolint:nilerr // It is the caller's mistake, answered as such.
	}
	id, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	if err != nil {
		return attributeNotFound(), nil //nolint:nilerr // No attribute has such an id.
	}
	reply := attributeNotFound()
	err = s.store.write(c.ctx, func(tx session) error {
		a, found, err := tx.findAttribute("attribute_get", id)
		if err != nil || !found || !a.Custom {
			return err
		}
		a.change(body)
		a.UpdatedAt = s.config.Now().Unix()
		reply = ok(a.wire())
		return tx.updateAttribute(a)
	})
	return reply, err
}

func attributeNotFound() answer {
	return refuse(http.StatusNotFound, "field_not_found", "We couldn't find that data attribute to update")
}

func (s session) updateAttribute(a attribute) error {
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot encode an attribute: %w", err)
	}
	_, err = s.Exec("attribute_update", string(doc), a.id)
	return err
}

// writable keeps, of what the Messenger sent, the values of contact
// attributes that exist, are not archived and may be written by it. The rest
// is dropped in silence. Strings end after 255 characters.
func (s session) writable(values map[string]any) (map[string]any, error) {
	kept := map[string]any{}
	for name, value := range values {
		a, found, err := s.findAttribute("attribute_by_name", "contact", name)
		if err != nil {
			return nil, err
		}
		if found && a.Custom && !a.Archived && a.MessengerWritable && a.accepts(value) {
			kept[name] = cut(value)
		}
	}
	return kept, nil
}

func (a attribute) accepts(value any) bool {
	switch value.(type) {
	case nil:
		return true // Null empties an attribute.
	case string:
		return a.DataType == "string" || a.DataType == "options" || a.DataType == "date" || a.DataType == "datetime"
	case bool:
		return a.DataType == "boolean"
	case float64:
		return a.DataType != "string" && a.DataType != "options" && a.DataType != "boolean"
	}
	return false
}

func cut(value any) any {
	const longest = 255
	text, isText := value.(string)
	if !isText {
		return value
	}
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest])
	}
	return text
}
