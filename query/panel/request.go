package panel

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxVisitor is as long as Intercom lets an attribute be.
const maxVisitor = 255

// asked is all that is read of a Canvas Kit request.
type asked struct {
	app     string // the workspace's id
	contact string // Intercom's id of the person; "" when it names nobody
	visitor string // the contact's sourceloop_id, or ""
}

// person is a contact as requests carry it; older ones call it customer.
type person struct {
	ID     string         `json:"id"`
	Custom map[string]any `json:"custom_attributes"`
}

// parse reads a signed request. Its error quotes nothing.
func parse(body []byte) (asked, error) {
	var r struct {
		Workspace    string  `json:"workspace_id"`
		App          string  `json:"app_id"` // of versions up to 1.2
		Contact      *person `json:"contact"`
		Customer     *person `json:"customer"`
		Conversation struct {
			Contacts struct {
				Contacts []person `json:"contacts"`
			} `json:"contacts"`
		} `json:"conversation"`
	}
	if !utf8.Valid(body) || json.Unmarshal(body, &r) != nil {
		return asked{}, errors.New("the body is not the JSON of a Canvas Kit request")
	}
	a := asked{app: r.Workspace}
	if a.app == "" {
		a.app = r.App
	}
	who := r.Contact
	if who == nil || who.ID == "" {
		who = r.Customer
	}
	if (who == nil || who.ID == "") && len(r.Conversation.Contacts.Contacts) > 0 {
		who = &r.Conversation.Contacts.Contacts[0]
	}
	if a.app == "" {
		return asked{}, errors.New("the request names no workspace")
	}
	if who != nil {
		a.contact, a.visitor = who.ID, who.visitor()
	}
	if len(a.contact) > maxVisitor {
		a.contact = ""
	}
	return a, nil
}

func (p *person) visitor() string {
	written, _ := p.Custom["sourceloop_id"].(string)
	written = strings.TrimSpace(written)
	if len(written) > maxVisitor || strings.ContainsFunc(written, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return written
}

// signed checks X-Body-Signature in constant time. Without a secret nothing is.
func signed(secret string, body []byte, header string) bool {
	if secret == "" {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(header))
}
