// Package google is a stand-in for Google Ads: OAuth and the Data Manager API
// for conversions, of one customer account with a few conversion actions.
// Package ads says what it shares with the others.
//
//	GET,POST /o/oauth2/auth, POST /token, POST /revoke
//	POST /v1/events:ingest           conversions
//	GET  /v1/requestStatus:retrieve  what became of them, in counts
//
// Requests to ingest are checked against Google's published description
// (spec/), and by hand where it says nothing: what must be there, how much, and
// the hashes. One bad event refuses a request whole. Google does not publish
// the words of such a refusal, so a caller should go by status and field.
//
// A request that is taken is processed at once. Per conversion action a
// transactionId counts once and for ever; without one, a click identifier
// counts once for a time. Whether the click is known, or recent, only Google
// knows; faults make it say so: a kind named after a reason, such as
// click_not_found, meets one event each time; processing makes a status wait.
//
// People may untick the scope on the consent page. A refresh token comes only
// with access_type=offline, and only the first time unless prompt=consent.
package google

import (
	_ "embed" // The SQL below.
	"net/http"
	"slices"
	"time"

	"sourceloop/deploy/standin/ads"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

const (
	// scopeDataManager is what ingest and status need.
	scopeDataManager = "https://www.googleapis.com/auth/datamanager"
	// faultProcessing has statuses say that nothing is known yet.
	faultProcessing = "processing"
)

// Config describes the account. AccountID is its customer id, digits only.
type Config struct {
	ads.Config
	AccountID string   // Default "1234567890".
	Actions   []Action // Default two.
}

// Action is a conversion action of the account.
type Action struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Server is one stand-in.
type Server struct {
	*ads.Server
	account string
	actions []Action
	shape   *description
}

// New opens the stand-in that lives in config.Dir.
func New(config Config) (*Server, error) {
	if config.AccountID == "" {
		config.AccountID = "1234567890"
	}
	if config.Actions == nil {
		config.Actions = []Action{{"7001001", "Chat started"}, {"7001002", "Qualified chat"}}
	}
	shape, err := loadDescription()
	if err != nil {
		return nil, err
	}
	s := &Server{account: config.AccountID, actions: config.Actions, shape: shape}
	s.Server, err = ads.New(config.Config, s.platform())
	if err != nil {
		return nil, err
	}
	s.Handle("POST /v1/events:ingest", ads.Operation{Run: s.ingest, Scope: scopeDataManager, Write: true})
	s.Handle("GET /v1/requestStatus:retrieve", ads.Operation{Run: s.retrieve, Scope: scopeDataManager})
	return s, nil
}

func (s *Server) platform() ads.Platform {
	faults := []string{faultProcessing}
	for _, r := range reasonFaults() {
		faults = append(faults, r.kind)
	}
	return ads.Platform{
		Name: "google", Title: "Google Ads",
		Authorize: "/o/oauth2/auth", Exchange: "/token", Revoke: "/revoke",
		Scopes: []ads.Scope{
			{Name: scopeDataManager, Detail: "Connect to Google's marketing products and send conversions to them"},
			{Name: "openid", Detail: "Associate you with your personal info on Google"},
			{Name: "email", Detail: "See your primary Google Account email address"},
		},
		Optional: true, Offline: true, ScopeSeparator: " ", AccessLife: 3599 * time.Second,
		Schema: schemaSQL, Statements: statementsSQL, Faults: faults,
		Personal: []string{
			"emailAddress", "phoneNumber", "givenName", "familyName", "addressLine", "city", "postalCode", "ipAddress", "userAgent", "userId",
		},
		RequestsPerMinute: 300, Refuse: refuse,
		About: map[string]any{"customer_id": s.account, "conversion_actions": s.actions},
	}
}

func (s *Server) hasAction(id string) bool {
	return slices.ContainsFunc(s.actions, func(a Action) bool { return a.ID == id })
}

// refuse is Google's error (google.rpc.Status as JSON). The message of 403 is
// the scope that is missing.
func refuse(status int, message string) ads.Answer {
	words := map[int]string{
		http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED",
		http.StatusNotFound: "NOT_FOUND", http.StatusRequestEntityTooLarge: "INVALID_ARGUMENT",
		http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusInternalServerError: "INTERNAL",
	}
	if status == http.StatusForbidden {
		return rpcError(status, words[status], "Request had insufficient authentication scopes.", map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com",
			"metadata": map[string]string{"service": "datamanager.googleapis.com"},
		})
	}
	return rpcError(status, words[status], message)
}

func rpcError(status int, word, message string, details ...any) ads.Answer {
	e := map[string]any{"code": status, "message": message, "status": word}
	if len(details) > 0 {
		e["details"] = details
	}
	return ads.Answer{Status: status, Body: map[string]any{"error": e}}
}
