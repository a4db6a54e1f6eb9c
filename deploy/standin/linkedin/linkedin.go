// Package linkedin is a stand-in for LinkedIn's Conversions API: 3-legged OAuth,
// one ad account with a few conversion rules, and events, alone or in batches.
// Package ads says what it shares with the others.
//
//	GET,POST /oauth/v2/authorization, POST /oauth/v2/accessToken, POST /oauth/v2/revoke
//	GET  /rest/conversions            the rules; q=account&account=urn:li:sponsoredAccount:{id}
//	GET  /rest/adAccountUsers         the accounts that the member has a role on; q=authenticatedUser
//	POST /rest/conversionEvents       one event, or a batch by X-RestLi-Method: BATCH_CREATE
//
// Every request of the API names a LinkedIn-Version that lives: for a year and
// half a month from the first of its month. It also names the protocol 2.0.0,
// which LinkedIn may not insist on.
//
// Fields that are missing, unknown or of the wrong type refuse a request with
// their paths (422), and so does a time that is too old or to come (400), a
// batch whole. A rule that is unknown refuses its event alone; how LinkedIn
// writes such a mixed answer is not known, so it is Rest.li's way. A bogus
// currency and a malformed idValue are taken, as measured.
//
// Whether LinkedIn tells two API events with the same eventId apart is not
// known: here both count. What the Insight Tag sent is not played. An event of
// a rule that is switched off is taken and does not count.
//
// What a caller checks before it sends, LinkedIn may see otherwise: faults have
// it miss the version, find it ended, or find the first event of a request too
// old or malformed.
package linkedin

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"sourceloop/deploy/standin/ads"
)

// Scopes of the app.
const (
	scopeConversions = "rw_conversions"
	scopeAds         = "r_ads"
)

// Faults beside those of package ads.
const (
	faultNoVersion = "version_missing"
	faultVersion   = "version_ended"
	faultTooOld    = "too_old"
	faultMalformed = "malformed"
)

// Config describes the ad account.
type Config struct {
	ads.Config
	AccountID string // Default "512345678".
	Rules     []Rule // Default three, one of them switched off.
}

// Rule is a conversion rule of the account.
type Rule struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// Server is one stand-in.
type Server struct {
	*ads.Server
	account string
	rules   []Rule
}

// New opens the stand-in that lives in config.Dir.
func New(config Config) (*Server, error) {
	if config.AccountID == "" {
		config.AccountID = "512345678"
	}
	if config.Rules == nil {
		config.Rules = []Rule{{8001001, "Chat started", true}, {8001002, "Qualified chat", true}, {8001003, "Of last year", false}}
	}
	s := &Server{account: config.AccountID, rules: config.Rules}
	var err error
	s.Server, err = ads.New(config.Config, ads.Platform{
		Name: "linkedin", Title: "LinkedIn",
		Authorize: "/oauth/v2/authorization", Exchange: "/oauth/v2/accessToken", Revoke: "/oauth/v2/revoke",
		Scopes: []ads.Scope{
			{Name: scopeConversions, Detail: "Upload and manage conversions"}, {Name: scopeAds, Detail: "Retrieve your ad accounts"},
		},
		ScopeSeparator: ",", AccessLife: 60 * 24 * time.Hour, RefreshLife: 365 * 24 * time.Hour,
		Personal: []string{"idValue", "firstName", "lastName", "title", "companyName", "externalIds", "lead"}, Public: isClick,
		Faults:            []string{faultNoVersion, faultVersion, faultTooOld, faultMalformed},
		RequestsPerMinute: 600, Refuse: refuse,
		About: map[string]any{"account": config.AccountID, "rules": config.Rules},
	})
	if err != nil {
		return nil, err
	}
	s.Handle("GET /rest/conversions", ads.Operation{Run: s.versioned(s.list), Scope: scopeConversions})
	s.Handle("GET /rest/adAccountUsers", ads.Operation{Run: s.versioned(s.roles), Scope: scopeAds})
	s.Handle("POST /rest/conversionEvents", ads.Operation{Run: s.versioned(s.events), Scope: scopeConversions, Write: true})
	return s, nil
}

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// isClick accepts what may be kept of people beside hashes: li_fat_id.
func isClick(value string) bool { return uuid.MatchString(value) }

