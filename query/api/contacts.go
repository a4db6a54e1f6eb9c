package api

import (
	"context"
	"encoding/base64"
	"strconv"

	"sourceloop/query/report"
	"sourceloop/schema"
)

// The first and the last day that a report knows.
const (
	firstDay = "1971-01-01"
	lastDay  = "2199-12-31"
)

// ListContacts gives a page of contacts.
func (s *service) ListContacts(ctx context.Context, in ListContactsRequestObject) (ListContactsResponseObject, error) {
	who := callerOf(ctx)
	q, err := s.contactQuery(ctx, who, in.Params)
	if err != nil {
		return nil, err
	}
	about := cursorWords(who, in.Params)
	if q.Cursor, err = s.openCursor(text(in.Params.Cursor), about); err != nil {
		return nil, err
	}
	page, err := s.reports(who).Contacts(ctx, q)
	if err != nil {
		return nil, err
	}
	stages, err := s.Store.Stages(ctx, who.Workspace)
	if err != nil {
		return nil, err
	}
	list := ListContacts200JSONResponse{Items: make([]Contact, 0, len(page.Contacts)), Next: s.sealCursor(page.Next, about)}
	for i := range page.Contacts {
		list.Items = append(list.Items, contactOf(&page.Contacts[i], stages))
	}
	return list, nil
}

func (s *service) contactQuery(ctx context.Context, who caller, p ListContactsParams) (report.ContactQuery, error) {
	q := report.ContactQuery{Search: text(p.Q), Touch: text(p.Touch)}
	if p.Limit != nil {
		q.Limit = *p.Limit
	}
	var err error
	if q.Filters, err = filters(p.Filter); err != nil {
		return q, err
	}
	if p.From != nil || p.To != nil {
		from, to := firstDay, lastDay
		if p.From != nil {
			from = *p.From
		}
		if p.To != nil {
			to = *p.To
		}
		if q.Period, err = s.reports(who).Days(from, to); err != nil {
			return q, err
		}
	}
	if stage := text(p.Stage); stage != "" {
		err = s.inStage(ctx, who, stage, &q)
	}
	return q, err
}

func filters(texts *Filter) ([]report.Filter, error) {
	if texts == nil {
		return nil, nil
	}
	var all []report.Filter
	for _, one := range *texts {
		f, err := report.ParseFilter(one)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// cursorWords are what a cursor is made for: a workspace and a query.
func cursorWords(who caller, p ListContactsParams) []string {
	words := []string{"contacts", strconv.FormatUint(uint64(who.Workspace), 10), text(p.Q), text(p.Stage), text(p.Touch), text(p.From), text(p.To)}
	if p.Filter != nil {
		words = append(words, *p.Filter...)
	}
	return words
}

func (s *service) sealCursor(next string, about []string) string {
	if next == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s.Sealer.Seal([]byte(next), about...))
}

func (s *service) openCursor(cursor string, about []string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var plain []byte
		if plain, err = s.Sealer.Open(sealed, about...); err == nil {
			return string(plain), nil
		}
	}
	return "", schema.E("read a page", schema.KindInvalid, "The cursor is not one that a page of this query gave. Ask for the first page without a cursor.")
}

// GetContact gives one contact.
func (s *service) GetContact(ctx context.Context, in GetContactRequestObject) (GetContactResponseObject, error) {
	contact, err := s.contact(ctx, in.Id)
	return GetContact200JSONResponse(contact), err
}

func (s *service) contact(ctx context.Context, text string) (Contact, error) {
	who := callerOf(ctx)
	found, err := s.findContact(ctx, text)
	if err != nil {
		return Contact{}, err
	}
	stages, err := s.Store.Stages(ctx, who.Workspace)
	return contactOf(&found, stages), err
}

func (s *service) findContact(ctx context.Context, text string) (report.Contact, error) {
	id, err := schema.ParseID(text)
	if err != nil {
		return report.Contact{}, schema.E("read a contact", schema.KindUnknown, "There is no such contact in this workspace. Check the address.")
	}
	return s.reports(callerOf(ctx)).Contact(ctx, id)
}

// UpdateContact moves a contact to another stage.
func (s *service) UpdateContact(ctx context.Context, in UpdateContactRequestObject) (UpdateContactResponseObject, error) {
	found, err := s.findContact(ctx, in.Id)
	if err != nil {
		return nil, err
	}
	if err = s.Store.SetStage(ctx, callerOf(ctx).Principal, stageNode(&found), in.Body.Stage); err != nil {
		return nil, err
	}
	if err = s.announce(ctx, callerOf(ctx).Workspace, &found); err != nil {
		return nil, err
	}
	if err = s.creditStage(ctx, callerOf(ctx), stageNode(&found), in.Body.Stage); err != nil {
		return nil, err
	}
	contact, err := s.contact(ctx, in.Id)
	return UpdateContact200JSONResponse(contact), err
}

