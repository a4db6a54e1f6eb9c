package resolve

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

// hubspotEvent is one event of a delivery. The documentation says eventType,
// the wire says subscriptionType. An eventId is not unique, so it is not read.
type hubspotEvent struct {
	Type         string `json:"subscriptionType"`
	Documented   string `json:"eventType"`
	PortalID     text   `json:"portalId"`
	ObjectID     text   `json:"objectId"`
	ObjectTypeID string `json:"objectTypeId"`
	OccurredAt   int64  `json:"occurredAt"` // Unix milliseconds
	PropertyName string `json:"propertyName"`
	MessageType  string `json:"messageType"`
	Primary      text   `json:"primaryObjectId"`
	Merged       []text `json:"mergedObjectIds"`
	New          text   `json:"newObjectId"`
}

// parseEvents reads a delivery; its errors are final.
func parseEvents(body []byte, portal string) ([]hubspotEvent, error) {
	if !utf8.Valid(body) {
		return nil, invalid("The webhook's text is no UTF-8.")
	}
	var events []hubspotEvent
	if err := json.Unmarshal(body, &events); err != nil {
		// The decoder's words may quote the body, which is personal data.
		return nil, invalid("The webhook is not the JSON array that HubSpot sends.")
	}
	for i := range events {
		if string(events[i].PortalID) != portal {
			return nil, invalid("The webhook's portalId is another than the one it was routed by.")
		}
	}
	return events, nil
}

// kind is the event's type, with CRM objects named as contacts are: 0-1 is
// HubSpot's number of that object type.
func (e *hubspotEvent) kind() string {
	kind := e.Type
	if kind == "" {
		kind = e.Documented
	}
	if what, isObject := strings.CutPrefix(kind, "object."); isObject && e.ObjectTypeID == "0-1" {
		return "contact." + what
	}
	return kind
}

// at is when it happened, or other when that is not told.
func (e *hubspotEvent) at(other schema.Millis) schema.Millis {
	if e.OccurredAt <= 0 || e.OccurredAt > latest*1000 {
		return other
	}
	return schema.Millis(e.OccurredAt)
}

// agenda is what a delivery's events ask about: each thread and each contact
// once, however many events name it.
type agenda struct {
	threads  []string
	contacts []contactHint
	merges   []mergeHint
	private  []string // contacts that were deleted as their right
	unknown  bool     // there were types that nobody knows
}

// contactHint is a contact that changed. broad: its threads may tell something
// new as well.
type contactHint struct {
	id    string
	at    schema.Millis
	broad bool
}

type mergeHint struct {
	merge
	at schema.Millis
}

// agendaOf sorts events into what is to be asked. Received is for events
// without a time.
func agendaOf(events []hubspotEvent, received schema.Millis) agenda {
	var a agenda
	for i := range events {
		e := &events[i]
		id := string(e.ObjectID)
		switch e.kind() {
		case "conversation.creation", "conversation.propertyChange":
			a.thread(id)
		case "conversation.newMessage":
			if e.MessageType == "" || e.MessageType == typeMessage {
				a.thread(id)
			}
		case "contact.creation", "contact.restore":
			a.contact(id, e.at(received), true)
		case "contact.propertyChange":
			if broad, matters := matters(e.PropertyName); matters {
				a.contact(id, e.at(received), broad)
			}
		case "contact.merge":
			a.merge(e, received)
		case "contact.privacyDeletion":
			if id != "" && !slices.Contains(a.private, id) {
				a.private = append(a.private, id)
			}
		case "contact.deletion", "contact.associationChange", "conversation.deletion", "conversation.privacyDeletion":
		default:
			a.unknown = true
		}
	}
	return a
}

// matters knows the properties that say who somebody is. Those that tie a
// contact to somebody are broad.
func matters(property string) (broad, yes bool) {
	switch property {
	case "email", "phone", attributeName:
		return true, true
	case "firstname", "lastname":
		return false, true
	}
	return false, false
}

func (a *agenda) thread(id string) {
	if id != "" && !slices.Contains(a.threads, id) {
		a.threads = append(a.threads, id)
	}
}

// contact keeps the latest time, since the record is read after it.
func (a *agenda) contact(id string, at schema.Millis, broad bool) {
	for i := range a.contacts {
		if c := &a.contacts[i]; c.id == id {
			c.at, c.broad = max(c.at, at), c.broad || broad
			return
		}
	}
	if id != "" {
		a.contacts = append(a.contacts, contactHint{id, at, broad})
	}
}

// merge: HubSpot may make a new record of two, so that the winner is not always
// the one that the event is about.
func (a *agenda) merge(e *hubspotEvent, received schema.Millis) {
	winner := string(e.New)
	if winner == "" || winner == "0" {
		winner = string(e.Primary)
	}
	if winner == "" {
		winner = string(e.ObjectID)
	}
	at := e.at(received)
	for _, lost := range append([]text{e.Primary, e.ObjectID}, e.Merged...) {
		m := mergeHint{merge{from: string(lost), into: winner}, at}
		if lost != "" && lost != "0" && m.from != winner && !slices.Contains(a.merges, m) {
			a.merges = append(a.merges, m)
		}
	}
	a.contact(winner, at, true)
}
