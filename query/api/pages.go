package api

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"sourceloop/control"
	"sourceloop/schema"
)

// chatSettings is the dashboard's page with the cards.
const chatSettings = "/setup/chat"

// pages are what a browser opens by itself while it connects a provider: they
// redirect, or say in words why not.
type pages struct {
	service *service
	gate    *gate
}

// start sends a signed-in Admin to the provider's consent page. The OAuth
// state is bound to the session's cookie. With ?backfill=1 the conversations
// from before are imported once it is connected.
func (p *pages) start(c echo.Context) error {
	r := c.Request()
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return showPage(c, refuse(http.StatusForbidden, "A page of another site sent you here, so nothing was connected.", "Click Connect in the chat settings yourself."))
	}
	token := p.gate.cookie.read(r)
	who, err := p.gate.identify(r, token)
	if err != nil {
		return showPage(c, err)
	}
	if token == "" || !who.Can(control.ManageConnections) {
		return showPage(c, refuse(http.StatusForbidden, "Only an Owner or an Admin who is signed in with a browser can connect a chat.", "Ask one of them to click Connect."))
	}
	target, err := p.service.Connections.Connect(r.Context(), who, c.Param("provider"), token)
	if err != nil {
		return showPage(c, err)
	}
	if c.QueryParam("backfill") == "1" {
		if err = p.service.Connections.Backfill(r.Context(), who, c.Param("provider")); err != nil {
			return showPage(c, err)
		}
	}
	return c.Redirect(http.StatusSeeOther, target)
}

// callback is where the provider sends the browser back to.
func (p *pages) callback(c echo.Context) error {
	r := c.Request()
	token := p.gate.cookie.read(r)
	if token == "" {
		return showPage(c, refuse(http.StatusForbidden, "This browser is not the one in which connecting was begun, or it was signed out meanwhile. Nothing was connected.", "Sign in, and click Connect in the chat settings."))
	}
	connection, err := p.service.Connections.Callback(r.Context(), c.Param("provider"), token, r.URL.Query())
	if err != nil {
		return showPage(c, err)
	}
	result := url.Values{"connection": {connection.Provider}, "result": {string(connection.State)}}
	return c.Redirect(http.StatusSeeOther, chatSettings+"?"+result.Encode())
}

// page is whole without styles and scripts: the answers' policy allows none.
func page() (*template.Template, error) {
	return template.New("page").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title></head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
<p>{{.WhatToDo}}</p>
<p><a href="` + chatSettings + `">Go to the chat settings</a></p>
</main>
</body>
</html>
`)
}

// showPage words an error for somebody who looks at a browser. What is a
// defect of ours goes on to the log as well.
func showPage(c echo.Context, err error) error {
	problem := problemOf(err)
	var own *refusal
	if !errors.As(err, &own) {
		if schema.KindOf(err) == schema.KindInternal {
			return err
		}
		problem.Title = "The chat was not connected."
	}
	t, err := page()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err = t.Execute(&body, problem); err != nil {
		return err
	}
	return c.HTMLBlob(problem.Status, body.Bytes())
}
