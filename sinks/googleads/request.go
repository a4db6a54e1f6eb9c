package googleads

import (
	"encoding/json"
	"strings"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// The parts of IngestEventsRequest that are used, as Google's discovery document
// of the Data Manager API v1 names them.
type ingestRequest struct {
	Destinations []destination `json:"destinations"`
	Events       []event       `json:"events"`
	Encoding     string        `json:"encoding"`
	ValidateOnly bool          `json:"validateOnly,omitempty"`
}

type destination struct {
	Account productAccount `json:"operatingAccount"`
	Action  string         `json:"productDestinationId"` // The number of the conversion action, not its resource name.
}

type productAccount struct {
	Type string `json:"accountType"`
	ID   string `json:"accountId"`
}

type event struct {
	ID       string         `json:"transactionId"`
	At       string         `json:"eventTimestamp"`
	Source   string         `json:"eventSource"`
	Click    *adIdentifiers `json:"adIdentifiers,omitempty"`
	User     *userData      `json:"userData,omitempty"`
	Value    *float64       `json:"conversionValue,omitempty"` // A pointer: nothing is another thing than 0.
	Currency string         `json:"currency,omitempty"`
	Consent  *consent       `json:"consent,omitempty"`
}

type adIdentifiers struct {
	GCLID  string `json:"gclid,omitempty"`
	GBRAID string `json:"gbraid,omitempty"`
	WBRAID string `json:"wbraid,omitempty"`
}

type userData struct {
	Identifiers []identifier `json:"userIdentifiers"`
}

type identifier struct {
	Email string `json:"emailAddress,omitempty"`
	Phone string `json:"phoneNumber,omitempty"`
}

type consent struct {
	UserData        string `json:"adUserData"`
	Personalization string `json:"adPersonalization"`
}

// source is what a chat is among WEB, APP, IN_STORE, PHONE, MESSAGE and OTHER.
const source = "MESSAGE"

func request(t schema.Target, events []schema.Outgoing) ([]byte, error) {
	r := ingestRequest{
		Destinations: []destination{{Account: productAccount{"GOOGLE_ADS", Account(t.Account)}, Action: strings.TrimSpace(t.Action)}},
		Encoding:     "HEX", ValidateOnly: t.DryRun,
	}
	for i := range events {
		r.Events = append(r.Events, eventOf(&events[i]))
	}
	return json.Marshal(&r)
}

// Account gives a customer id as the API wants it: without the hyphens that
// Google's pages show it with.
func Account(shown string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, shown)
}

func eventOf(o *schema.Outgoing) event {
	e := event{ID: o.Push.String(), At: o.At.Time().Format(time.RFC3339Nano), Source: source, User: userOf(o), Consent: consentOf(o.Consent)}
	if click, found := clickOf(o); found {
		e.Click = &adIdentifiers{}
		switch click.Name {
		case "gclid":
			e.Click.GCLID = click.Value
		case "gbraid":
			e.Click.GBRAID = click.Value
		case "wbraid":
			e.Click.WBRAID = click.Value
		}
	}
	if o.HasValue {
		e.Value, e.Currency = &o.Value, o.Currency
	}
	return e
}

func userOf(o *schema.Outgoing) *userData {
	var list []identifier
	email := NormalEmail(o.Email)
	for _, address := range []string{email, withoutTag(email)} {
		if address != "" {
			list = append(list, identifier{Email: wire.Hash(address)})
		}
	}
	if phone := NormalPhone(o.Phone); phone != "" {
		list = append(list, identifier{Phone: wire.Hash(phone)})
	}
	if list == nil {
		return nil
	}
	return &userData{list}
}

// consentOf says nothing where the site told nothing.
func consentOf(said schema.Consent) *consent {
	switch said {
	case schema.ConsentGranted:
		return &consent{"CONSENT_GRANTED", "CONSENT_GRANTED"}
	case schema.ConsentDenied:
		return &consent{"CONSENT_DENIED", "CONSENT_DENIED"}
	default:
		return nil
	}
}
