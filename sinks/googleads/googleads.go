package googleads

import (
	"context"
	"net/url"
	"strings"
	"time"

	"sourceloop/schema"
	"sourceloop/sinks"
	"sourceloop/sinks/wire"
)

// Name is the platform's word, and title how people write it.
const (
	Name  = "google"
	title = "Google"
)

// Limits of the API: 2,000 events a request; 300 requests a minute and 100,000 a
// day of the project that the app belongs to. A batch here is smaller, since what
// became of one is told in counts only. How old an event may be is not said; it
// is the longest click-through window of a conversion action.
const (
	batch     = 50
	oldest    = 90 * 24 * time.Hour
	perMinute = 300
)

// Config says where the API is.
type Config struct {
	APIBase string           // without a slash at the end; default https://datamanager.googleapis.com
	Now     func() time.Time // default time.Now
}

// Platform is Google Ads as a sinks.Platform.
type Platform struct {
	base   string
	client *wire.Client
}

// New makes the platform.
func New(config Config) *Platform {
	if config.APIBase == "" {
		config.APIBase = "https://datamanager.googleapis.com"
	}
	return &Platform{base: strings.TrimSuffix(config.APIBase, "/"), client: wire.NewClient(config.Now, false)}
}

// Name is "google".
func (p *Platform) Name() string { return Name }

// Limits are those of the API, or below.
func (p *Platform) Limits() sinks.Limits {
	return sinks.Limits{Batch: batch, Oldest: oldest, Remembers: sinks.Forever, PerMinute: perMinute}
}

// Check tells what can be known before sending.
func (p *Platform) Check(e *schema.Outgoing, now schema.Millis) (schema.Verdict, bool) {
	if verdict, known := wire.Check(title, e, now, oldest); known {
		return verdict, true
	}
	if _, clicked := clickOf(e); !clicked && userOf(e) == nil {
		return schema.Verdict{Outcome: schema.OutcomeNoIdentity, Code: "no_identity", Words: "There is nothing that Google could match yet: no click on a Google ad in the last 90 days, and neither email nor phone. It is sent once one of them is known."}, true
	}
	return schema.Verdict{}, false
}

// Send ingests events. What was taken is OutcomeTaken, with the request's id as
// its receipt; a dry run, which Google only validates, is OutcomeSent.
func (p *Platform) Send(ctx context.Context, t schema.Target, events []schema.Outgoing) []schema.Verdict {
	return wire.Send(ctx, p, title, p.client.Now(), events, func(ctx context.Context, part []schema.Outgoing) wire.Said {
		body, err := request(t, part)
		if err != nil {
			return wire.Said{Divide: true, All: wire.Refused("unwritable", "This conversion could not be written down for Google, which is a fault of ours. Tell the operator.")}
		}
		answer := p.client.Ask(ctx, wire.Question{URL: p.base + "/v1/events:ingest", Token: t.Token, Body: body})
		return ingested(answer, t, part)
	})
}

// Confirm asks what became of a request.
func (p *Platform) Confirm(ctx context.Context, t schema.Target, receipt string, n int) schema.Verdict {
	answer := p.client.Ask(ctx, wire.Question{URL: p.base + "/v1/requestStatus:retrieve?" + url.Values{"requestId": {receipt}}.Encode(), Token: t.Token})
	return became(answer, t, receipt, n)
}
