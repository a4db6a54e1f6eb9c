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

// maxAttributes is how many custom attributes a workspace may have in use.
const maxAttributes = 250

// ensureAttribute finds the attribute and makes it usable, or creates it. Of
// two that create it at once, one is told that it exists and finds it.
func (c *api) ensureAttribute(ctx context.Context) (attribute, error) {
	a, found, err := c.findAttribute(ctx)
	if err != nil {
		return attribute{}, err
	}
	if !found {
		a, err = c.createAttribute(ctx)
	}
	if err != nil {
		return attribute{}, err
	}
	if a.DataType != "string" && a.Archived {
		return attribute{}, schema.E(attributeOp, schema.KindInvalid, "Intercom has an attribute %s of the type %s in its archive, and it must be text. A type cannot be changed: ask Intercom's support to remove that attribute, then press Test.", attributeName, a.DataType)
	}
	if a.DataType != "string" {
		return attribute{}, schema.E(attributeOp, schema.KindInvalid, "Intercom has an attribute %s of the type %s, and it must be text. A type cannot be changed: rename or archive it in Intercom under Settings → Data → People, then press Test.", attributeName, a.DataType)
	}
	if !a.Archived && a.MessengerWritable {
		return a, nil
	}
	return c.repairAttribute(ctx, a)
}

// findAttribute looks among the archived ones as well. Of several, one in use
// goes before one in the archive.
func (c *api) findAttribute(ctx context.Context) (found attribute, ok bool, err error) {
	list, err := c.attributes(ctx, "?model=contact&include_archived=true")
	if err != nil {
		return attribute{}, false, worded(attributeOp, err)
	}
	for _, a := range list {
		if a.Name == attributeName && a.Custom && (!ok || found.Archived) {
			found, ok = a, true
		}
	}
	return found, ok, nil
}

func (c *api) attributes(ctx context.Context, query string) ([]attribute, error) {
	var list struct {
		Data []attribute `json:"data"`
	}
	err := c.call(ctx, http.MethodGet, "/data_attributes"+query, nil, &list)
	return list.Data, err
}

func (c *api) createAttribute(ctx context.Context) (attribute, error) {
	var made attribute
	err := c.call(ctx, http.MethodPost, "/data_attributes", newAttribute{
		Name: attributeName, Model: "contact", DataType: "string", MessengerWritable: true,
		Description: "Which browser this person chatted from, so that their source can be shown.",
	}, &made)
	if err == nil {
		return made, nil
	}
	var refused *refusal
	if !errors.As(err, &refused) || refused.status/100 != 4 || refused.status == http.StatusUnauthorized || refused.status == http.StatusTooManyRequests {
		return attribute{}, worded(attributeOp, err)
	}
	if refused.status == http.StatusBadRequest {
		// There is no code of its own for "exists": look again.
		if a, found, findErr := c.findAttribute(ctx); findErr != nil || found {
			return a, findErr
		}
	}
	return attribute{}, c.refused(ctx, err, "did not let us create the attribute "+attributeName)
}

// refused says why the attribute cannot be had. Intercom has no word of its own
// for a workspace that is full, so the attributes are counted.
func (c *api) refused(ctx context.Context, err error, what string) error {
	var r *refusal
	if !errors.As(err, &r) {
		return worded(attributeOp, err)
	}
	e := schema.E(attributeOp, schema.KindInvalid, "Intercom %s (status %d, %s). Look at it in Intercom under Settings → Data → People, then press Test; if it stays, tell the operator.", what, r.status, r.code)
	list, listErr := c.attributes(ctx, "")
	switch {
	case r.status == http.StatusForbidden:
		e = schema.E(attributeOp, schema.KindInvalid, "Intercom %s (%s). In the Developer Hub, tick the permission to write data attributes for the app, or ask whoever runs this server to; then press Test.", what, r.code)
	case listErr == nil && inUse(list) >= maxAttributes:
		e = schema.E(attributeOp, schema.KindInvalid, "Intercom %s: the workspace has its %d data attributes. Archive one that is no longer used in Intercom under Settings → Data, then press Test.", what, maxAttributes)
	}
	e.Err = err
	return e
}

// inUse counts the custom attributes of all models; archived ones take no place.
func inUse(list []attribute) (n int) {
	for _, a := range list {
		if a.Custom && !a.Archived {
			n++
		}
	}
	return n
}

// repairAttribute takes the attribute out of the archive and lets the Messenger
// write it.
func (c *api) repairAttribute(ctx context.Context, a attribute) (attribute, error) {
	change := attributeChange{MessengerWritable: true}
	what := "did not let us make the attribute " + attributeName + " writable by the Messenger"
	if a.Archived {
		change.Archived = new(bool)
		what = "did not let us take the attribute " + attributeName + " out of the archive"
	}
	var after attribute
	err := c.call(ctx, http.MethodPut, fmt.Sprintf("/data_attributes/%s", a.ID), change, &after)
	var r *refusal
	if errors.As(err, &r) && r.status/100 == 4 && r.status != http.StatusUnauthorized && r.status != http.StatusTooManyRequests {
		return attribute{}, c.refused(ctx, err, what)
	}
	if err != nil {
		return attribute{}, worded(attributeOp, err)
	}
	if after.Archived || !after.MessengerWritable {
		return attribute{}, schema.E(attributeOp, schema.KindInvalid, "The attribute %s in Intercom cannot be written by the Messenger. Allow it in Intercom under Settings → Data → People, then press Test.", attributeName)
	}
	return after, nil
}
