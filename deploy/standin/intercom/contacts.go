package intercom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// contact is a lead or user as kept. Empty strings are absent values, times
// are Unix seconds, 0 never.
type contact struct {
	ID         string            `json:"id"`
	Role       string            `json:"role"` // lead or user
	ExternalID string            `json:"external_id,omitempty"`
	Email      string            `json:"email,omitempty"`
	Phone      string            `json:"phone,omitempty"`
	Name       string            `json:"name,omitempty"`
	Custom     map[string]any    `json:"custom,omitempty"`
	Referrer   string            `json:"referrer,omitempty"`
	UTM        map[string]string `json:"utm,omitempty"` // Keys utm_source and so on.
	Browser    string            `json:"browser,omitempty"`
	OS         string            `json:"os,omitempty"`
	Language   string            `json:"language,omitempty"`
	CreatedAt  int64             `json:"created_at"`
	UpdatedAt  int64             `json:"updated_at"`
	SignedUpAt int64             `json:"signed_up_at,omitempty"`
	LastSeenAt int64             `json:"last_seen_at,omitempty"`
	RepliedAt  int64             `json:"replied_at,omitempty"`
	MergedInto string            `json:"merged_into,omitempty"`
	MergedAt   int64             `json:"merged_at,omitempty"`
	Deleted    bool              `json:"deleted,omitempty"`
}

// live: neither merged away nor deleted.
func (c contact) live() bool { return c.MergedInto == "" && !c.Deleted }

const (
	roleLead = "lead"
	roleUser = "user"
)

// wire is the REST shape.
func (c contact) wire(workspace string) map[string]any {
	shape := map[string]any{
		"type": "contact", "id": c.ID, "workspace_id": workspace, "external_id": orNull(c.ExternalID),
		"role": c.Role, "email": c.Email, "phone": orNull(c.Phone), "name": orNull(c.Name),
		"avatar": nil, "owner_id": nil, "has_hard_bounced": false, "marked_email_as_spam": false,
		"unsubscribed_from_emails": false, "created_at": c.CreatedAt, "updated_at": c.UpdatedAt,
		"signed_up_at": timeOrNull(c.SignedUpAt), "last_seen_at": timeOrNull(c.LastSeenAt),
		"last_replied_at": timeOrNull(c.RepliedAt), "last_contacted_at": nil,
		"last_email_opened_at": nil, "last_email_clicked_at": nil,
		"language_override": nil, "browser": orNull(c.Browser), "browser_version": nil,
		"browser_language": orNull(c.Language), "os": orNull(c.OS),
		"custom_attributes": notNil(c.Custom), "referrer": orNull(c.Referrer), "enabled_push_messaging": nil,
		"social_profiles": map[string]any{"type": "list", "data": []any{}},
		"location": map[string]any{
			"type": "location", "country": nil, "region": nil, "city": nil, "country_code": nil, "continent_code": nil,
		},
	}
	if _, domain, found := strings.Cut(c.Email, "@"); found {
		shape["email_domain"] = domain
	}
	for _, name := range utmNames() {
		shape[name] = orNull(c.UTM[name])
	}
	for _, name := range []string{
		"android_app_name", "android_app_version", "android_device", "android_os_version", "android_sdk_version",
		"android_last_seen_at", "ios_app_name", "ios_app_version", "ios_device", "ios_os_version", "ios_sdk_version",
		"ios_last_seen_at",
	} {
		shape[name] = nil
	}
	for field, path := range map[string]string{
		"tags": "tags", "notes": "notes", "companies": "companies",
		"opted_out_subscription_types": "subscriptions", "opted_in_subscription_types": "subscriptions",
	} {
		shape[field] = map[string]any{
			"type": "list", "data": []any{}, "url": "/contacts/" + c.ID + "/" + path, "total_count": 0, "has_more": false,
		}
	}
	return shape
}

// notice is the shape in notifications: times of creation and change are
// ISO 8601 where REST has Unix seconds.
func (c contact) notice(workspace string) map[string]any {
	shape := c.wire(workspace)
	shape["created_at"], shape["updated_at"] = isoTime(c.CreatedAt), isoTime(c.UpdatedAt)
	return shape
}

func (c contact) reference() map[string]any {
	return map[string]any{"type": "contact", "id": c.ID, "external_id": orNull(c.ExternalID)}
}

func isoTime(unix int64) string {
	return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04:05.000-07:00")
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func timeOrNull(unix int64) any {
	if unix == 0 {
		return nil
	}
	return unix
}

func notNil(values map[string]any) map[string]any {
	if values == nil {
		return map[string]any{}
	}
	return values
}

func utmNames() []string {
	return []string{"utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term"}
}

// cameFrom fills what Intercom itself reads off the first page and its referrer.
func (c *contact) cameFrom(page, referrer string) {
	c.Referrer = cmp.Or(c.Referrer, referrer)
	u, err := url.Parse(page)
	if err != nil || len(c.UTM) > 0 {
		return
	}
	query := u.Query()
	for _, name := range utmNames() {
		if value := query.Get(name); value != "" {
			if c.UTM == nil {
				c.UTM = map[string]string{}
			}
			c.UTM[name] = value
		}
	}
}

// set puts custom attributes; a null empties one. It says whether any changed.
func (c *contact) set(values map[string]any) bool {
	before := maps.Clone(c.Custom)
	for name, value := range values {
		if value == nil {
			delete(c.Custom, name)
			continue
		}
		if c.Custom == nil {
			c.Custom = map[string]any{}
		}
		c.Custom[name] = value
	}
	return !reflect.DeepEqual(before, c.Custom)
}

func (s session) contact(id string) (contact, bool, error) {
	return s.findContact("contact_get", id)
}

func (s session) findContact(statement string, args ...any) (contact, bool, error) {
	var doc string
	found, err := s.Row(statement, args, &doc)
	if err != nil || !found {
		return contact{}, false, err
	}
	var c contact
	if err := json.Unmarshal([]byte(doc), &c); err != nil {
		return contact{}, false, fmt.Errorf("cannot read a contact: %w", err)
	}
	return c, true, nil
}

func (s session) contacts(statement string, args ...any) ([]contact, error) {
	var list []contact
	err := s.Rows(statement, args, func(scan func(...any) error) error {
		var doc string
		if err := scan(&doc); err != nil {
			return err
		}
		var c contact
		err := json.Unmarshal([]byte(doc), &c)
		list = append(list, c)
		return err
	})
	return list, err
}

func (s session) putContact(c contact) error {
	doc, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("cannot encode a contact: %w", err)
	}
	_, err = s.Exec("contact_put", c.ID, orNull(c.ExternalID), orNull(c.Email), string(doc))
	return err
}

