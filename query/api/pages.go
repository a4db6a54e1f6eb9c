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

// The dashboard's pages with the cards.
const (
	chatSettings = "/setup/chat"
	adSettings   = "/setup/ads"
)

// cardsOf is the page with the card of a provider, and its name in words.
func cardsOf(provider string) (address, name string) {
	if isAd(provider) {
		return adSettings, "ad platforms"
	}
	return chatSettings, "chat settings"
}

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
		return showPage(c, refuse(http.StatusForbidden, "A page of another site sent you here, so nothing was connected.", "Click Connect on the card in the dashboard yourself."))
	}
	token := p.gate.cookie.read(r)
	who, err := p.gate.identify(r, token)
	if err != nil {
		return showPage(c, err)
	}
	if token == "" || !who.Can(control.ManageConnections) {
		return showPage(c, refuse(http.StatusForbidden, "Only an Owner or an Admin who is signed in with a browser can connect this.", "Ask one of them to click Connect."))
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
		return showPage(c, refuse(http.StatusForbidden, "This browser is not the one in which connecting was begun, or it was signed out meanwhile. Nothing was connected.", "Sign in, and click Connect on the card in the dashboard."))
	}
	connection, err := p.service.Connections.Callback(r.Context(), c.Param("provider"), token, r.URL.Query())
	if err != nil {
		return showPage(c, err)
	}
	result := url.Values{"connection": {connection.Provider}, "result": {string(connection.State)}}
	address, _ := cardsOf(connection.Provider)
	return c.Redirect(http.StatusSeeOther, address+"?"+result.Encode())
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
<p><a href="{{.Back}}">Go to the {{.BackName}}</a></p>
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
		problem.Title = providerName(c.Param("provider")) + " was not connected."
	}
	t, err := page()
	if err != nil {
		return err
	}
	address, name := cardsOf(c.Param("provider"))
	var body bytes.Buffer
	if err = t.Execute(&body, struct {
		Problem
		Back, BackName string
	}{problem, address, name}); err != nil {
		return err
	}
	return c.HTMLBlob(problem.Status, body.Bytes())
}
