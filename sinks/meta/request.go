package meta

import (
	"encoding/json"
	"net/url"

	"sourceloop/schema"
	"sourceloop/sinks/wire"
)

// The parts of the Conversions API's parameters that are used.
type eventsRequest struct {
	Data     []event `json:"data"`
	TestCode string  `json:"test_event_code,omitempty"`
}

type event struct {
	Name   string      `json:"event_name"`
	At     int64       `json:"event_time"` // Unix seconds.
	Source string      `json:"action_source"`
	ID     string      `json:"event_id"`
	Page   string      `json:"event_source_url,omitempty"`
	User   userData    `json:"user_data"`
	Custom *customData `json:"custom_data,omitempty"`
}

type userData struct {
	Email    []string `json:"em,omitempty"`
	Phone    []string `json:"ph,omitempty"`
	First    []string `json:"fn,omitempty"`
	Last     []string `json:"ln,omitempty"`
	Country  []string `json:"country,omitempty"`
	External []string `json:"external_id,omitempty"`
	FBC      string   `json:"fbc,omitempty"`
	FBP      string   `json:"fbp,omitempty"`
}

type customData struct {
	Value    float64 `json:"value"`
	Currency string  `json:"currency"`
}

// defaultEvent is what a conversion is called where a destination names nothing.
const defaultEvent = "Lead"

func request(t schema.Target, events []schema.Outgoing) ([]byte, error) {
	r := eventsRequest{TestCode: t.TestCode}
	for i := range events {
		r.Data = append(r.Data, eventOf(t, &events[i]))
	}
	return json.Marshal(&r)
}

func eventOf(t schema.Target, o *schema.Outgoing) event {
	first, last := NormalNames(o.PersonName)
	e := event{
		Name: t.Event, At: int64(o.At) / 1000, Source: "chat", ID: o.Push.String(), Page: page(o.Page),
		User: userData{
			Email: hashed(NormalEmail(o.Email)), Phone: hashed(NormalPhone(o.Phone)), First: hashed(first), Last: hashed(last),
			Country: hashed(NormalCountry(o.Country)), FBC: fbcOf(o), FBP: fbpOf(o),
		},
	}
	if e.Name == "" {
		e.Name = defaultEvent
	}
	if o.Contact != (schema.ID{}) {
		e.User.External = hashed(o.Contact.String())
	}
	if o.HasValue {
		e.Custom = &customData{o.Value, o.Currency}
	}
	return e
}

func hashed(normal string) []string {
	if normal == "" {
		return nil
	}
	return []string{wire.Hash(normal)}
}

// page is an address without query and fragment, where people's data may stand.
func page(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
