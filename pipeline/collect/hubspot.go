package collect

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	hubspotName = "hubspot"
	// hubspotAge is how old a signed timestamp may be; one from the future may
	// be as far off.
	hubspotAge = 5 * time.Minute
	// hubspotBatch is how many events an array has at most. More are handed on
	// in several deliveries.
	hubspotBatch = 100
)

// HubSpotHooks read HubSpot's webhooks. One address serves all accounts that
// installed the app, and one array may hold events of several.
type HubSpotHooks struct {
	secret string
	public string
	now    func() time.Time
}

// NewHubSpotHooks takes the app's client secret, which signs ("" refuses
// everything), and where HubSpot reaches us, without a path, since the
// signature covers the address as it is called.
func NewHubSpotHooks(secret, publicURL string, now func() time.Time) *HubSpotHooks {
	return &HubSpotHooks{secret: secret, public: strings.TrimSuffix(publicURL, "/"), now: now}
}

// Provider is "hubspot".
func (*HubSpotHooks) Provider() string { return hubspotName }

// Genuine checks X-HubSpot-Signature-v3 and the age of its timestamp. The
// address is ours as configured; a request that came under another name of ours
// is genuine as well, since who knows the secret signed that name.
func (h *HubSpotHooks) Genuine(r *http.Request, body []byte) bool {
	timestamp := r.Header.Get("X-HubSpot-Request-Timestamp")
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-HubSpot-Signature-v3"))
	if h.secret == "" || err != nil || len(given) != sha256.Size || !h.fresh(timestamp) {
		return false
	}
	genuine := false
	for _, origin := range []string{h.public, "https://" + r.Host, "http://" + r.Host} {
		mac := hmac.New(sha256.New, []byte(h.secret))
		mac.Write([]byte(r.Method + unescaped(origin+r.URL.RequestURI())))
		mac.Write(body)
		mac.Write([]byte(timestamp))
		genuine = hmac.Equal(mac.Sum(nil), given) || genuine
	}
	return genuine
}

// fresh: Unix milliseconds, in plain digits.
func (h *HubSpotHooks) fresh(timestamp string) bool {
	ms, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil {
		return false
	}
	age := h.now().Sub(time.UnixMilli(int64(ms)))
	return age <= hubspotAge && age >= -hubspotAge
}

// unescaped decodes the escapes that HubSpot decodes before it signs, and no
// others.
func unescaped(address string) string {
	const listed = ":/?@!$'()*,;"
	var b strings.Builder
	for i := 0; i < len(address); i++ {
		if address[i] == '%' && i+2 < len(address) {
			c, err := strconv.ParseUint(address[i+1:i+3], 16, 8)
			if err == nil && strings.IndexByte(listed, byte(c)) >= 0 {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(address[i])
	}
	return b.String()
}

// Names are each account with each type of subscription once. The wire says
// subscriptionType, the documentation eventType.
func (*HubSpotHooks) Names(body []byte) []Named {
	var events []struct {
		PortalID     json.RawMessage `json:"portalId"`
		Type         string          `json:"subscriptionType"`
		Documented   string          `json:"eventType"`
		ObjectTypeID string          `json:"objectTypeId"`
	}
	if json.Unmarshal(body, &events) != nil {
		return nil
	}
	var names []Named
	seen := map[Named]bool{}
	for _, e := range events {
		topic := cmp.Or(e.Type, e.Documented)
		if what, object := strings.CutPrefix(topic, "object."); object && e.ObjectTypeID == "0-1" {
			topic = "contact." + what // 0-1 is HubSpot's number of contacts.
		}
		if n := (Named{strings.Trim(string(e.PortalID), `"`), topic}); !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	return names
}

// Deliveries gives every account the events that are its own, each byte for
// byte. An empty array is a test of the address.
func (*HubSpotHooks) Deliveries(body []byte) ([]Delivery, error) {
	var events []json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &events) != nil {
		return nil, errors.New("a signed delivery that is no JSON array")
	}
	var portals []string
	of := map[string][]json.RawMessage{}
	for _, event := range events {
		var told struct {
			PortalID json.Number `json:"portalId"`
		}
		if err := json.Unmarshal(event, &told); err != nil || strings.Trim(told.PortalID.String(), "0123456789") != "" || told.PortalID == "" {
			return nil, errors.New("a signed event without a readable portalId")
		}
		portal := told.PortalID.String()
		if of[portal] == nil {
			portals = append(portals, portal)
		}
		of[portal] = append(of[portal], event)
	}
	if len(portals) == 1 && len(events) <= hubspotBatch {
		return []Delivery{{App: portals[0], Body: body}}, nil
	}
	var deliveries []Delivery
	for _, portal := range portals {
		for list := of[portal]; len(list) > 0; {
			n := min(len(list), hubspotBatch)
			deliveries = append(deliveries, Delivery{App: portal, Body: joined(list[:n])})
			list = list[n:]
		}
	}
	return deliveries, nil
}

func joined(events []json.RawMessage) []byte {
	parts := make([][]byte, len(events))
	for i, event := range events {
		parts[i] = event
	}
	return bytes.Join([][]byte{[]byte("["), bytes.Join(parts, []byte(",")), []byte("]")}, nil)
}
