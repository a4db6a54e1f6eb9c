package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/deploy/standin/ads"
	"sourceloop/deploy/standin/ledger"
)

// maxEvents is how many one request may have.
const maxEvents = 1000

// Subcodes of code 100 that are known.
const (
	subcodeTooOld  = 2804003
	subcodeMissing = 2804019
)

// hashed are the members of user_data that must be SHA-256.
func hashed() []string {
	return []string{"em", "ph", "fn", "ln", "ct", "st", "zp", "country", "ge", "db"}
}

// personal are members whose value is not kept in plain.
func personal() []string {
	return append(hashed(), "external_id", "client_ip_address", "client_user_agent", "subscription_id", "lead_id")
}

func actionSources() []string {
	return []string{"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging", "other"}
}

// request is a body that was found good.
type request struct {
	test   string
	events []event
}

// event is what the stand-in looks at in one event.
type event struct {
	Name   string                     `json:"event_name"`
	At     json.Number                `json:"event_time"`
	Source string                     `json:"action_source"`
	ID     string                     `json:"event_id"`
	URL    string                     `json:"event_source_url"`
	User   map[string]json.RawMessage `json:"user_data"`
	Custom struct {
		Value    *json.Number `json:"value"`
		Currency string       `json:"currency"`
	} `json:"custom_data"`
	raw any
}

// mistake is why a request is refused. subcode is 0 where none is known.
type mistake struct {
	subcode              int
	message, title, user string
}

func (m *mistake) answer() ads.Answer {
	reply := graphError(http.StatusBadRequest, 100, m.subcode, m.message)
	if m.title != "" {
		if body, isMap := reply.Body.(map[string]any); isMap {
			if e, isMap := body["error"].(map[string]any); isMap {
				e["error_user_title"], e["error_user_msg"] = m.title, m.user
			}
		}
	}
	return reply
}

func invalid(format string, args ...any) *mistake {
	return &mistake{message: "(#100) " + fmt.Sprintf(format, args...)}
}

func missing(index int, field string) *mistake {
	return &mistake{
		subcodeMissing, "Invalid parameter", "Missing required fields",
		fmt.Sprintf("data[%d]: %s is required.", index, field),
	}
}

func tooOld(index, days int) *mistake {
	return &mistake{
		subcodeTooOld, "Invalid parameter", "Event Timestamp Too Old",
		fmt.Sprintf("data[%d]: the event happened more than %d days ago.", index, days),
	}
}

// parse reads a body. now is compared with the events' times.
func parse(body []byte, now time.Time) (r request, wrong *mistake) {
	var members struct {
		Data []json.RawMessage `json:"data"`
		Test string            `json:"test_event_code"`
	}
	if _, err := ads.Decode(body); err != nil || json.Unmarshal(body, &members) != nil {
		return r, invalid("The body is not one JSON object with the list data.")
	}
	switch {
	case len(members.Data) == 0:
		return r, invalid("param data must be non-empty.")
	case len(members.Data) > maxEvents:
		return r, invalid("param data must have at most %d events.", maxEvents)
	}
	r.test = members.Test
	for i, text := range members.Data {
		e, err := parseEvent(text)
		if err != nil {
			return r, invalid("param data[%d] is not an event: %s", i, err)
		}
		if wrong := e.check(i, now); wrong != nil {
			return r, wrong
		}
		r.events = append(r.events, e)
	}
	return r, nil
}

// parseEvent repeats no value in its error: there may be an address in it.
func parseEvent(text []byte) (e event, err error) {
	if e.raw, err = ads.Decode(text); err != nil {
		return e, err
	}
	if _, isObject := e.raw.(map[string]any); !isObject {
		return e, errors.New("it is no object")
	}
	var kind *json.UnmarshalTypeError
	err = json.Unmarshal(text, &e)
	if errors.As(err, &kind) {
		return e, fmt.Errorf("%s must not be a %s", kind.Field, strings.Fields(kind.Value + " value")[0])
	}
	if err != nil {
		return e, errors.New("a value has the wrong type")
	}
	return e, nil
}

