// Package meta is a stand-in for Meta's Conversions API: one dataset (pixel),
// events, and access tokens that people make by hand in the Events Manager.
// Package ads says what it shares with the others.
//
//	GET,POST /events_manager         a page that makes an access token, shown once
//	POST /v26.0/{dataset}/events     conversions; v25.0 too
//	GET  /v26.0/me                   whose the token is
//
// One bad event refuses a request whole. Which subcode goes with which mistake
// is known of two only: too old, and a field that is missing; a caller should
// go by code and subcode, since the words are in the user's language. A website
// event without a client_user_agent is taken, as measured, though the
// documentation asks for one.
//
// Events with the same event_name and event_id within 48 hours of the first
// are taken and do not count; so are those with a test_event_code.
//
// What a caller checks before it sends, Meta may see otherwise: faults have it
// find the first event of a request too old or incomplete, or the version of
// the API gone.
package meta

import (
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"time"

	"sourceloop/deploy/standin/ads"
)

//go:embed assets
var assets embed.FS

var tokenTemplate = template.Must(template.ParseFS(assets, "assets/token.html"))

// scopeManage is what sending events needs.
const scopeManage = "ads_management"

// Faults beside those of package ads.
const (
	faultTooOld  = "too_old"
	faultMissing = "missing_field"
	faultVersion = "version_ended"
)

// Config describes the account.
type Config struct {
	ads.Config
	DatasetID string // Default "1029384756102938".
}

// Server is one stand-in.
type Server struct {
	*ads.Server
	dataset string
}

// New opens the stand-in that lives in config.Dir.
func New(config Config) (*Server, error) {
	if config.DatasetID == "" {
		config.DatasetID = "1029384756102938"
	}
	s := &Server{dataset: config.DatasetID}
	var err error
	s.Server, err = ads.New(config.Config, ads.Platform{
		Name: "meta", Title: "Meta",
		Scopes:   []ads.Scope{{Name: scopeManage, Detail: "Manage your ads"}},
		Faults:   []string{faultTooOld, faultMissing, faultVersion},
		Personal: personal(), TokenInBody: "access_token",
		RequestsPerMinute: -1, // By the account's spend; faults make it too many.
		Refuse:            refuse,
		About:             map[string]any{"dataset_id": config.DatasetID},
	})
	if err != nil {
		return nil, err
	}
	s.Handle("POST /{version}/{dataset}/events", ads.Operation{Run: s.events, Scope: scopeManage, Write: true})
	s.Handle("GET /{version}/me", ads.Operation{Run: s.me, Scope: scopeManage})
	s.Page("GET /events_manager", func(w http.ResponseWriter, _ *http.Request) { s.page(w, "") })
	s.Page("POST /events_manager", s.makeToken)
	return s, nil
}

func (s *Server) page(w http.ResponseWriter, token string) {
	s.Show(w, http.StatusOK, tokenTemplate, map[string]string{"Dataset": s.dataset, "Token": token})
}

func (s *Server) makeToken(w http.ResponseWriter, r *http.Request) {
	token, err := s.NewToken(r.Context(), s.AllScopes())
	if err != nil {
		http.Error(w, "cannot make an access token", http.StatusInternalServerError)
		return
	}
	s.page(w, token)
}

// me is the system user that the token was made for.
func (s *Server) me(c *ads.Call) (ads.Answer, error) {
	if !isVersion(c) {
		return noVersion(), nil
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{"id": "122100000000000001", "name": "Conversions API System User"}}, nil
}

func isVersion(c *ads.Call) bool {
	version := c.Request.PathValue("version")
	return version == "v25.0" || version == "v26.0"
}

func noVersion() ads.Answer {
	return graphError(http.StatusBadRequest, 2635, 0, "(#2635) You are calling a version of the Graph API that is not here.")
}

func (s *Server) events(c *ads.Call) (ads.Answer, error) {
	if ended, err := s.Fault(c.Request.Context(), faultVersion); ended || err != nil || !isVersion(c) {
		return noVersion(), err
	}
	if c.Request.PathValue("dataset") != s.dataset {
		return graphError(http.StatusBadRequest, 100, 33, "Unsupported post request. The object does not exist, cannot be loaded due to missing permissions, or does not support this operation"), nil
	}
	r, wrong := parse(c.Body, s.Now())
	if wrong != nil {
		return wrong.answer(), nil
	}
	for kind, wrong := range map[string]*mistake{faultTooOld: tooOld(0, 7), faultMissing: missing(0, "event_name")} {
		if on, err := s.Fault(c.Request.Context(), kind); on || err != nil {
			return wrong.answer(), err
		}
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{
		"events_received": len(r.events), "messages": []string{}, "fbtrace_id": rand.Text(),
	}}, s.take(c.Request.Context(), r)
}

// window is how long an event_id is remembered, from when it first came.
const window = 48 * time.Hour

// refuse is an error of the Graph API.
func refuse(status int, message string) ads.Answer {
	switch status {
	case http.StatusUnauthorized:
		return graphError(status, 190, 0, "Invalid OAuth access token - Cannot parse access token")
	case http.StatusForbidden:
		return graphError(status, 200, 0, "(#200) Requires "+message+" permission to manage the object")
	case http.StatusNotFound:
		return graphError(status, 2500, 0, "Unknown path components")
	case http.StatusTooManyRequests:
		return graphError(status, 4, 0, "(#4) Application request limit reached")
	case http.StatusInternalServerError:
		return graphError(status, 2, 0, "An unexpected error has occurred. Please retry your request later.")
	}
	return graphError(status, 100, 0, message)
}

func graphError(status, code, subcode int, message string) ads.Answer {
	e := map[string]any{
		"message": message, "type": "OAuthException", "code": code, "fbtrace_id": rand.Text(),
		"is_transient": code == 2 || code == 4,
	}
	if subcode != 0 {
		e["error_subcode"] = subcode
	}
	return ads.Answer{Status: status, Body: map[string]any{"error": e}}
}
