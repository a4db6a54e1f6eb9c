package google

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sourceloop/deploy/standin/ads"
)

// Limits of one request.
const (
	maxDestinations = 10
	maxEvents       = 2000
	maxIdentifiers  = 10 // Of one event.
)

// ingestRequest is what the stand-in looks at in a request to ingest.
type ingestRequest struct {
	Destinations []destination   `json:"destinations"`
	Events       []event         `json:"events"`
	Consent      consent         `json:"consent"`
	Encoding     string          `json:"encoding"`
	Encryption   json.RawMessage `json:"encryptionInfo"`
	ValidateOnly bool            `json:"validateOnly"`
	raw          []any           // The events as they came.
}

type destination struct {
	Reference string `json:"reference,omitempty"`
	Account   struct {
		Type string `json:"accountType,omitempty"`
		ID   string `json:"accountId,omitempty"`
	} `json:"operatingAccount"`
	Action string `json:"productDestinationId"`
}

type event struct {
	At         string   `json:"eventTimestamp"`
	ID         string   `json:"transactionId"`
	References []string `json:"destinationReferences"`
	Click      struct {
		GCLID  string `json:"gclid"`
		GBRAID string `json:"gbraid"`
		WBRAID string `json:"wbraid"`
	} `json:"adIdentifiers"`
	User struct {
		Identifiers []identifier `json:"userIdentifiers"`
	} `json:"userData"`
	Consent  consent `json:"consent"`
	Currency string  `json:"currency"`
}

type identifier struct {
	Email   *string `json:"emailAddress"`
	Phone   *string `json:"phoneNumber"`
	Address *struct {
		Given  *string `json:"givenName"`
		Family *string `json:"familyName"`
	} `json:"address"`
}

type consent struct {
	UserData string `json:"adUserData"`
}

// parse reads a request's body and returns what is wrong with it; the refusal
// has status 0 when nothing is.
func (s *Server) parse(body []byte) (r ingestRequest, refusal ads.Answer) {
	value, err := ads.Decode(body)
	if err != nil {
		return r, refuse(http.StatusBadRequest, "Invalid JSON payload received. The body is not one JSON value.")
	}
	if value == nil {
		value = map[string]any{}
	}
	if wrong := s.shape.check("IngestEventsRequest", value); len(wrong) > 0 {
		return r, badRequest(wrong[0].Description, wrong)
	}
	if err := remake(value, &r); err != nil {
		return r, refuse(http.StatusBadRequest, "Invalid JSON payload received.")
	}
	if members, isObject := value.(map[string]any); isObject {
		r.raw, _ = members["events"].([]any) // As many as r.Events.
	}
	if wrong := s.check(&r); len(wrong) > 0 {
		return r, badRequest("There was a problem with the request.", wrong)
	}
	return r, ads.Answer{}
}

// remake reads what was decoded already, so that both readings agree on a
// member that is there twice.
func remake(value any, into *ingestRequest) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func badRequest(message string, wrong []violation) ads.Answer {
	return rpcError(http.StatusBadRequest, "INVALID_ARGUMENT", message, map[string]any{
		"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": wrong,
	})
}

// check holds a request against what Google's description does not say.
func (s *Server) check(r *ingestRequest) (wrong []violation) {
	add := func(field, reason, words string) { wrong = append(wrong, violation{field, words, reason}) }
	switch {
	case len(r.Destinations) == 0:
		add("destinations", "REQUIRED_FIELD_MISSING", "A request needs a destination.")
	case len(r.Destinations) > maxDestinations:
		add("destinations", "TOO_MANY_DESTINATIONS", "A request may have 10 destinations.")
	}
	switch {
	case len(r.Events) == 0:
		add("events", "REQUIRED_FIELD_MISSING", "A request needs an event.")
	case len(r.Events) > maxEvents:
		add("events", "TOO_MANY_EVENTS", "A request may have 2,000 events.")
	}
	if len(wrong) > 0 {
		return wrong
	}
	if len(r.Encryption) > 0 && string(r.Encryption) != "null" {
		add("encryptionInfo", "INVALID_ARGUMENT", "The stand-in takes no encrypted data.")
	}
	references := map[string]bool{}
	for i, d := range r.Destinations {
		references[d.Reference] = true
		wrong = append(wrong, s.checkDestination(fmt.Sprintf("destinations[%d]", i), d)...)
	}
	for i, e := range r.Events {
		wrong = append(wrong, checkEvent(fmt.Sprintf("events[%d]", i), e, r.Encoding, references)...)
	}
	return wrong
}

var digits = regexp.MustCompile(`^[0-9]+$`)