// GetJourney gives what a contact did.
func (s *service) GetJourney(ctx context.Context, in GetJourneyRequestObject) (GetJourneyResponseObject, error) {
	id, err := schema.ParseID(in.Id)
	if err != nil {
		return nil, schema.E("read a journey", schema.KindUnknown, "There is no such contact in this workspace. Check the address.")
	}
	journey, err := s.reports(callerOf(ctx)).Journey(ctx, id)
	if err != nil {
		return nil, err
	}
	return GetJourney200JSONResponse{Sessions: sessionsOf(&journey)}, nil
}

// ListJourneys gives what some contacts did.
func (s *service) ListJourneys(ctx context.Context, in ListJourneysRequestObject) (ListJourneysResponseObject, error) {
	ids := make([]schema.ID, len(in.Params.Contact))
	for i, text := range in.Params.Contact {
		id, err := schema.ParseID(text)
		if err != nil {
			return nil, schema.E("read journeys", schema.KindInvalid, "%q is no id of a contact. Use the ids that the list of contacts gives.", text)
		}
		ids[i] = id
	}
	journeys, err := s.reports(callerOf(ctx)).Journeys(ctx, ids)
	if err != nil {
		return nil, err
	}
	answer := ListJourneys200JSONResponse{Items: make([]JourneyOf, len(journeys))}
	for i := range journeys {
		answer.Items[i] = JourneyOf{Contact: journeys[i].Contact.String(), Sessions: sessionsOf(&journeys[i])}
	}
	return answer, nil
}

func sessionsOf(j *report.Journey) []JourneySession {
	all := make([]JourneySession, len(j.Sessions))
	for i := range j.Sessions {
		all[i] = sessionOf(&j.Sessions[i])
	}
	return all
}

func contactOf(c *report.Contact, stages stageFacts) Contact {
	return Contact{
		Id: c.ID.String(), Email: c.Email, Phone: c.Phone, Name: c.Name, Emails: new(list(c.Emails)), Phones: new(list(c.Phones)),
		Stage: stages.of(c), CreatedAt: Moment(c.CreatedAt), ConvertedAt: moment(c.ConvertedAt),
		FirstTouch: touchOf(&c.FirstTouch), LastTouch: touchOf(&c.LastTouch), ReferrerChain: list(c.ReferrerChain),
		PagesBefore: int64(c.PagesBefore), SecondsOnSite: c.SecondsOnSite, ReturnVisits: int64(c.ReturnVisits),
		Device: c.Device, Country: c.Country, Browser: c.Browser,
		Conversations: conversationsOf(c), Evidence: evidenceOf(c),
	}
}

// list writes no texts as [], not as null.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func touchOf(t *schema.Touch) Touch {
	return Touch{
		Channel: t.Channel, Source: t.Source, Medium: t.Medium, Campaign: t.Campaign, Content: t.Content, Term: t.Term,
		LandingPage: t.LandingPage, Referrer: t.Referrer, Rule: t.Rule, At: Moment(t.At),
	}
}

func conversationsOf(c *report.Contact) []Conversation {
	all := make([]Conversation, 0, len(c.Conversations))
	for _, v := range c.Conversations {
		all = append(all, Conversation{
			Provider: v.Provider, Id: v.ID, At: Moment(v.At), Url: v.URL, Message: new(v.Message), State: new(v.State),
		})
	}
	return all
}

func evidenceOf(c *report.Contact) []Evidence {
	all := make([]Evidence, 0, len(c.Evidence))
	for _, e := range c.Evidence {
		all = append(all, Evidence{Node: string(e.Node), Method: e.Method, Evidence: e.Evidence, Verified: e.Verified, At: Moment(e.At)})
	}
	return all
}

func sessionOf(s *report.JourneySession) JourneySession {
	t := &s.Touch
	session := JourneySession{
		Id: s.ID.String(), Visitor: s.Visitor, StartedAt: Moment(s.StartedAt), EndedAt: Moment(s.EndedAt), Reason: JourneySessionReason(s.Reason),
		Channel: t.Channel, Source: t.Source, Medium: t.Medium, Campaign: t.Campaign, Content: t.Content, Term: t.Term,
		LandingPage: t.LandingPage, Referrer: t.Referrer, Rule: t.Rule, At: Moment(t.At), List: new(int64(s.List)),
		Device: s.Device, Country: s.Country, Browser: s.Browser, Items: make([]JourneyItem, 0, len(s.Items)),
	}
	for _, i := range s.Items {
		session.Items = append(session.Items, JourneyItem{
			At: Moment(i.At), Type: JourneyItemType(i.Type), Url: i.URL, Title: i.Title, Name: i.Name, ClickId: i.ClickID,
			Conversation: new(i.Conversation),
		})
	}
	return session
}
