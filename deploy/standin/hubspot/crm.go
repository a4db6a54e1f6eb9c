package hubspot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"sourceloop/deploy/standin/ledger"
)

// property is a contact property.
type property struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Type      string `json:"type"`
	FieldType string `json:"fieldType"`
	GroupName string `json:"groupName"`
	Hidden    bool   `json:"hidden"`
	FormField bool   `json:"formField"`
	Archived  bool   `json:"archived"`
	Built     bool   `json:"hubspotDefined"`
}

// builtIn are the properties that every account has, as far as they are played.
func builtIn(name string) bool {
	switch name {
	case "email", "phone", "firstname", "lastname", "createdate", "lastmodifieddate", "hs_object_id", "country":
		return true
	}
	return false
}

// contact is a person. Properties are strings, as HubSpot's are. Times are
// Unix milliseconds.
type contact struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
	CreatedAt  int64             `json:"created_at"`
	UpdatedAt  int64             `json:"updated_at"`
	Deleted    bool              `json:"deleted"`
	MergedInto string            `json:"merged_into"`
}

func (c contact) email() string { return c.Properties["email"] }

func get[T any](tx *ledger.Session, statement string, args ...any) (value T, found bool, err error) {
	var doc string
	found, err = tx.Row(statement, args, &doc)
	if err != nil || !found {
		return value, false, err
	}
	if err = json.Unmarshal([]byte(doc), &value); err != nil {
		return value, false, fmt.Errorf("cannot read what %s found: %w", statement, err)
	}
	return value, true, nil
}

func put(tx *ledger.Session, statement string, value any, keys ...any) error {
	doc, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot encode for %s: %w", statement, err)
	}
	_, err = tx.Exec(statement, append(keys, string(doc))...)
	return err
}

func putContact(tx *ledger.Session, c contact) error {
	email := c.email()
	if c.Deleted || c.MergedInto != "" {
		email = ""
	}
	return put(tx, "contact_put", c, c.ID, email)
}

// present returns a contact that is there, following merges to their end.
func present(tx *ledger.Session, id string) (c contact, found bool, err error) {
	for {
		c, found, err = get[contact](tx, "contact_get", id)
		if err != nil || !found || c.Deleted {
			return contact{}, false, err
		}
		if c.MergedInto == "" {
			return c, true, nil
		}
		id = c.MergedInto
	}
}

func notFound(what string) answer {
	return refuse(http.StatusNotFound, "OBJECT_NOT_FOUND", "No "+what+" has this id.")
}

// show gives the properties that were asked for, null where there is none.
func (c contact) show(asked string) map[string]any {
	shown := map[string]any{
		"hs_object_id": c.ID, "createdate": ledger.Time(c.CreatedAt), "lastmodifieddate": ledger.Time(c.UpdatedAt),
	}
	if asked == "" {
		asked = "email,firstname,lastname"
	}
	for name := range strings.SplitSeq(asked, ",") {
		if _, there := shown[name]; there {
			continue
		}
		shown[name] = nil
		if value, has := c.Properties[name]; has {
			shown[name] = value
		}
	}
	return map[string]any{
		"id": c.ID, "properties": shown, "createdAt": ledger.Time(c.CreatedAt), "updatedAt": ledger.Time(c.UpdatedAt), "archived": false,
	}
}

// getContact answers for a merged contact with what it became.
func (s *Server) getContact(c *call) (answer, error) {
	tx, id := s.store.Read(c.ctx), c.r.PathValue("id")
	if c.r.URL.Query().Get("idProperty") == "email" {
		found, known, err := get[contact](tx, "contact_by_email", strings.ToLower(id))
		if err != nil || !known {
			return notFound("contact"), err
		}
		id = found.ID
	}
	found, known, err := present(tx, id)
	if err != nil || !known {
		return notFound("contact"), err
	}
	return ok(found.show(c.r.URL.Query().Get("properties"))), nil
}

// updateContact sets properties that exist.
func (s *Server) updateContact(c *call) (answer, error) {
	var request struct {
		Properties map[string]string `json:"properties"`
	}
	if err := json.Unmarshal(c.body, &request); err != nil || len(request.Properties) == 0 {
		return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: properties are missing"), nil //nolint:nilerr // It is the caller's mistake.
	}
	reply := notFound("contact")
	_, err := s.happen(c.ctx, s.config.Now(), func(x *change) error {
		found, known, err := present(x.Session, c.r.PathValue("id"))
		if err != nil || !known {
			return err
		}
		for name := range request.Properties {
			exists, err := x.hasProperty(name)
			if err != nil {
				return err
			}
			if !exists {
				reply = refuse(http.StatusBadRequest, "VALIDATION_ERROR", "Property values were not valid: Property \""+name+"\" does not exist")
				return nil
			}
		}
		x.set(&found, request.Properties, "INTEGRATION")
		reply = ok(found.show(""))
		return putContact(x.Session, found)
	})
	return reply, err
}

func (x *change) hasProperty(name string) (bool, error) {
	if builtIn(name) {
		return true, nil
	}
	p, found, err := get[property](x.Session, "property_get", name)
	return found && !p.Archived, err
}

func (s *Server) listProperties(c *call) (answer, error) {
	list := []property{}
	err := s.store.Read(c.ctx).Rows("property_list", nil, func(scan func(...any) error) error {
		var doc string
		var p property
		if err := scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(doc), &p); err != nil {
			return fmt.Errorf("cannot read a property: %w", err)
		}
		list = append(list, p)
		return nil
	})
	return ok(map[string]any{"results": list}), err
}

func (s *Server) getProperty(c *call) (answer, error) {
	name := c.r.PathValue("name")
	if builtIn(name) {
		return ok(property{Name: name, Label: name, Type: "string", FieldType: "text", GroupName: "contactinformation", Built: true}), nil
	}
	p, found, err := get[property](s.store.Read(c.ctx), "property_get", name)
	if err != nil || !found || p.Archived != (c.r.URL.Query().Get("archived") == "true") {
		return notFound("property"), err
	}
	return ok(p), nil
}

func (s *Server) createProperty(c *call) (answer, error) {
	var p property
	if err := json.Unmarshal(c.body, &p); err != nil || p.Name == "" || p.Label == "" || p.GroupName == "" || !fits(p) {
		return refuse(http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: name, label, type, fieldType and groupName are needed"), nil //nolint:nilerr // It is the caller's mistake.
	}
	reply := answer{status: http.StatusCreated, body: p}
	err := s.store.Write(c.ctx, func(tx *ledger.Session) error {
		_, found, err := get[property](tx, "property_get", p.Name)
		if err != nil {
			return err
		}
		if found || builtIn(p.Name) {
			reply = refuse(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named '"+p.Name+"' already exists.")
			return nil
		}
		return put(tx, "property_put", p, p.Name)
	})
	return reply, err
}

// fits holds a property's type against the form field it is shown as.
func fits(p property) bool {
	switch p.Type {
	case "string":
		return p.FieldType == "text" || p.FieldType == "textarea"
	case "number":
		return p.FieldType == "number"
	case "enumeration":
		return p.FieldType == "select" || p.FieldType == "radio"
	}
	return false
}
