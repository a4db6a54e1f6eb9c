package resolve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sourceloop/schema"
)

const (
	hubspotProvider   = "hubspot"
	hubspotConversion = "hubspot_conversation"
	// liveChat is HubSpot's number of the channel that its chat widget writes to.
	liveChat = "1000"
	// typeMessage is the one of six types of messages that people write.
	typeMessage = "MESSAGE"
	incoming    = "INCOMING"
)

// HubSpotConfig is what resolving HubSpot's webhooks needs.
type HubSpotConfig struct {
	Access   Access
	Identity Identity
	// Failed says on the connection's card, in words, that its token is dead.
	Failed func(ctx context.Context, connection int64, words string) error
	// Doubt finds out whether the token is dead, and then says so on the card. It
	// is called when HubSpot answers 401, which by itself says nothing.
	Doubt func(ctx context.Context, connection int64) (dead bool, err error)
	// Seen notes on the card when a webhook arrived.
	Seen func(ctx context.Context, connection int64, at schema.Millis) error
	// Erase has a contact erased who was deleted in HubSpot as their right. It is
	// called again when a delivery is repeated.
	Erase func(ctx context.Context, workspace uint32, contact schema.Node) error
	// InboxURL is where HubSpot's own pages are. Default https://app.hubspot.com.
	InboxURL string
	// Client sends the requests. Default: one with a limit of five seconds.
	Client *http.Client
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// HubSpot resolves HubSpot's webhooks. It is safe for concurrent use.
type HubSpot struct {
	config HubSpotConfig
	api    *api
}

// NewHubSpot makes a resolver.
func NewHubSpot(config HubSpotConfig) (*HubSpot, error) {
	if config.Access == nil || config.Identity == nil || config.Failed == nil || config.Seen == nil || config.Doubt == nil || config.Erase == nil {
		return nil, errors.New("cannot resolve HubSpot's webhooks: Access, Identity, Failed, Doubt, Seen and Erase are needed")
	}
	if config.InboxURL == "" {
		config.InboxURL = "https://app.hubspot.com"
	}
	config.InboxURL = strings.TrimSuffix(config.InboxURL, "/")
	if config.Client == nil {
		config.Client = newClient()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	r := &HubSpot{config: config}
	rests := newBackOffs(config.Now)
	r.api = &api{
		title: "HubSpot", access: config.Access, failed: config.Failed, client: config.Client, backOffs: rests,
		unauthorized: r.unauthorized, asked: interval, pace: rests.paceHubSpot,
	}
	return r, nil
}

// Resolve asks HubSpot for what a delivery of up to a hundred events hints at.
// Its errors are those of Intercom's. What is asked twice because a delivery
// was cut off in between leads to the same evidence.
func (r *HubSpot) Resolve(ctx context.Context, rec *schema.WebhookRecord) (*Result, error) {
	events, err := parseEvents(rec.GetBody(), rec.GetApp())
	if err != nil {
		return nil, err
	}
	received := schema.Millis(rec.GetReceived())
	if err = r.config.Seen(ctx, rec.GetConnection(), received); err != nil {
		return nil, err
	}
	q := &inquiry{
		HubSpot: r, line: &line{api: r.api, connection: rec.GetConnection()}, rec: rec,
		result: &Result{Topic: topicOf(events)}, people: map[string]*person{}, asked: map[string]bool{},
	}
	a := agendaOf(events, received)
	err = q.work(ctx, a)
	switch {
	case schema.KindOf(err) == schema.KindUnknown && err != nil:
		q.result.Outcome, q.result.Evidence = Discarded, nil
		return q.result, nil
	case err != nil:
		return nil, err
	}
	q.result.Outcome = q.outcome(a)
	return q.result, nil
}

// topicOf is one for all: counting needs few words.
func topicOf(events []hubspotEvent) string {
	topic := ""
	for i := range events {
		what, _, _ := strings.Cut(events[i].kind(), ".")
		if what != "contact" && what != "conversation" {
			what = "unknown"
		}
		if topic != "" && topic != "hubspot "+what {
			return "hubspot batch"
		}
		topic = "hubspot " + what
	}
	return topic
}

func (q *inquiry) outcome(a agenda) Outcome {
	switch {
	case a.unknown:
		return Aside
	case len(q.result.Evidence) > 0:
		return Resolved
	case q.gone:
		return Gone
	}
	return Ignored
}

// inquiry is one delivery while it is resolved.
type inquiry struct {
	*HubSpot
	*line
	rec    *schema.WebhookRecord
	result *Result
	people map[string]*person // by the id that was asked for; nil for nobody
	asked  map[string]bool    // threads
	gone   bool
}

// work asks for threads first, since they are what was waited for.
func (q *inquiry) work(ctx context.Context, a agenda) error {
	for _, id := range a.threads {
		if err := q.thread(ctx, id); err != nil {
			return err
		}
	}
	for _, m := range a.merges {
		q.found(&schema.Evidence{Claims: q.mergeClaims(m.merge, m.at)})
	}
	for _, hint := range a.contacts {
		if err := q.contactChanged(ctx, hint); err != nil {
			return err
		}
	}
	for _, id := range a.private {
		if err := q.config.Erase(ctx, q.rec.GetWorkspace(), schema.NewNode(schema.NodeHubSpot, id)); err != nil {
			return err
		}
	}
	return nil
}

func (q *inquiry) found(e *schema.Evidence) { q.result.Evidence = append(q.result.Evidence, e) }

// contactChanged reads a contact, and where that may tie them to a
// conversation, their threads: HubSpot does not tell that a thread is a
// contact's by now.
func (q *inquiry) contactChanged(ctx context.Context, hint contactHint) error {
	p, err := q.person(ctx, hint.id)
	if err != nil || p == nil {
		q.gone = q.gone || err == nil
		return err
	}
	at := max(hint.at, p.UpdatedAt.moment(hint.at))
	claims := append(q.mergeClaims(merge{from: hint.id, into: string(p.ID)}, at), q.claims(p, "", hubspotContactEvidence(string(p.ID)), at)...)
	q.found(&schema.Evidence{Claims: claims})
	if !hint.broad {
		return nil
	}
	threads, err := q.threadsOf(ctx, string(p.ID))
	if err != nil {
		return err
	}
	for i := range threads {
		if err := q.thread(ctx, string(threads[i].ID)); err != nil {
			return err
		}
	}
	return nil
}

// thread reads a conversation. It is one once somebody from outside has said
// something in the chat.
func (q *inquiry) thread(ctx context.Context, id string) error {
	if q.asked[id] {
		return nil
	}
	q.asked[id] = true
	t, err := q.readThread(ctx, id)
	if errors.Is(err, errGone) || errors.Is(err, errRestricted) {
		q.gone = true
		return nil
	}
	if err != nil {
		return err
	}
	return q.tellThread(ctx, t)
}

// isChat: others are emails, calls and what else comes together in the inbox.
func (t *thread) isChat() bool { return (t.Channel == "" || t.Channel == liveChat) && !t.Spam }

// tellThread says what a thread that was read means.
func (q *inquiry) tellThread(ctx context.Context, t *thread) error {
	if !t.isChat() {
		return nil
	}
	first, err := q.firstMessage(ctx, string(t.ID))
	if errors.Is(err, errGone) || errors.Is(err, errRestricted) || err == nil && first == nil {
		return nil
	}
	if err != nil {
		return err
	}
	// Until there is a contact the id is that of a visitor, of whom nothing can
	// be asked.
	var p *person
	if t.Contact != "" {
		if p, err = q.person(ctx, string(t.Contact)); err != nil {
			return err
		}
	}
	at := t.CreatedAt.moment(schema.Millis(q.rec.GetReceived()))
	q.found(&schema.Evidence{Claims: q.threadClaims(t, p, at), Conversion: q.conversion(t, first, p, at)})
	return nil
}
