package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sourceloop/control"
	"sourceloop/schema"
)

// caller is who asks, as the gate let them in.
type caller struct {
	control.Principal
	workspace *schema.Workspace // nil where anybody may ask
	token     string            // of the browser's session; "" without a cookie
	address   string            // the client's network address
}

type callerKey struct{}

// callerOf is who asks; handlers run behind the gate, which puts it there.
func callerOf(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(caller)
	return who
}

// gate lets through what an operation allows.
type gate struct {
	store      *control.Store
	operations map[string]*operation
	origins    *http.CrossOriginProtection
	cookie     cookie
}

func (g *gate) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		op, ok := g.operations[c.Request().Method+" "+c.Path()]
		if !ok {
			return next(c)
		}
		who, err := g.admit(c, op)
		if err != nil {
			return err
		}
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), callerKey{}, who)))
		if err := op.validate(c); err != nil {
			return err
		}
		return next(c)
	}
}

func (g *gate) admit(c echo.Context, op *operation) (caller, error) {
	r := c.Request()
	who := caller{token: g.cookie.read(r), address: c.RealIP()}
	// A foreign page cannot make a browser send a bearer token, so only
	// requests without one are held to their origin.
	if r.Header.Get("Authorization") == "" {
		if err := g.origins.Check(r); err != nil {
			return who, refuse(http.StatusForbidden, "The request came from the page of another site, so nothing was done.",
				"Do it in the dashboard itself. A program sends an API key as Authorization: Bearer.")
		}
	}
	if op.need.public {
		return who, nil
	}
	principal, err := g.identify(r, who.token)
	if err != nil {
		return who, err
	}
	if !principal.Can(op.need.action) {
		return who, refuse(http.StatusForbidden, "Your role ("+string(principal.Role)+") may not "+string(op.need.action)+".",
			"Ask an Owner or an Admin of this workspace.")
	}
	if principal.Key != 0 {
		if err = g.store.NoteKeyUse(r.Context(), principal.Key); err != nil {
			return who, err
		}
	}
	who.Principal = principal
	who.workspace, err = workspaceOf(r.Context(), g.store, principal.Workspace)
	return who, err
}

// identify finds whose API key or session this is. A key that is sent counts
// alone: a wrong one is not made good by a cookie.
func (g *gate) identify(r *http.Request, token string) (control.Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") {
			if who, ok := g.store.Directory().APIKey(strings.TrimSpace(key)); ok {
				return who, nil
			}
		}
		return control.Principal{}, refuse(http.StatusUnauthorized, "The API key is not known. It may have been deleted.",
			"Send a key of this workspace as Authorization: Bearer; keys are made under Settings.")
	}
	if token == "" {
		return control.Principal{}, signedOut()
	}
	who, err := g.store.Session(r.Context(), token)
	if schema.KindOf(err) == schema.KindDenied {
		return who, signedOut()
	}
	return who, err
}

func signedOut() error {
	return refuse(http.StatusUnauthorized, "Nobody is signed in, or the session has ended.",
		"Sign in again. A program sends an API key as Authorization: Bearer.")
}

// workspaceOf finds a workspace, also one that was made a moment ago by another
// process.
func workspaceOf(ctx context.Context, store *control.Store, id uint32) (*schema.Workspace, error) {
	directory := store.Directory()
	if w, ok := directory.Workspace(id); ok {
		return w, nil
	}
	if err := directory.Refresh(ctx); err != nil {
		return nil, err
	}
	w, ok := directory.Workspace(id)
	if !ok {
		return nil, schema.E("find the workspace", schema.KindUnavailable, "The workspace was made a moment ago and is not known here yet. Try again in a second.")
	}
	return w, nil
}

// denied tells whether an error says that somebody is not who or what they
// must be.
func denied(err error) bool {
	var known *schema.Error
	return errors.As(err, &known) && known.Kind == schema.KindDenied
}