// versioned wants the versions of API and protocol.
func (s *Server) versioned(next func(*ads.Call) (ads.Answer, error)) func(*ads.Call) (ads.Answer, error) {
	return func(c *ads.Call) (ads.Answer, error) {
		version := c.Request.Header.Get("LinkedIn-Version")
		unseen, err := s.Fault(c.Request.Context(), faultNoVersion)
		if err != nil {
			return ads.Answer{}, err
		}
		ended, err := s.Fault(c.Request.Context(), faultVersion)
		switch {
		case err != nil:
			return ads.Answer{}, err
		case version == "" || unseen:
			return fault(http.StatusBadRequest, "VERSION_MISSING", "A version must be present. Please specify a version by adding the LinkedIn-Version header."), nil
		case !lives(version, s.Now()) || ended:
			return fault(http.StatusUpgradeRequired, "NONEXISTENT_VERSION", "Requested version "+short(version)+" is not active"), nil
		case c.Request.Header.Get("X-Restli-Protocol-Version") != "2.0.0":
			return fault(http.StatusBadRequest, "", "The stand-in wants X-Restli-Protocol-Version: 2.0.0."), nil
		}
		return next(c)
	}
}

func short(text string) string { return strings.ToValidUTF8(text[:min(len(text), 20)], "") }

// lives says whether a version YYYYMM is served: 202511 until 2026-11-16.
func lives(version string, now time.Time) bool {
	born, err := time.Parse("200601", version)
	return err == nil && !born.After(now) && now.Before(born.AddDate(1, 0, 15))
}

// list tells the rules of an account.
func (s *Server) list(c *ads.Call) (ads.Answer, error) {
	query := c.Request.URL.Query()
	account := "urn:li:sponsoredAccount:" + s.account
	switch {
	case query.Get("q") != "account":
		return fault(http.StatusBadRequest, "", "The finder q=account is the only one here."), nil
	case query.Get("account") != account:
		return noAccount(), nil
	}
	elements := []map[string]any{}
	for _, r := range s.rules {
		elements = append(elements, map[string]any{
			"id": r.ID, "name": r.Name, "enabled": r.Enabled, "account": account, "conversionMethod": "CONVERSIONS_API", "type": "LEAD",
		})
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{
		"elements": elements, "paging": map[string]any{"start": 0, "count": len(elements), "total": len(elements), "links": []any{}},
	}}, nil
}

// roles tells on which account the member has one.
func (s *Server) roles(c *ads.Call) (ads.Answer, error) {
	if c.Request.URL.Query().Get("q") != "authenticatedUser" {
		return fault(http.StatusBadRequest, "", "The finder q=authenticatedUser is the only one here."), nil
	}
	return ads.Answer{Status: http.StatusOK, Body: map[string]any{
		"elements": []any{map[string]any{"account": "urn:li:sponsoredAccount:" + s.account, "role": "ACCOUNT_MANAGER", "user": "urn:li:person:ada"}},
		"paging":   map[string]any{"start": 0, "count": 10, "links": []any{}},
	}}, nil
}

func noAccount() ads.Answer {
	return fault(http.StatusForbidden, "ACCESS_DENIED", "No ad accounts found")
}

// refuse is LinkedIn's error. The message of 403 is the scope that is missing.
func refuse(status int, message string) ads.Answer {
	switch status {
	case http.StatusUnauthorized:
		return fault(status, "INVALID_ACCESS_TOKEN", "Invalid access token")
	case http.StatusForbidden:
		return fault(status, "ACCESS_DENIED", "Not enough permissions to access: "+message)
	case http.StatusNotFound:
		return fault(status, "RESOURCE_NOT_FOUND", "No virtual resource found")
	case http.StatusTooManyRequests:
		return fault(status, "TOO_MANY_REQUESTS", "Resource level throttle limit for calls to this resource is reached.")
	case http.StatusInternalServerError:
		return fault(status, "INTERNAL_SERVER_ERROR", "Internal Server Error")
	}
	return fault(status, "", message)
}

func fault(status int, code, message string) ads.Answer {
	body := map[string]any{"status": status, "message": message}
	if code != "" {
		body["code"] = code
	}
	return ads.Answer{Status: status, Body: body}
}