func (e *event) check(i int, now time.Time) *mistake {
	for _, field := range []struct {
		name   string
		absent bool
	}{
		{"event_name", e.Name == ""}, {"event_time", e.At == ""}, {"action_source", e.Source == ""}, {"user_data", len(e.User) == 0},
		{"event_source_url", e.Source == "website" && e.URL == ""},
	} {
		if field.absent {
			return missing(i, field.name)
		}
	}
	if !slices.Contains(actionSources(), e.Source) {
		return invalid("data[%d].action_source must be one of %s.", i, strings.Join(actionSources(), ", "))
	}
	if wrong := e.checkTime(i, now); wrong != nil {
		return wrong
	}
	if wrong := e.checkValue(i); wrong != nil {
		return wrong
	}
	return e.checkUser(i)
}

// checkTime: seven days, and 62 for what happened in a shop.
func (e *event) checkTime(i int, now time.Time) *mistake {
	seconds, err := strconv.ParseInt(e.At.String(), 10, 64)
	days := 7
	if e.Source == "physical_store" {
		days = 62
	}
	switch {
	case err != nil:
		return invalid("data[%d].event_time must be Unix seconds.", i)
	case seconds > now.Add(time.Minute).Unix():
		return invalid("data[%d].event_time is in the future; it must be Unix seconds.", i)
	case seconds < now.AddDate(0, 0, -days).Unix():
		return tooOld(i, days)
	}
	return nil
}

var currency = regexp.MustCompile(`^[A-Za-z]{3}$`)

func (e *event) checkValue(i int) *mistake {
	if e.Custom.Currency != "" && !currency.MatchString(e.Custom.Currency) {
		return invalid("data[%d].custom_data.currency must be three letters of ISO 4217.", i)
	}
	if e.Custom.Value == nil {
		return nil
	}
	if value, err := e.Custom.Value.Float64(); err != nil || value < 0 {
		return invalid("data[%d].custom_data.value must be a number, and not negative.", i)
	}
	if e.Custom.Currency == "" {
		return missing(i, "custom_data.currency")
	}
	return nil
}

var (
	fbc = regexp.MustCompile(`^fb\.[0-2]\.[0-9]{13}\.[^\s]+$`)
	fbp = regexp.MustCompile(`^fb\.[0-2]\.[0-9]{13}\.[0-9]+$`)
)

// checkUser wants hashes where Meta wants hashes, and none where it wants none.
func (e *event) checkUser(i int) *mistake {
	for _, name := range hashed() {
		for _, text := range texts(e.User[name]) {
			if !ads.IsHash(text) {
				return invalid("data[%d].user_data.%s must be a SHA-256 in lower-case hexadecimal, or a list of them.", i, name)
			}
		}
	}
	for name, good := range map[string]func(string) bool{
		"fbc": fbc.MatchString, "fbp": fbp.MatchString, "client_user_agent": func(text string) bool { return !ads.IsHash(text) },
		"client_ip_address": func(text string) bool { return net.ParseIP(text) != nil },
	} {
		if text, given := e.User[name]; given {
			if list := texts(text); len(list) != 1 || !good(list[0]) {
				return invalid("data[%d].user_data.%s is not in its format; it must not be hashed.", i, name)
			}
		}
	}
	return nil
}

// texts are a text or a list of texts; another value is one text that is none
// of what is looked for.
func texts(value json.RawMessage) []string {
	if len(value) == 0 {
		return nil
	}
	var list []string
	if json.Unmarshal(value, &list) == nil {
		return list
	}
	var one string
	if json.Unmarshal(value, &one) == nil {
		return []string{one}
	}
	return []string{""}
}

// take puts the events down.
func (s *Server) take(ctx context.Context, r request) error {
	return s.Write(ctx, func(tx *ledger.Session) error {
		for _, e := range r.events {
			c := ads.Conversion{Place: s.dataset, Event: e.raw}
			if e.ID != "" {
				c.ID = e.Name + "/" + e.ID
			}
			counted, err := s.Counted(tx, c.Place, c.ID, s.Now().Add(-window))
			if err != nil {
				return err
			}
			switch {
			case r.test != "":
				c.Why = "test event"
			case counted:
				c.Why = "duplicate"
			}
			if err := s.Keep(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}