func (s *Server) checkDestination(path string, d destination) (wrong []violation) {
	switch {
	case d.Account.Type == "" || d.Account.ID == "":
		wrong = append(wrong, violation{path + ".operatingAccount", "Account type and id are required.", "REQUIRED_FIELD_MISSING"})
	case d.Account.Type != "GOOGLE_ADS":
		wrong = append(wrong, violation{path + ".operatingAccount.accountType", "The stand-in has Google Ads accounts only.", "INVALID_DESTINATION"})
	case !digits.MatchString(d.Account.ID):
		wrong = append(wrong, violation{path + ".operatingAccount.accountId", "An account id has digits only.", "INVALID_DESTINATION"})
	}
	switch {
	case d.Action == "":
		wrong = append(wrong, violation{path + ".productDestinationId", "The conversion action's id is required.", "REQUIRED_FIELD_MISSING"})
	case !digits.MatchString(d.Action):
		wrong = append(wrong, violation{path + ".productDestinationId", "It must be the numeric id of a conversion action, not its resource name.", "INVALID_DESTINATION"})
	case d.Account.ID == s.account && !s.hasAction(d.Action):
		wrong = append(wrong, violation{path + ".productDestinationId", "The account has no such conversion action.", "INVALID_DESTINATION"})
	}
	return wrong
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

func checkEvent(path string, e event, encoding string, references map[string]bool) (wrong []violation) {
	if e.At == "" {
		wrong = append(wrong, violation{path + ".eventTimestamp", "The time is required.", "REQUIRED_FIELD_MISSING"})
	}
	if e.Currency != "" && !currency.MatchString(e.Currency) {
		wrong = append(wrong, violation{path + ".currency", "It must be three letters of ISO 4217.", "INVALID_CURRENCY_CODE"})
	}
	for _, name := range e.References {
		if name == "" || !references[name] {
			wrong = append(wrong, violation{path + ".destinationReferences", "No destination has this reference.", "INVALID_DESTINATION"})
		}
	}
	list := e.User.Identifiers
	switch {
	case len(list) > maxIdentifiers:
		wrong = append(wrong, violation{path + ".userData.userIdentifiers", "An event may have 10 identifiers.", "TOO_MANY_USER_IDENTIFIERS"})
	case len(list) == 0 && e.Click.GCLID+e.Click.GBRAID+e.Click.WBRAID == "":
		wrong = append(wrong, violation{path, "An event needs a click identifier or a user identifier.", "NO_IDENTIFIERS_PROVIDED"})
	}
	for i, one := range list {
		wrong = append(wrong, checkIdentifier(fmt.Sprintf("%s.userData.userIdentifiers[%d]", path, i), one, encoding)...)
	}
	return wrong
}

func checkIdentifier(path string, one identifier, encoding string) (wrong []violation) {
	texts := map[string]*string{".emailAddress": one.Email, ".phoneNumber": one.Phone}
	if one.Address != nil {
		texts[".address.givenName"], texts[".address.familyName"] = one.Address.Given, one.Address.Family
	} else if one.Email == nil && one.Phone == nil {
		return []violation{{path, "An identifier must hold one.", "REQUIRED_FIELD_MISSING"}}
	}
	for _, field := range []string{".emailAddress", ".phoneNumber", ".address.givenName", ".address.familyName"} {
		if text := texts[field]; text != nil {
			if reason, words := checkHash(*text, encoding); reason != "" {
				wrong = append(wrong, violation{path + field, words, reason})
			}
		}
	}
	return wrong
}

// checkHash wants a SHA-256 in the encoding that the request names.
func checkHash(text, encoding string) (reason, words string) {
	var sum []byte
	var err error
	switch encoding {
	case "HEX":
		sum, err = hex.DecodeString(text)
	case "BASE64":
		sum, err = base64.StdEncoding.DecodeString(text)
	default:
		return "REQUIRED_FIELD_MISSING", "encoding must say how the hashes are written."
	}
	switch {
	case err != nil:
		return "INVALID_" + encoding + "_ENCODING", "It is not " + encoding + "."
	case len(sum) != 32:
		return "INVALID_SHA256_FORMAT", "It is not a SHA-256."
	}
	return "", ""
}

var clickID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// maxAge is how old a conversion may be. Google publishes none for Data
// Manager; it is the longest click-through window.
const maxAge = 90 * 24 * time.Hour

// judge returns the reason for which an event does not count, or "".
func judge(e event, all consent, now time.Time) string {
	said := e.Consent.UserData
	if said == "" {
		said = all.UserData
	}
	at, err := time.Parse(time.RFC3339Nano, e.At)
	switch {
	case said == "CONSENT_DENIED":
		return reasonPrefix + "DENIED_CONSENT"
	case bad(e.Click.GCLID):
		return reasonPrefix + "INVALID_GCLID"
	case bad(e.Click.GBRAID):
		return reasonPrefix + "INVALID_GBRAID"
	case bad(e.Click.WBRAID):
		return reasonPrefix + "INVALID_WBRAID"
	case err != nil || now.Sub(at) > maxAge:
		return reasonPrefix + "EVENT_TOO_OLD"
	}
	return ""
}

func bad(click string) bool { return click != "" && !clickID.MatchString(click) }

// key is what an event counts once by at a destination, and the reason for
// which a second one does not.
func key(e event) (id, why string) {
	if e.ID != "" {
		return e.ID, reasonPrefix + "DUPLICATE_TRANSACTION_ID"
	}
	if click := e.Click.GCLID + e.Click.GBRAID + e.Click.WBRAID; click != "" {
		return strings.Join([]string{click, e.At}, "@"), reasonPrefix + "DUPLICATE_GCLID"
	}
	return "", ""
}
