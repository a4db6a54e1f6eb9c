package intercom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"sourceloop/schema"
)

// attributeName is the contact attribute that ties a contact to a browser.
const attributeName = "sourceloop_id"

type attribute struct {
	ID                json.Number `json:"id"`
	Name              string      `json:"name"`
	Model             string      `json:"model"`
	DataType          string      `json:"data_type"`
	Custom            bool        `json:"custom"`
	Archived          bool        `json:"archived"`
	MessengerWritable bool        `json:"messenger_writable"`
}

type newAttribute struct {
	Name              string `json:"name"`
	Model             string `json:"model"`
	DataType          string `json:"data_type"`
	Description       string `json:"description"`
	MessengerWritable bool   `json:"messenger_writable"`
}

type attributeChange struct {
	Archived          *bool `json:"archived,omitempty"`
	MessengerWritable bool  `json:"messenger_writable"`
}

const attributeOp = "prepare the attribute in Intercom"

// ensureAttribute finds the attribute and makes it usable, or creates it. Of
// two that create it at once, one is told that it exists and finds it.
func (p *Provider) ensureAttribute(ctx context.Context, token string) (attribute, error) {
	a, found, err := p.findAttribute(ctx, token)
	if err != nil {
		return attribute{}, err
	}
	if !found {
		a, err = p.createAttribute(ctx, token)
	}
	if err != nil {
		return attribute{}, err
	}
	if a.DataType != "string" {
		return attribute{}, schema.E(attributeOp, schema.KindInvalid, "Intercom has an attribute %s of the type %s, and it must be text. Rename or archive it in Intercom under Settings → Data → People, then press Test.", attributeName, a.DataType)
	}
	if !a.Archived && a.MessengerWritable {
		return a, nil
	}
	return p.repairAttribute(ctx, token, a)
}

// findAttribute looks among the archived ones as well. Of several, one in use
// goes before one in the archive.
func (p *Provider) findAttribute(ctx context.Context, token string) (found attribute, ok bool, err error) {
	var list struct {
		Data []attribute `json:"data"`
	}
	err = p.call(ctx, token, http.MethodGet, "/data_attributes?model=contact&include_archived=true", nil, &list)
	if err != nil {
		return attribute{}, false, worded(attributeOp, err)
	}
	for _, a := range list.Data {
		if a.Name == attributeName && a.Custom && (!ok || found.Archived) {
			found, ok = a, true
		}
	}
	return found, ok, nil
}

func (p *Provider) createAttribute(ctx context.Context, token string) (attribute, error) {
	var made attribute
	err := p.call(ctx, token, http.MethodPost, "/data_attributes", newAttribute{
		Name: attributeName, Model: "contact", DataType: "string", MessengerWritable: true,
		Description: "Which browser this person chatted from, so that their source can be shown.",
	}, &made)
	if err == nil {
		return made, nil
	}
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusBadRequest {
		// There is no code of its own for "exists": look again.
		if a, found, findErr := p.findAttribute(ctx, token); findErr != nil || found {
			return a, findErr
		}
	}
	if errors.As(err, &refused) && refused.status/100 == 4 && refused.status != http.StatusUnauthorized && refused.status != http.StatusTooManyRequests {
		e := schema.E(attributeOp, schema.KindInvalid, "Intercom did not let us create the attribute %s (status %d, %s). The app needs the permission to write data attributes, and a workspace may have 250 of them. Then press Test.", attributeName, refused.status, refused.code)
		e.Err = err
		return attribute{}, e
	}
	return attribute{}, worded(attributeOp, err)
}

// repairAttribute takes the attribute out of the archive and lets the Messenger
// write it.
func (p *Provider) repairAttribute(ctx context.Context, token string, a attribute) (attribute, error) {
	change := attributeChange{MessengerWritable: true}
	if a.Archived {
		change.Archived = new(bool)
	}
	var after attribute
	err := p.call(ctx, token, http.MethodPut, fmt.Sprintf("/data_attributes/%s", a.ID), change, &after)
	if err != nil {
		return attribute{}, worded(attributeOp, err)
	}
	if after.Archived || !after.MessengerWritable {
		return attribute{}, schema.E(attributeOp, schema.KindInvalid, "The attribute %s in Intercom cannot be written by the Messenger. Allow it in Intercom under Settings → Data → People, then press Test.", attributeName)
	}
	return after, nil
}