// maxHops is how far Intercom follows a chain of merges.
const maxHops = 3

// canonical follows a chain of merges at most maxHops far.
func (s session) canonical(c contact) (contact, error) {
	for hop := 0; hop < maxHops && c.MergedInto != ""; hop++ {
		next, found, err := s.contact(c.MergedInto)
		if err != nil {
			return contact{}, err
		}
		if !found {
			return contact{}, fmt.Errorf("cannot follow the merge of contact %s: %s is not there", c.ID, c.MergedInto)
		}
		c = next
	}
	return c, nil
}

func (s *Server) getContact(c *call) (answer, error) {
	s1 := s.store.read(c.ctx)
	found, exists, err := s1.contact(c.r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	return s.showContact(c, s1, found, exists)
}

func (s *Server) getContactByExternalID(c *call) (answer, error) {
	s1 := s.store.read(c.ctx)
	found, exists, err := s1.findContact("contact_by_external", c.r.PathValue("external_id"))
	if err != nil {
		return answer{}, err
	}
	return s.showContact(c, s1, found, exists && found.Role == roleUser)
}

func (s *Server) showContact(c *call, s1 session, found contact, exists bool) (answer, error) {
	if !exists || found.Deleted {
		return refuse(http.StatusNotFound, "not_found", "User Not Found"), nil
	}
	if found.MergedInto != "" {
		return s.showMerged(c, s1, found)
	}
	shape := found.wire(s.config.AppID)
	if c.r.URL.Query().Get("include_merge_history") == "true" && found.Role == roleUser {
		history, err := s1.mergeHistory(found)
		if err != nil {
			return answer{}, err
		}
		shape["merge_history"] = history
	}
	return ok(shape), nil
}

// showMerged: since 2.16 a merged contact is gone and says where to; before,
// it was not found.
func (s *Server) showMerged(c *call, s1 session, found contact) (answer, error) {
	if !c.version.atLeast(2, 16) {
		return refuse(http.StatusNotFound, "not_found", "User Not Found"), nil
	}
	canonical, err := s1.canonical(found)
	if err != nil {
		return answer{}, err
	}
	reply := refuse(http.StatusGone, "contact_merged",
		"This contact has been merged. See the 'Link' header for the canonical contact.")
	reply.header = http.Header{"Link": {fmt.Sprintf(`</contacts/%s>; rel="canonical"`, canonical.ID)}}
	return reply, nil
}

func (s session) mergeHistory(into contact) ([]map[string]any, error) {
	list, err := s.contacts("contact_list")
	if err != nil {
		return nil, err
	}
	history := []map[string]any{}
	for _, c := range list {
		if c.MergedInto == into.ID {
			history = append(history, map[string]any{
				"type": "merge_history", "source_contact_id": c.ID, "source_contact_role": c.Role, "merged_at": c.MergedAt,
			})
		}
	}
	return history, nil
}

func (s *Server) listContacts(c *call) (answer, error) {
	list, err := s.store.read(c.ctx).contacts("contact_list")
	if err != nil {
		return answer{}, err
	}
	page, refused := parsePage(c.r.URL.Query().Get("per_page"), c.r.URL.Query().Get("starting_after"), contactsPerPage, maxPerPage)
	if !refused.isZero() {
		return refused, nil
	}
	return ok(s.contactPage(liveContacts(list), page)), nil
}

func liveContacts(list []contact) []contact {
	var live []contact
	for _, c := range list {
		if c.live() {
			live = append(live, c)
		}
	}
	return live
}

func (s *Server) contactPage(list []contact, page pageRequest) map[string]any {
	data := []map[string]any{}
	for _, c := range slice(list, page) {
		data = append(data, c.wire(s.config.AppID))
	}
	return map[string]any{"type": "list", "data": data, "total_count": len(list), "pages": page.wire(len(list))}
}

func (s *Server) searchContacts(c *call) (answer, error) {
	request, refused := s.parseSearch(c.body, contactFields(), contactsPerPage)
	if !refused.isZero() {
		return refused, nil
	}
	list, err := s.store.read(c.ctx).contacts("contact_list")
	if err != nil {
		return answer{}, err
	}
	newest := s.config.Now().Add(-s.config.SearchLag).Unix()
	var hits []contact
	for _, candidate := range liveContacts(list) {
		if s.config.SearchLag > 0 && candidate.CreatedAt > newest {
			continue
		}
		if request.query.matches(candidate.wire(s.config.AppID)) {
			hits = append(hits, candidate)
		}
	}
	request.sort.apply(hits)
	return ok(s.contactPage(hits, request.page)), nil
}
