package hubspot

import (
	"context"
	"errors"
	"net/http"

	"sourceloop/schema"
)

// propertyName is the contact property that ties a contact to a browser.
const propertyName = "sourceloop_id"

type property struct {
	Name      string `json:"name"`
	Label     string `json:"label,omitempty"`
	Type      string `json:"type"`
	FieldType string `json:"fieldType,omitempty"`
	GroupName string `json:"groupName,omitempty"`
	Text      string `json:"description,omitempty"`
	FormField bool   `json:"formField"`
	Archived  bool   `json:"archived,omitempty"`
}

const (
	propertyOp   = "prepare the property in HubSpot"
	propertyPath = "/crm/v3/properties/contacts"
)

// ensureProperty finds the property, or creates it. Of two that create it at
// once, one is told that it exists and finds it.
func (p *Provider) ensureProperty(ctx context.Context, token string) error {
	found, ok, err := p.findProperty(ctx, token, false)
	if err != nil {
		return err
	}
	if !ok {
		if found, err = p.createProperty(ctx, token); err != nil {
			return err
		}
	}
	if found.Type != "string" {
		return schema.E(propertyOp, schema.KindInvalid, "HubSpot has a contact property %s of the type %s, and it must be text. Rename or archive it in HubSpot under Settings → Properties, then press Test.", propertyName, found.Type)
	}
	return nil
}

func (p *Provider) findProperty(ctx context.Context, token string, archived bool) (found property, ok bool, err error) {
	path := propertyPath + "/" + propertyName
	if archived {
		path += "?archived=true"
	}
	err = p.call(ctx, token, http.MethodGet, path, nil, &found)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return property{}, false, nil
	}
	return found, err == nil, worded(propertyOp, err)
}

func (p *Provider) createProperty(ctx context.Context, token string) (property, error) {
	var made property
	err := p.call(ctx, token, http.MethodPost, propertyPath, property{
		Name: propertyName, Label: "SourceLoop id", Type: "string", FieldType: "text", GroupName: "contactinformation",
		Text: "Which browser this person chatted from, so that their source can be shown.",
	}, &made)
	var refused *refusal
	if !errors.As(err, &refused) || refused.status != http.StatusConflict {
		return made, worded(propertyOp, err)
	}
	for _, archived := range []bool{false, true} {
		found, ok, err := p.findProperty(ctx, token, archived)
		switch {
		case err != nil:
			return property{}, err
		case ok && archived:
			return property{}, schema.E(propertyOp, schema.KindInvalid, "The contact property %s is in HubSpot's archive, where its name stays taken. Restore it in HubSpot under Settings → Properties → Archived, then press Test.", propertyName)
		case ok:
			return found, nil
		}
	}
	return property{}, schema.E(propertyOp, schema.KindInvalid, "HubSpot says that the contact property %s exists, and does not show it to us. Look for it in HubSpot under Settings → Properties, then press Test.", propertyName)
}
