package resolve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sourceloop/schema"
)

// Access opens the provider's API for a connection.
type Access interface {
	// Access returns the API's address, without a slash at the end, and a token
	// that lives. The error's kind is Unknown when the connection is closed,
	// Internal when the token cannot be opened, Denied when it is dead and the
	// card says so, and Limited when the provider does not renew it now.
	Access(ctx context.Context, connection int64) (baseURL, token string, err error)
}

// Identity says what is an email, a phone and an id.
type Identity interface {
	// Email gives the normal form of an address, or an error when it is none.
	Email(text string) (string, error)
	// Phone gives E.164; country (ISO 3166-1 alpha-2, or "") is where a number
	// without + was written.
	Phone(text, country string) (string, error)
	// UserID trims an id, and refuses what stands for nobody.
	UserID(text string) (string, error)
}

// IntercomConfig is what resolving Intercom's webhooks needs.
type IntercomConfig struct {
	Access   Access
	Identity Identity
	// Failed says on the connection's card, in words, that its token is dead.
	Failed func(ctx context.Context, connection int64, words string) error
	// Seen notes on the card when a webhook arrived.
	Seen func(ctx context.Context, connection int64, at schema.Millis) error
	// CleanURL takes out of a page's address what must not be kept.
	CleanURL func(address string) string
	// InboxURL is where Intercom's own pages are. Default https://app.intercom.com,
	// of which other regions are told apart by Region.
	InboxURL string
	// Region says where a connection's workspace is hosted: US, EU or AU; ""
	// when it is not known. Default: it is never known.
	Region func(ctx context.Context, connection int64) string
	// Client sends the requests. Default: one with a limit of five seconds.
	Client *http.Client
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Intercom resolves Intercom's webhooks. It is safe for concurrent use.
type Intercom struct {
	config IntercomConfig
	api    *api
}

// NewIntercom makes a resolver.
func NewIntercom(config IntercomConfig) (*Intercom, error) {
	if config.Access == nil || config.Identity == nil || config.Failed == nil || config.Seen == nil || config.CleanURL == nil {
		return nil, errors.New("cannot resolve Intercom's webhooks: Access, Identity, Failed, Seen and CleanURL are needed")
	}
	if config.InboxURL == "" {
		config.InboxURL = usInbox
	}
	config.InboxURL = strings.TrimSuffix(config.InboxURL, "/")
	if config.Region == nil {
		config.Region = func(context.Context, int64) string { return "" }
	}
	if config.Client == nil {
		config.Client = newClient()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	r := &Intercom{config: config}
	rests := newBackOffs(config.Now)
	r.api = &api{
		title: "Intercom", access: config.Access, failed: config.Failed, client: config.Client, backOffs: rests,
		header: http.Header{"Intercom-Version": {apiVersion}}, unauthorized: r.unauthorized, asked: r.pause, pace: rests.pace,
	}
	return r, nil
}

// Resolve asks Intercom for what a webhook hints at. Its errors are ErrLater
// (put it into the inbox), an error of the kind Invalid (a dead letter), or a
// failure of something of ours, after which the same record must be resolved
// again.
func (r *Intercom) Resolve(ctx context.Context, rec *schema.WebhookRecord) (*Result, error) {
	e, err := parseEnvelope(rec.GetBody())
	if err != nil {
		return nil, err
	}
	if e.AppID != rec.GetApp() {
		return nil, invalid("The webhook's app_id is another than the one it was routed by.")
	}
	if e.Topic != topicUninstalled {
		if err = r.config.Seen(ctx, rec.GetConnection(), schema.Millis(rec.GetReceived())); err != nil {
			return nil, err
		}
	}
	handle := r.handler(e.Topic)
	if handle == nil {
		return &Result{Outcome: Aside, Topic: "unknown"}, nil
	}
	q := &question{
		Intercom: r, line: &line{api: r.api, connection: rec.GetConnection()}, rec: rec, envelope: e, result: &Result{Topic: e.Topic},
		at: e.CreatedAt.moment(schema.Millis(rec.GetReceived())),
	}
	err = handle(q, ctx)
	switch {
	case errors.Is(err, errGone):
		q.end(Gone)
	case schema.KindOf(err) == schema.KindUnknown:
		q.end(Discarded)
	case err != nil:
		return nil, err
	}
	return q.result, nil
}

// question is one webhook while it is resolved.
type question struct {
	*Intercom
	*line
	rec      *schema.WebhookRecord
	envelope *envelope
	result   *Result
	at       schema.Millis // when it was sent, by Intercom's clock
}

// end is for webhooks that lead to no evidence.
func (q *question) end(outcome Outcome) {
	q.result.Outcome, q.result.Evidence = outcome, nil
}

// topicUninstalled is what the notice is called here by which Intercom says
// that a workspace removed the app. It comes unsigned to an address of its own.
const topicUninstalled = "uninstalled"

// handler knows the topics, with those of 1.x, where contacts were users and a
// contact was a lead; nil for others.
func (r *Intercom) handler(topic string) func(*question, context.Context) error {
	switch topic {
	case "contact.lead.created", "contact.lead.added_email", "contact.lead.signed_up", "contact.lead.updated",
		"contact.email.updated", "contact.user.created", "contact.user.updated", "visitor.signed_up",
		"user.created", "user.email.updated", "contact.created", "contact.added_email", "contact.signed_up":
		return (*question).contactChanged
	case "contact.merged":
		return (*question).contactMerged
	case "conversation.user.created", "conversation.user.replied", "conversation.contact.attached":
		return (*question).conversationChanged
	case "contact.deleted", "contact.archived", "contact.user.deleted", "user.deleted", "conversation.deleted", "ping":
		return (*question).ignore
	case topicUninstalled:
		return (*question).uninstalled
	}
	return nil
}

// uninstalled: anybody could have sent the notice, so Intercom is asked whether
// our token is dead.
func (q *question) uninstalled(ctx context.Context) error {
	q.end(Ignored)
	var whoever struct{}
	_, err := q.get(ctx, "/me", &whoever)
	if errors.Is(err, errDead) || errors.Is(err, errRestricted) || errors.Is(err, errGone) {
		return nil // The card says so, or it was not true.
	}
	return err
}

// ignore: what was captured stays until a person asks for its removal here, and
// a test of the subscription says nothing about anybody.
func (q *question) ignore(context.Context) error {
	q.end(Ignored)
	return nil
}

func (q *question) contactChanged(ctx context.Context) error {
	hint, err := q.hintedContact()
	if err != nil {
		return err
	}
	return q.tellContact(ctx, hint, false)
}

func (q *question) hintedContact() (*contact, error) {
	var hint contact
	if err := decodeItem(q.envelope.Data.Item, &hint, "contact"); err != nil {
		return nil, err
	}
	hint.modern()
	if hint.ID == "" {
		return nil, invalid("The webhook's contact has no id.")
	}
	return &hint, nil
}

// asOf is since when a contact's record is known to say what it says: since the
// webhook, or since the record's own later change. Without the latter, an old
// webhook that is repeated after a change of email would make the new email as
// old as the one before it.
func (q *question) asOf(c *contact) schema.Millis { return max(q.at, c.UpdatedAt.moment(q.at)) }

// contactMerged learns the merge from the webhook, where it is told, and from
// the survivor's history, which only users have.
func (q *question) contactMerged(ctx context.Context) error {
	hint, err := q.hintedContact()
	if err != nil {
		return err
	}
	return q.tellContact(ctx, hint, true)
}

// tellContact tells what a contact's record says, with its merges where its
// history is asked for.
func (q *question) tellContact(ctx context.Context, hint *contact, history bool) error {
	found, merges, err := q.contact(ctx, string(hint.ID), hint, history)
	if err != nil {
		return err
	}
	var claims []*schema.Claim
	if history {
		claims, merges = q.history(found, hint, merges)
	}
	claims = append(claims, q.mergeClaims(merges, q.at)...)
	claims = append(claims, q.claims(found, contactEvidence(string(found.ID)), q.asOf(found))...)
	q.found(&schema.Evidence{Claims: claims})
	return nil
}

// history claims the merges that the survivor knows of, and adds the one that
// the webhook told to the others when the history, which knows when, lacks it.
func (q *question) history(found, hint *contact, merges []merge) ([]*schema.Claim, []merge) {
	told := merge{from: string(hint.MergedFrom.ID), into: string(hint.ID)}
	var claims []*schema.Claim
	for _, before := range found.MergeHistory {
		m := merge{from: string(before.SourceID), into: string(found.ID)}
		claims = append(claims, q.mergeClaims([]merge{m}, before.MergedAt.moment(q.at))...)
		if m == told {
			told = merge{}
		}
	}
	return claims, append(merges, told)
}

func (q *question) conversationChanged(ctx context.Context) error {
	var hint conversation
	if err := decodeItem(q.envelope.Data.Item, &hint, "conversation"); err != nil {
		return err
	}
	hint.modern()
	if hint.ID == "" {
		hint.ID = hint.ConversationID
	}
	if hint.ID == "" {
		return invalid("The webhook's conversation has no id.")
	}
	return q.tellConversation(ctx, &hint)
}

// tellConversation tells of a conversation and the contact that it is with.
func (q *question) tellConversation(ctx context.Context, hint *conversation) error {
	chat, err := q.conversation(ctx, hint)
	if err != nil {
		return err
	}
	who := chat.contact()
	if who == "" {
		q.end(Ignored) // A conversation among teammates.
		return nil
	}
	at := chat.CreatedAt.moment(q.at)
	written := &contact{ID: text(who)}
	if string(chat.Source.Author.ID) == who {
		written.Name, written.Email = chat.Source.Author.Name, chat.Source.Author.Email
	} else if string(chat.User.ID) == who {
		written.Name, written.Email = chat.User.Name, chat.User.Email
	}
	found, merges, err := q.contact(ctx, who, written, false)
	if err != nil {
		return err
	}
	claims := q.mergeClaims(merges, at)
	claims = append(claims, q.claims(found, conversationEvidence(string(chat.ID)), at)...)
	q.found(&schema.Evidence{Claims: claims, Conversion: q.conversion(ctx, chat, found, at)})
	return nil
}

func (q *question) found(e *schema.Evidence) {
	q.result.Outcome, q.result.Evidence = Resolved, append(q.result.Evidence, e)
}
